-- Keeps how a claimed look at the subscriptions came out, for every process to show. A second call overwrites the first.
-- Locks: subscription_watch.
create or replace function api.complete_subscription_watch(
  p_fault_count integer,
  p_now timestamptz default clock_timestamp()
)
returns void
language sql
volatile
security definer
set search_path = ''
as $$
  update onsale.subscription_watch w set completed_at = p_now, fault_count = p_fault_count
$$;
comment on function api.complete_subscription_watch(integer, timestamptz) is
  'Keeps how a claimed look at the subscriptions came out: those that were missing or wrong';
