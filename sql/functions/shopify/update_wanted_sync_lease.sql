-- Extends the lease of the attempt that is under way to p_now + p_lease. False: it is not the running one any more, another
-- process has it. A lease that has run out counts as held for as long as nobody else has taken it. Locks: wanted_syncs.
create or replace function api.update_wanted_sync_lease(
  p_attempt integer,
  p_lease interval,
  p_now timestamptz default clock_timestamp()
)
returns boolean
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  update onsale.wanted_syncs w set next_attempt_at = p_now + p_lease
  where w.state = 'running' and w.attempts = p_attempt;
  return found;
end;
$$;
comment on function api.update_wanted_sync_lease(integer, interval, timestamptz) is
  'Extends the lease of the sync that is under way; false: another process has it';
