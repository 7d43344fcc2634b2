-- What is left of each variant's ticket according to Shopify, as of when, and whether it is tracked at all: the
-- first half of the convergence rule (ARCHITECTURE.md, "The convergence rule"). Read by apply_stock_changes and
-- by verify, so that both mean the same.
--
-- Levels speak first: the sum of the latest level of every location, as of the newest of their times. A
-- disconnected location counts as a level of 0 at the moment it was disconnected; without that, an order between
-- the other location's level and the disconnection would be subtracted from stock that no longer contains it.
-- The product's own total speaks where no level is known, where it is more than 5 s newer than all of them (a level
-- was lost, or a location never spoke), or, as soon as it is not older, where every known location is disconnected.
-- Neither carries SET nor definer, so that the planner can inline it.
create or replace function api.get_shopify_base(p_variant_ids bigint[])
returns table (variant_id bigint, base bigint, base_at timestamptz, is_tracked boolean)
language sql
stable
parallel safe
as $$
  select
    v.variant_id,
    case when s.is_product then v.inventory_quantity else coalesce(l.total, 0) end::bigint,
    case when s.is_product then (v.stamp).updated_at else coalesce(l.newest_at, '-infinity') end,
    not (v.is_unmanaged or coalesce(not i.tracked, false))
  from onsale.shopify_variants v
  left join onsale.inventory_items i on i.inventory_item_id = v.inventory_item_id
  left join lateral (
    select
      sum(n.available) filter (where not n.is_disconnected) as total,
      max((n.stamp).updated_at) as newest_at,
      count(*) filter (where not n.is_disconnected) as connected_count
    from onsale.inventory_levels n
    where n.inventory_item_id = v.inventory_item_id
  ) l on true
  cross join lateral (
    select v.inventory_quantity is not null and (
      l.newest_at is null
      or case
        when l.connected_count > 0 then (v.stamp).updated_at > l.newest_at + interval '5 seconds'
        else (v.stamp).updated_at >= date_trunc('second', l.newest_at)
      end
    ) as is_product
  ) s
  where v.variant_id = any (p_variant_ids)
$$;
comment on function api.get_shopify_base(bigint[]) is
  'Per variant: units left as Shopify last told (base), as of base_at, and whether the variant is tracked';
