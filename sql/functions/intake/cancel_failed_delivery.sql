-- Discards a failed delivery: it counts as ignored from now on, and its bytes are gone.
-- Locks: failed_deliveries, deliveries. Returns whether there was one; a second call: false.
create or replace function api.cancel_failed_delivery(p_shop text, p_delivery_id text)
returns boolean
language sql
volatile
security definer
set search_path = ''
as $$
  with gone as (
    delete from onsale.failed_deliveries f
    where f.shop = p_shop and f.delivery_id = p_delivery_id
    returning f.shop, f.delivery_id
  ), told as (
    update onsale.deliveries d set outcome = 'ignored'
    from gone g
    where d.shop = g.shop and d.delivery_id = g.delivery_id
  )
  select exists (select from gone)
$$;
comment on function api.cancel_failed_delivery(text, text) is 'Discards a failed delivery; false: there was none';
