-- Leases the sync that is wanted to one process, until p_now + p_lease. At most one row, where it is due:
-- claimed  attempt counts this one, and is what the other functions of wanted syncs must name
-- failed   its process did not come back, and it was tried p_attempts_max times: it is given up
-- Locks: wanted_syncs, only where one is due; of two that come at once the second waits for the first and gets nothing.
create or replace function api.claim_wanted_sync(
  p_attempts_max integer,
  p_lease interval,
  p_now timestamptz default clock_timestamp()
)
returns table (outcome text, attempt integer, orders_days integer, wanted_by text)
language plpgsql
volatile
rows 1
security definer
set search_path = ''
as $$
declare
  v_due onsale.wanted_syncs;
begin
  select w.* into v_due
  from onsale.wanted_syncs w
  where w.state <> 'failed' and w.next_attempt_at <= p_now
  for update;
  if not found then
    return;
  end if;
  if v_due.state = 'running' and v_due.attempts >= p_attempts_max then
    perform api.fail_wanted_sync(v_due.attempts, 'The process that was at it did not come back', null, p_now);
    return query values ('failed', v_due.attempts, v_due.orders_days, v_due.wanted_by);
    return;
  end if;
  update onsale.wanted_syncs w set
    state = 'running',
    attempts = v_due.attempts + 1,
    next_attempt_at = p_now + p_lease;
  return query values ('claimed', v_due.attempts + 1, v_due.orders_days, v_due.wanted_by);
end;
$$;
comment on function api.claim_wanted_sync(integer, interval, timestamptz) is
  'Leases the sync that is wanted to one process; no row: none is due';
