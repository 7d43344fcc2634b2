-- Stores what Shopify said to a call of a move, which p_call_key names. p_answer:
-- made     it has changed its available units, at p_told_at. Of a step that takes units p_quantity is what it had afterwards: as far
--          as that is below zero they were not there, and are put back next; otherwise they are here from this commit on
-- refused  it has not, and will not. What was to be taken is not moved; what was given back is here again; what was to be put back
--          stays missing there, and the rest is here
-- void     it has not, and the call is to be made under another key
-- False, and nothing changes, where the call is not the one that is waited for: somebody else has stored its answer; and where
-- something is refused to another attempt than p_attempt, the newest of the job: that one may be about to hear otherwise. A second
-- call: false. Locks: tickets, the event's sales (advisory, by event), the move, then those of update_allotment.
create or replace function api.apply_allotment_answer(
  p_job_id bigint,
  p_attempt integer,
  p_call_key uuid,
  p_answer text,
  p_quantity bigint default null,
  p_told_at timestamptz default null,
  p_now timestamptz default clock_timestamp()
)
returns boolean
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_move onsale.allotment_moves;
  v_job onsale.jobs;
  v_missing bigint;
  v_step onsale.move_step;
  v_moved bigint;
begin
  perform from onsale.allotment_moves m
  join onsale.tickets t on t.event_id = m.event_id and t.id = m.ticket_id
  where m.job_id = p_job_id
  for no key update of t;
  perform pg_advisory_xact_lock(hashtext('onsale sales'), hashint8(m.event_id))
  from onsale.allotment_moves m
  where m.job_id = p_job_id;
  select m.* into v_move from onsale.allotment_moves m
  where m.job_id = p_job_id and m.call_key = p_call_key and m.step in ('taking', 'putting_back', 'giving')
  for update;
  -- Another attempt takes the ticket's lock before it asks, and so either is seen here or sees what is stored here.
  select j.* into v_job from onsale.jobs j where j.id = p_job_id;
  if v_move.job_id is null or p_answer = 'refused' and v_job.attempts is distinct from p_attempt then
    return false;
  end if;

  v_missing := case
    when v_move.step <> 'taking' or p_answer <> 'made' then v_move.missing
    -- Without a quantity it stays null, which the table refuses.
    when p_quantity < 0 then least(-p_quantity, v_move.delta)
    when p_quantity >= 0 then 0
  end;
  v_step := case
    when p_answer = 'void' then v_move.step
    when v_move.step = 'putting_back' then 'done'
    when p_answer = 'refused' then 'refused'
    when v_missing > 0 then 'putting_back'
    else 'done'
  end;
  v_moved := case v_step
    when 'done' then v_move.delta - v_missing
    when 'refused' then 0
    else v_move.moved
  end;
  update onsale.allotment_moves m set
    step = v_step,
    missing = v_missing,
    moved = v_moved,
    -- The next call is another one.
    call_key = case when v_step in ('done', 'refused') then m.call_key else gen_random_uuid() end,
    asked_at = case when v_step in ('done', 'refused') then m.asked_at end,
    told_at = coalesce(p_told_at, m.told_at),
    updated_at = p_now
  where m.job_id = p_job_id;
  perform api.update_allotment(
    v_move.event_id, v_move.ticket_id, v_moved - v_move.moved, coalesce(v_job.created_by, 'job ' || p_job_id), p_now
  );
  return true;
end;
$$;
comment on function api.apply_allotment_answer(bigint, integer, uuid, text, bigint, timestamptz, timestamptz) is
  'Stores what Shopify said to a call of a move, and adds here what came of it; false: somebody else has';
