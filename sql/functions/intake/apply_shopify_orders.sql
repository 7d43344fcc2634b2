-- The orders of a batch: keeps the latest version of each and its lines, and tells what that changed at which
-- variant. Part of apply_deliveries.
-- Locks: shopify_orders by order_id; their lines under that lock.
-- A second call with the same facts changes nothing: the stamp is not newer.
-- Returns the ordinals that were newer than what was known, and the changes (only those that are not nought).
create or replace function api.apply_shopify_orders(
  p_facts onsale.delivery_fact[],
  out applied integer[],
  out changes onsale.line_change[]
)
returns record
language plpgsql
volatile
as $$
declare
  v_written bigint[];
  v_updated bigint[];
  v_before onsale.line_change[];
begin
  -- A deletion is the newest fact whatever its date, and empties the row, so that nothing depends on what was
  -- known before it.
  with facts as (
    select distinct on (f.order_id) f.*
    from (
      select
        u.ordinal, u.kind, u.shop, u.body, u.stamp, (u.body ->> 'id')::bigint as order_id
      from unnest(p_facts) u
      where u.kind in ('order', 'order_delete')
    ) f
    order by f.order_id, f.kind = 'order_delete' desc, f.stamp desc
  ), written as (
    insert into onsale.shopify_orders as o
      (order_id, shop, status, is_test, created_at, customer_id, stamp)
    select
      f.order_id,
      case when f.kind = 'order_delete' then '' else f.shop end,
      case
        when f.kind = 'order_delete' then 'deleted'
        when f.body ->> 'cancelled_at' is not null then 'cancelled'
        when f.body ->> 'closed_at' is not null then 'closed'
        else 'open'
      end::onsale.order_status,
      coalesce((f.body ->> 'test')::boolean, false),
      case when f.kind = 'order' then (f.body ->> 'created_at')::timestamptz end,
      case
        when f.kind = 'order' and not exists (
          select from onsale.redactions r
          where (r.kind, r.key) in (
            ('customer', f.body #>> '{customer,id}'), ('order', f.order_id::text), ('shop', f.shop)
          )
        ) then (f.body #>> '{customer,id}')::bigint
      end,
      case when f.kind = 'order_delete' then row('-infinity', 0, '')::onsale.stamp else f.stamp end
    from facts f
    order by f.order_id
    on conflict (order_id) do update set
      shop = excluded.shop,
      status = excluded.status,
      is_test = excluded.is_test,
      created_at = excluded.created_at,
      customer_id = excluded.customer_id,
      stamp = excluded.stamp
    where o.status <> 'deleted' and (excluded.status = 'deleted' or excluded.stamp > o.stamp)
    -- xmax is 0 in a row that this very statement inserted.
    returning o.order_id, o.xmax <> 0 as is_update
  )
  select
    array_agg(f.ordinal),
    array_agg(w.order_id),
    array_agg(w.order_id) filter (where w.is_update)
  into applied, v_written, v_updated
  from written w
  join facts f on f.order_id = w.order_id;

  if v_written is null then
    return;
  end if;

  if v_updated is not null then
    select array_agg(row(l.variant_id, l.created_at, -l.quantity, -l.current_quantity)::onsale.line_change)
    into v_before
    from onsale.shopify_order_lines l
    where l.order_id = any (v_updated) and l.variant_id is not null;
  end if;

  with lines as (
    select
      o.order_id,
      l.id as line_id,
      l.variant_id,
      l.quantity,
      case
        when o.status = 'cancelled' then 0
        else coalesce(l.current_quantity, greatest(0, l.quantity - (
          -- Bodies from before 2024-01 carry no current_quantity: what was refunded is no longer wanted.
          select coalesce(sum((i.item ->> 'quantity')::integer), 0)::integer
          from jsonb_path_query(f.body, '$.refunds[*].refund_line_items[*]') as i (item)
          where (i.item ->> 'line_item_id')::bigint = l.id
        )))
      end as current_quantity,
      o.created_at
    from unnest(p_facts) f
    join onsale.shopify_orders o on o.order_id = (f.body ->> 'id')::bigint
    cross join lateral jsonb_to_recordset(f.body -> 'line_items')
      as l (id bigint, variant_id bigint, quantity integer, current_quantity integer)
    where f.ordinal = any (applied) and f.kind = 'order'
  ), gone as (
    delete from onsale.shopify_order_lines d
    where d.order_id = any (v_updated)
      and not exists (
        select from lines n where n.order_id = d.order_id and n.line_id = d.line_id
      )
  ), kept as (
    insert into onsale.shopify_order_lines as d
      (order_id, line_id, variant_id, quantity, current_quantity, created_at)
    select n.order_id, n.line_id, n.variant_id, n.quantity, n.current_quantity, n.created_at
    from lines n
    on conflict (order_id, line_id) do update set
      variant_id = excluded.variant_id,
      quantity = excluded.quantity,
      current_quantity = excluded.current_quantity,
      created_at = excluded.created_at
    where (d.variant_id, d.quantity, d.current_quantity, d.created_at)
      is distinct from (excluded.variant_id, excluded.quantity, excluded.current_quantity, excluded.created_at)
  ), changed as (
    select n.variant_id, n.created_at, n.quantity, n.current_quantity
    from lines n
    where n.variant_id is not null
    union all
    select b.variant_id, b.created_at, b.quantity, b.current_quantity
    from unnest(v_before) b
  ), summed as (
    select
      c.variant_id, c.created_at, sum(c.quantity)::bigint as quantity,
      sum(c.current_quantity)::bigint as current_quantity
    from changed c
    group by c.variant_id, c.created_at
  )
  select array_agg(row(s.variant_id, s.created_at, s.quantity, s.current_quantity)::onsale.line_change)
  into changes
  from summed s
  where s.quantity <> 0 or s.current_quantity <> 0;
end;
$$;
comment on function api.apply_shopify_orders(onsale.delivery_fact[]) is
  'Keeps the latest version of each order; tells which deliveries were news and what they changed per variant';
