-- Privacy requests of a batch: erases what is stored of customers, and remembers their ids so that a late delivery
-- does not bring them back. Stored of a customer are his id on his orders, and raw bodies that name him.
-- Runs under the exclusive gate, which every other batch holds shared (apply_deliveries).
-- A body is erased, not searched for its meaning: one that contains the id as a number of its own goes whole.
-- Returns the ordinals of requests that had something to act on (data_request: customer's orders are known).
create or replace function api.apply_redactions(
  p_facts onsale.delivery_fact[],
  p_now timestamptz,
  out applied integer[]
)
returns integer[]
language plpgsql
volatile
as $$
declare
  v_pattern text;
begin
  insert into onsale.redactions (kind, key, redacted_at)
  select distinct n.kind, n.key, p_now
  from (
    select 'customer' as kind, f.body #>> '{customer,id}' as key
    from unnest(p_facts) f
    where f.kind = 'customer_redact'
    union all
    select 'shop', f.shop from unnest(p_facts) f where f.kind = 'shop_redact'
    union all
    select 'order', o.id #>> '{}'
    from unnest(p_facts) f
    cross join lateral jsonb_array_elements(f.body -> 'orders_to_redact') as o (id)
    where f.kind = 'customer_redact' and jsonb_typeof(f.body -> 'orders_to_redact') = 'array'
  ) n
  where n.key is not null
  on conflict do nothing;

  update onsale.shopify_orders o set customer_id = null
  where o.customer_id is not null and (
    o.customer_id in (
      select (f.body #>> '{customer,id}')::bigint from unnest(p_facts) f where f.kind = 'customer_redact'
    )
    or o.order_id in (
      select (n.id #>> '{}')::bigint
      from unnest(p_facts) f
      cross join lateral jsonb_array_elements(f.body -> 'orders_to_redact') as n (id)
      where f.kind = 'customer_redact' and jsonb_typeof(f.body -> 'orders_to_redact') = 'array'
    )
    or o.shop in (select f.shop from unnest(p_facts) f where f.kind = 'shop_redact')
  );

  select '\m(' || string_agg(distinct n.id, '|') || ')\M' into v_pattern
  from (
    select f.body #>> '{customer,id}' from unnest(p_facts) f where f.kind = 'customer_redact'
    union all
    select o.id #>> '{}'
    from unnest(p_facts) f
    cross join lateral jsonb_array_elements(f.body -> 'orders_to_redact') as o (id)
    where f.kind = 'customer_redact' and jsonb_typeof(f.body -> 'orders_to_redact') = 'array'
  ) as n (id)
  where n.id is not null;

  delete from onsale.delivery_bodies d
  where encode(d.body, 'escape') ~ v_pattern
    or d.shop in (select f.shop from unnest(p_facts) f where f.kind = 'shop_redact');

  -- The row of a failed delivery stays, so that its failure stays visible; its bytes go.
  update onsale.failed_deliveries d set
    body = '',
    reason = 'Body erased at a privacy request; before: ' || d.reason,
    is_dead = true
  where d.body <> '' and (
    encode(d.body, 'escape') ~ v_pattern
    or d.shop in (select f.shop from unnest(p_facts) f where f.kind = 'shop_redact')
  );

  select array_agg(f.ordinal) into applied
  from unnest(p_facts) f
  where f.kind in ('customer_redact', 'shop_redact')
    or f.kind = 'data_request' and exists (
      select from onsale.shopify_orders o where o.customer_id = (f.body #>> '{customer,id}')::bigint
    );
end;
$$;
comment on function api.apply_redactions(onsale.delivery_fact[], timestamptz) is
  'Erases what is stored of the customers or shops that privacy requests name';
