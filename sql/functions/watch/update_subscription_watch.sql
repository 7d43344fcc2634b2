-- Takes over where the shop was told to send its webhooks; null: nowhere, and the watch ends. What is known of looks at
-- another address is forgotten. A second call changes nothing. Locks: subscription_watch.
create or replace function api.update_subscription_watch(p_url text)
returns void
language sql
volatile
security definer
set search_path = ''
as $$
  update onsale.subscription_watch w set url = p_url, claimed_at = '-infinity', completed_at = null, fault_count = null
  where w.url is distinct from p_url
$$;
comment on function api.update_subscription_watch(text) is
  'Takes over where the shop was told to send its webhooks; null: nowhere, and nothing is watched';
