-- Ends an attempt that broke off, with its reason: it goes on at p_retry_at, or (null) is given up, unless somebody asked
-- meanwhile; then it begins anew. False, and nothing changes: the attempt is not the running one any more. A second call: false.
-- Locks: wanted_syncs.
create or replace function api.fail_wanted_sync(
  p_attempt integer,
  p_reason text,
  p_retry_at timestamptz,
  p_now timestamptz default clock_timestamp()
)
returns boolean
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  update onsale.wanted_syncs w set
    state = case
      when p_retry_at is not null then 'waiting'
      when w.is_wanted_again then 'queued'
      else 'failed'
    end,
    is_wanted_again = w.is_wanted_again and p_retry_at is not null,
    attempts = case when p_retry_at is null and w.is_wanted_again then 0 else w.attempts end,
    next_attempt_at = coalesce(p_retry_at, p_now),
    reason = p_reason
  where w.state = 'running' and w.attempts = p_attempt;
  return found;
end;
$$;
comment on function api.fail_wanted_sync(integer, text, timestamptz, timestamptz) is
  'Ends an attempt of the sync that is wanted that broke off: it goes on later, or is given up';
