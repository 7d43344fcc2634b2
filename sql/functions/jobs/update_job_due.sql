-- Has a job that waits, was refused or was given up tried again at once, because a person says so. Always one row.
-- queued     body is the job as it is now; the audit log says who
-- unchanged  it is queued, running or done; body as well
-- not_found  no such job
-- An event whose pending change it is has a new revision. Locks: jobs, event_revisions.
create or replace function api.update_job_due(p_id bigint, p_actor text, p_now timestamptz default clock_timestamp())
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
    when v_state in ('waiting', 'failed', 'dead') then 'queued'
    else 'unchanged'
  end;
  if outcome = 'queued' then
    update onsale.jobs j set state = 'queued', next_attempt_at = p_now, updated_at = p_now where j.id = p_id;
    insert into onsale.audit_log (at, actor, action, subject, before, after)
    values (
      p_now, p_actor, 'job.retry', 'job ' || p_id, jsonb_build_object('state', v_state), jsonb_build_object('state', 'queued')
    );
    if v_event_id is not null then
      perform api.update_revisions('{}', '{}', array[v_event_id]);
    end if;
  end if;
  body := api.get_job(p_id);
  return next;
end;
$$;
comment on function api.update_job_due(bigint, text, timestamptz) is
  'Has a job that waits, was refused or was given up tried again at once';
