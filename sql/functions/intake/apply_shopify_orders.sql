-- The orders of a batch: keeps the latest version of each and its lines, and tells what that changed at which
-- variant. Part of apply_deliveries.
-- Locks: shopify_orders by order_id; their lines under that lock.
-- A second call with the same facts changes nothing: the stamp is not newer.
-- Returns the ordinals that were newer than what was known, and the changes: of new orders as they are, of known ones
-- only what is not nought.
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
  v_any_redacted boolean := exists (select from onsale.redactions);
  v_updated bigint[];
  v_before onsale.line_change[];
begin
  -- A deletion is the newest fact whatever its date, and empties the row, so that nothing depends on what was
  -- known before it. An order that is new has no lines yet, so its own are written by the same statement.
  with facts as (
    select distinct on (f.order_id) f.*
    from (
      select
        u.ordinal, u.kind = 'order_delete' as is_deletion, u.shop, u.body, u.stamp,
        (u.body ->> 'id')::bigint as order_id,
        case when u.kind = 'order' then (u.body ->> 'created_at')::timestamptz end as created_at
      from unnest(p_facts) u
      where u.kind in ('order', 'order_delete')
    ) f
    order by f.order_id, f.is_deletion desc, f.stamp desc
  ), written as (
    insert into onsale.shopify_orders as o
      (order_id, shop, status, is_test, created_at, customer_id, stamp)
    select
      f.order_id,
      case when f.is_deletion then '' else f.shop end,
      case
        when f.is_deletion then 'deleted'
        when f.body ->> 'cancelled_at' is not null then 'cancelled'
        when f.body ->> 'closed_at' is not null then 'closed'
        else 'open'
      end::onsale.order_status,
      coalesce((f.body ->> 'test')::boolean, false),
      f.created_at,
      case
        when not f.is_deletion and not (v_any_redacted and exists (
          select from onsale.redactions r
          where (r.kind, r.key) in (
            ('customer', f.body #>> '{customer,id}'), ('order', f.order_id::text), ('shop', f.shop)
          )
        )) then (f.body #>> '{customer,id}')::bigint
      end,
      case when f.is_deletion then row('-infinity', 0, '')::onsale.stamp else f.stamp end
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
  ), news as (
    select f.ordinal, f.order_id, w.is_update, f.is_deletion, f.body, f.created_at
    from written w
    join facts f on f.order_id = w.order_id
  ), lines as (
    select n.order_id, l.line_id, l.variant_id, l.quantity, l.current_quantity, n.created_at
    from news n
    cross join lateral api.list_order_lines(n.body) l
    where not n.is_update and not n.is_deletion
  ), kept as (
    insert into onsale.shopify_order_lines (order_id, line_id, variant_id, quantity, current_quantity, created_at)
    select n.order_id, n.line_id, n.variant_id, n.quantity, n.current_quantity, n.created_at
    from lines n
  )
  select
    (select array_agg(n.ordinal) from news n),
    (select array_agg(n.order_id) from news n where n.is_update),
    (
      select array_agg(row(s.variant_id, s.created_at, s.quantity, s.current_quantity)::onsale.line_change)
      from (
        select
          n.variant_id, n.created_at, sum(n.quantity)::bigint as quantity,
          sum(n.current_quantity)::bigint as current_quantity
        from lines n
        where n.variant_id is not null
        group by n.variant_id, n.created_at
      ) s
    )
  into applied, v_updated, changes;

  if v_updated is null then
    return;
  end if;

  -- What is known is read by a statement of its own: under the order's lock, which the first one may have waited for.
  select array_agg(row(l.variant_id, l.created_at, -l.quantity, -l.current_quantity)::onsale.line_change)
  into v_before
  from onsale.shopify_order_lines l
  where l.order_id = any (v_updated) and l.variant_id is not null;

  with lines as (
    select
      (f.body ->> 'id')::bigint as order_id, l.line_id, l.variant_id, l.quantity, l.current_quantity,
      (f.body ->> 'created_at')::timestamptz as created_at
    from unnest(p_facts) f
    cross join lateral api.list_order_lines(f.body) l
    where f.ordinal = any (applied) and f.kind = 'order' and (f.body ->> 'id')::bigint = any (v_updated)
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
  select changes || array_agg(row(s.variant_id, s.created_at, s.quantity, s.current_quantity)::onsale.line_change)
  into changes
  from summed s
  where s.quantity <> 0 or s.current_quantity <> 0;
end;
$$;
comment on function api.apply_shopify_orders(onsale.delivery_fact[]) is
  'Keeps the latest version of each order; tells which deliveries were news and what they changed per variant';
