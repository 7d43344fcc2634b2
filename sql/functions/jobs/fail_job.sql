-- Ends an attempt that did not come out as wanted, with the reasons in p_errors: [{message, field}].
-- waiting  it is tried again at p_retry_at
-- failed   the far side refused it for good
-- dead     it was tried often enough
-- Of a job that is not tried again and whose move of units has stopped half way they say that as well.
-- False, and nothing changes, where the attempt is not the running one any more. A second call: false. An event whose pending
-- change it is has a new revision. Locks: jobs, event_revisions.
create or replace function api.fail_job(
  p_id bigint,
  p_attempt integer,
  p_state text,
  p_errors jsonb,
  p_retry_at timestamptz default null,
  p_now timestamptz default clock_timestamp()
)
returns boolean
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_event_id bigint;
begin
  update onsale.jobs j set
    state = p_state::onsale.job_state,
    errors = p_errors || case when p_state = 'waiting' then '[]' else api.get_stopped_move(p_id) end,
    next_attempt_at = coalesce(p_retry_at, j.next_attempt_at),
    updated_at = p_now
  where j.id = p_id and j.state = 'running' and j.attempts = p_attempt
  returning j.event_id into v_event_id;
  if not found then
    return false;
  end if;
  if v_event_id is not null then
    perform api.update_revisions('{}', '{}', array[v_event_id]);
  end if;
  return true;
end;
$$;
comment on function api.fail_job(bigint, integer, text, jsonb, timestamptz, timestamptz) is
  'Ends an attempt that failed: to be tried again, refused for good, or given up; false: it is not the running one';
