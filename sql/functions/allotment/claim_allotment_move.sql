-- Begins the move of a job, or says how it goes on: what a worker asks at each attempt and after each answer. Always one row.
-- call             Shopify's available is to be changed by call_delta at location_id, under call_key. was_asked: it may have been
--                  already, by an attempt that did not hear the answer
-- done             nothing is left to do: moved units came here (negative: went to Shopify), missing it did not have, told_at is
--                  Shopify's time of the last change; allotment is what the direct channel has now
-- location_wanted  nobody has said from where: call again with p_location_id
-- level_wanted     units are to go back to location_id, where they would be lost if nothing is sold from there: look, and call again
--                  with p_is_stocked if it is. Nothing has begun
-- unfinished       another move of the ticket stopped half way: other_job_id is its job
-- unclear          the call was made longer than p_key_life ago, its answer was never had, and Shopify knows its key no more: a person
--                  has to look. When a person then has the job tried again the call is made anew, under another key
-- too_late         nothing is begun: the job is ended, or another attempt than p_attempt is the newest one. What had begun goes on
--                  whoever asks
-- not_found        the job is none of an allotment, or its ticket is not there
-- How many are moved is decided here, once (again after a refusal), under the lock on the event's sales: what is wanted less what
-- there is. What is given back leaves here in the same commit, never more than is neither sold nor held; unpaid orders whose time
-- is over hold nothing.
-- Locks: tickets, then those of expire_orders, then the move, then those of update_allotment.
create or replace function api.claim_allotment_move(
  p_job_id bigint,
  p_attempt integer,
  p_location_id bigint default null,
  p_is_stocked boolean default false,
  p_key_life interval default interval '23 hours',
  p_now timestamptz default clock_timestamp()
)
returns table (
  outcome text,
  step text,
  event_id bigint,
  ticket_id bigint,
  inventory_item_id bigint,
  location_id bigint,
  call_delta bigint,
  call_key uuid,
  was_asked boolean,
  moved bigint,
  missing bigint,
  allotment bigint,
  told_at timestamptz,
  asked_at timestamptz,
  other_job_id bigint
)
language plpgsql
volatile
rows 1
security definer
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_job onsale.jobs;
  v_move onsale.allotment_moves;
  v_stock onsale.stock;
  v_delta bigint;
begin
  select t.event_id, t.id into event_id, ticket_id
  from onsale.jobs j
  join onsale.tickets t on t.id = (j.request ->> 'ticket_id')::bigint
  where j.id = p_job_id and j.kind = 'move_allotment'
  for no key update of t;
  if ticket_id is null then
    outcome := 'not_found';
    return next;
    return;
  end if;
  -- Behind the lock: what another attempt has stored it stored after it took the job.
  select j.* into strict v_job from onsale.jobs j where j.id = p_job_id;

  perform api.expire_orders(event_id, p_now);
  select m.* into v_move from onsale.allotment_moves m where m.job_id = p_job_id for update;
  select s.* into v_stock from onsale.stock s
  where s.event_id = claim_allotment_move.event_id and s.ticket_id = claim_allotment_move.ticket_id and s.channel = 'direct';
  allotment := coalesce(v_stock.capacity, 0);

  -- What Shopify refused is begun anew: it came to nothing, and somebody has the job tried again.
  if v_move.job_id is null or v_move.step = 'refused' then
    select min(m.job_id) into other_job_id
    from onsale.allotment_moves m
    where m.event_id = claim_allotment_move.event_id and m.ticket_id = claim_allotment_move.ticket_id
      and m.step not in ('done', 'refused');
    v_delta := greatest((v_job.request ->> 'units')::bigint, coalesce(v_stock.held + v_stock.sold, 0)) - allotment;
    location_id := coalesce((v_job.request ->> 'location_id')::bigint, p_location_id);
    outcome := case
      when v_job.attempts <> p_attempt or v_job.state in ('done', 'failed', 'dead') then 'too_late'
      when other_job_id is not null then 'unfinished'
      when v_delta = 0 then 'done'
      when location_id is null then 'location_wanted'
      when v_delta < 0 and not p_is_stocked then 'level_wanted'
    end;
    inventory_item_id := (v_job.request ->> 'inventory_item_id')::bigint;
    moved := 0;
    missing := 0;
    if outcome is not null then
      return next;
      return;
    end if;
    delete from onsale.allotment_moves m where m.job_id = p_job_id;
    insert into onsale.allotment_moves (
      job_id, event_id, ticket_id, inventory_item_id, location_id, delta, step, moved, created_at, updated_at
    )
    values (
      p_job_id, event_id, ticket_id, inventory_item_id, location_id, v_delta,
      case when v_delta > 0 then 'taking' else 'giving' end::onsale.move_step, least(v_delta, 0), p_now, p_now
    )
    returning * into strict v_move;
    perform api.update_allotment(event_id, ticket_id, v_move.moved, v_job.created_by, p_now);
    allotment := allotment + v_move.moved;
  end if;

  step := v_move.step;
  inventory_item_id := v_move.inventory_item_id;
  location_id := v_move.location_id;
  moved := v_move.moved;
  missing := v_move.missing;
  told_at := v_move.told_at;
  asked_at := v_move.asked_at;
  if v_move.step = 'done' then
    outcome := 'done';
    return next;
    return;
  end if;

  if v_move.asked_at <= p_now - p_key_life and not coalesce((
    select bool_or(a.at > v_move.unclear_at)
    from onsale.audit_log a
    where a.subject = 'job ' || p_job_id and a.action = 'job.retry'
  ), false) then
    update onsale.allotment_moves m set unclear_at = coalesce(m.unclear_at, p_now) where m.job_id = p_job_id;
    outcome := 'unclear';
    return next;
    return;
  end if;

  was_asked := v_move.asked_at > p_now - p_key_life;
  update onsale.allotment_moves m set
    call_key = case when was_asked then m.call_key when v_move.asked_at is null then m.call_key else gen_random_uuid() end,
    asked_at = case when was_asked then m.asked_at else p_now end,
    unclear_at = null,
    updated_at = p_now
  where m.job_id = p_job_id
  returning m.call_key into strict call_key;
  was_asked := coalesce(was_asked, false);
  call_delta := case v_move.step when 'putting_back' then v_move.missing else -v_move.delta end;
  outcome := 'call';
  return next;
end;
$$;
comment on function api.claim_allotment_move(bigint, integer, bigint, boolean, interval, timestamptz) is
  'Begins the move of a job or says how it goes on: what is to be asked of Shopify, or what came of it';
