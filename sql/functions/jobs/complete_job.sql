-- Ends a job that came out as wanted. False, and nothing changes, where the attempt is not the running one any more: its lease
-- ended and somebody else has taken it, or it was ended. A second call: false. An event whose pending change it is has a new
-- revision. Locks: jobs, event_revisions.
create or replace function api.complete_job(
  p_id bigint,
  p_attempt integer,
  p_result jsonb,
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
  update onsale.jobs j set state = 'done', result = p_result, errors = '[]', updated_at = p_now
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
comment on function api.complete_job(bigint, integer, jsonb, timestamptz) is
  'Ends a job that came out as wanted; false: that attempt is not the running one';
