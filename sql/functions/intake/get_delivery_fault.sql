-- What a parsed body lacks to be a fact of its kind, as a sentence; null: nothing. A body with a fault is kept as
-- failed without disturbing its batch. Faults of type (a bad number, a bad date) raise class 22 when they are read,
-- and the caller bisects its batch.
create or replace function api.get_delivery_fault(p_kind text, p_body jsonb)
returns text
language sql
immutable
parallel safe
return case
  when p_kind is null then null
  when jsonb_typeof(p_body) <> 'object' then 'Body is not an object'
  -- PostgreSQL also takes "infinity" or "now" for an instant, and nothing could ever be newer than the first.
  when p_body ->> 'updated_at' not like '____-__-__T%' then 'updated_at is not an instant'
  when p_kind in ('level', 'level_disconnect') then
    case
      when p_body ->> 'inventory_item_id' is null then 'Level has no inventory_item_id'
      when p_body ->> 'location_id' is null then 'Level has no location_id'
    end
  when p_kind in ('data_request', 'shop_redact', 'uninstalled') then null
  when p_kind = 'customer_redact' then
    case
      when p_body #>> '{customer,id}' is null
        and jsonb_typeof(p_body -> 'orders_to_redact') is distinct from 'array'
      then 'Request names neither customer nor orders'
    end
  when p_body ->> 'id' is null then 'Body has no id'
  when p_kind = 'order' then
    case
      when p_body ->> 'created_at' is null then 'Order has no created_at'
      when p_body ->> 'created_at' not like '____-__-__T%' then 'created_at is not an instant'
      when jsonb_typeof(p_body -> 'line_items') is distinct from 'array' then 'Order has no list of line_items'
    end
  when p_kind = 'product' then
    case
      when p_body ->> 'title' is null then 'Product has no title'
      when jsonb_typeof(p_body -> 'variants') is distinct from 'array' then 'Product has no list of variants'
    end
end;
comment on function api.get_delivery_fault(text, jsonb) is
  'What the body lacks to be a fact of the kind, as a sentence; null: nothing';
