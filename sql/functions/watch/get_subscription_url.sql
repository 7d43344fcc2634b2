-- Where the shop was told to send its webhooks; null: it was told nothing. No locks.
create or replace function api.get_subscription_url()
returns text
language sql
stable
security definer
set search_path = ''
as $$
  select w.url from onsale.subscription_watch w
$$;
comment on function api.get_subscription_url() is 'Where the shop was told to send its webhooks, or null';
