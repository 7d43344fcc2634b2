-- Ends a job that came out as wanted. False, and nothing changes, where the attempt is not the running one any more: its lease
-- ended and somebody else has taken it, or it was ended. A second call: false. Locks: jobs.
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
begin
  update onsale.jobs j set state = 'done', result = p_result, errors = '[]', updated_at = p_now
  where j.id = p_id and j.state = 'running' and j.attempts = p_attempt;
  return found;
end;
$$;
comment on function api.complete_job(bigint, integer, jsonb, timestamptz) is
  'Ends a job that came out as wanted; false: that attempt is not the running one';
