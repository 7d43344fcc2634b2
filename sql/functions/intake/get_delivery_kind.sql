-- Which kind of fact a webhook topic carries; null for topics that tell the mirror nothing.
-- orders/edited and refunds/create carry no version of their order, so they may not change a count: Shopify sends
-- orders/updated beside them, and apply_deliveries asks for a look at the order.
create or replace function api.get_delivery_kind(p_topic text)
returns text
language sql
immutable
parallel safe
return case
  when p_topic in ('orders/create', 'orders/updated', 'orders/cancelled', 'orders/paid', 'orders/fulfilled',
                   'orders/partially_fulfilled') then 'order'
  when p_topic in ('inventory_levels/update', 'inventory_levels/connect') then 'level'
  when p_topic in ('products/create', 'products/update') then 'product'
  when p_topic in ('inventory_items/create', 'inventory_items/update') then 'item'
  when p_topic = 'orders/delete' then 'order_delete'
  when p_topic = 'products/delete' then 'product_delete'
  when p_topic = 'inventory_levels/disconnect' then 'level_disconnect'
  when p_topic = 'inventory_items/delete' then 'item_delete'
  when p_topic = 'customers/redact' then 'customer_redact'
  when p_topic = 'customers/data_request' then 'data_request'
  when p_topic = 'shop/redact' then 'shop_redact'
  when p_topic = 'app/uninstalled' then 'uninstalled'
end;
comment on function api.get_delivery_kind(text) is
  'Topic (orders/create) to kind of fact (order); null: nothing for the mirror';
