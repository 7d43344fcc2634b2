-- Ends the sync that was wanted: nobody wants one any more, unless somebody asked meanwhile; then one is queued again.
-- False, and nothing changes: the attempt is not the running one any more. A second call: false. Locks: wanted_syncs.
create or replace function api.complete_wanted_sync(p_attempt integer, p_now timestamptz default clock_timestamp())
returns boolean
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  delete from onsale.wanted_syncs w
  where w.state = 'running' and w.attempts = p_attempt and not w.is_wanted_again;
  if found then
    return true;
  end if;
  update onsale.wanted_syncs w set
    state = 'queued',
    is_wanted_again = false,
    attempts = 0,
    next_attempt_at = p_now,
    reason = null
  where w.state = 'running' and w.attempts = p_attempt;
  return found;
end;
$$;
comment on function api.complete_wanted_sync(integer, timestamptz) is
  'Ends the sync that was wanted; one that was asked for meanwhile is queued';
