-- Gives an attempt back that could not begin or go on for no fault of its own (another snapshot is under way, its process stops):
-- it does not count, and is due again at p_due_at. False, and nothing changes: it is not the running one any more.
-- A second call: false. Locks: wanted_syncs.
create or replace function api.update_wanted_sync_due(p_attempt integer, p_due_at timestamptz)
returns boolean
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  update onsale.wanted_syncs w set
    state = case when w.reason is null then 'queued' else 'waiting' end,
    attempts = w.attempts - 1,
    next_attempt_at = p_due_at
  where w.state = 'running' and w.attempts = p_attempt;
  return found;
end;
$$;
comment on function api.update_wanted_sync_due(integer, timestamptz) is
  'Gives an attempt of the sync that is wanted back, uncounted';
