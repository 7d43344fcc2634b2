-- What a snapshot has of each kind (there), what the mirror has (here), what of the snapshot the mirror lacks (missing), and what
-- the mirror has beyond it (surplus: deleted there, while no webhook told it). Only of the files that the snapshot has; of orders
-- only those since its first day. Records of what has been told since may count on either side.
create or replace function api.list_sync_counts(p_run_id bigint)
returns table (kind text, there bigint, here bigint, missing bigint, surplus bigint)
language sql
stable
as $$
  with parts as (
    select p.kind, u.orders_since
    from onsale.sync_parts p
    join onsale.sync_runs u on u.id = p.run_id
    where p.run_id = p_run_id
  ), staged as (
    select s.kind, s.id, case when s.kind = 'level' then s.parent_id else 0 end as owner_id
    from onsale.staged_records s
    where s.run_id = p_run_id and s.kind in ('product', 'variant', 'item', 'level', 'order')
  ), mirrored as (
    select 'product' as kind, p.product_id as id, 0 as owner_id
    from onsale.shopify_products p
    where p.deleted_at is null and p.source_status is not null and 'products' in (select a.kind from parts a)
    union all
    select 'variant', v.variant_id, 0
    from onsale.shopify_variants v
    join onsale.shopify_products p on p.product_id = v.product_id
    where p.deleted_at is null and v.variant_id = any (p.variant_ids) and 'products' in (select a.kind from parts a)
    union all
    select 'item', i.inventory_item_id, 0
    from onsale.inventory_items i
    where i.tracked is not null and not i.is_deleted and 'inventory' in (select a.kind from parts a)
    union all
    select 'level', l.location_id, l.inventory_item_id
    from onsale.inventory_levels l
    left join onsale.inventory_items i on i.inventory_item_id = l.inventory_item_id
    where not l.is_disconnected and not coalesce(i.is_deleted, false) and 'inventory' in (select a.kind from parts a)
    union all
    select 'order', o.order_id, 0
    from onsale.shopify_orders o
    where o.status <> 'deleted' and o.order_id > 0
      and o.created_at >= (select a.orders_since from parts a where a.kind = 'orders')
  )
  select
    coalesce(s.kind, m.kind),
    count(s.id),
    count(m.id),
    count(*) filter (where m.id is null),
    count(*) filter (where s.id is null)
  from staged s
  full join mirrored m on m.kind = s.kind and m.id = s.id and m.owner_id = s.owner_id
  group by 1
  order by array_position('{product,variant,item,level,order}', coalesce(s.kind, m.kind))
$$;
comment on function api.list_sync_counts(bigint) is
  'How much a snapshot has and the mirror has of it, what is missing here and what is beyond it';
