-- Gives the look at the shop's subscriptions to one caller: whoever asks first when the newest was claimed p_every ago or
-- longer. Every process asks, so it also says how the newest one came out. Where no url is known there is nothing to look at.
-- Locks: subscription_watch, only where it is due; of two that come at once the second waits for the first and gets nothing.
create or replace function api.claim_subscription_watch(
  p_every interval,
  p_now timestamptz default clock_timestamp()
)
returns table (is_claimed boolean, url text, completed_at timestamptz, fault_count integer)
language sql
volatile
security definer
set search_path = ''
as $$
  with claimed as (
    update onsale.subscription_watch w set claimed_at = p_now
    where w.url is not null and w.claimed_at <= p_now - p_every
    returning 1
  )
  select exists (select from claimed), w.url, w.completed_at, w.fault_count
  from onsale.subscription_watch w
$$;
comment on function api.claim_subscription_watch(interval, timestamptz) is
  'Whether the caller is to look at the subscriptions now, where they should lead, and how the newest look came out';
