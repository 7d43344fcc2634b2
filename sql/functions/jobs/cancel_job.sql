-- Discards a job that is not done, because a person says so. Always one row.
-- discarded  it is failed now, and is not tried again; body is the job, whose errors say who it was, and where a move of units has
--            stopped half way; the audit log says who
-- running    a worker has it: nobody knows yet what comes of it, ask again; body as well
-- unchanged  it is done or failed already; body as well
-- not_found  no such job
-- An event whose pending change it is has a new revision. Locks: jobs, event_revisions.
create or replace function api.cancel_job(p_id bigint, p_actor text, p_now timestamptz default clock_timestamp())
returns table (outcome text, body json)
language plpgsql
volatile
rows 1
security definer
set search_path = ''
as $$
declare
  v_state onsale.job_state;
  v_event_id bigint;
begin
  select j.state, j.event_id into v_state, v_event_id from onsale.jobs j where j.id = p_id for update;
  outcome := case
    when v_state is null then 'not_found'
    when v_state in ('queued', 'waiting', 'dead') then 'discarded'
    when v_state = 'running' then 'running'
    else 'unchanged'
  end;
  if outcome = 'discarded' then
    update onsale.jobs j set
      state = 'failed',
      errors = jsonb_build_array(jsonb_build_object('message', 'Discarded by ' || p_actor, 'field', null))
        || api.get_stopped_move(p_id),
      updated_at = p_now
    where j.id = p_id;
    insert into onsale.audit_log (at, actor, action, subject, before, after)
    values (
      p_now, p_actor, 'job.discard', 'job ' || p_id, jsonb_build_object('state', v_state), jsonb_build_object('state', 'failed')
    );
    if v_event_id is not null then
      perform api.update_revisions('{}', '{}', array[v_event_id]);
    end if;
  end if;
  body := api.get_job(p_id);
  return next;
end;
$$;
comment on function api.cancel_job(bigint, text, timestamptz) is 'Discards a job that is not done';
