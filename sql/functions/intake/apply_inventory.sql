-- The inventory items and levels of a batch: keeps the latest of each. Part of apply_deliveries, after the variants.
-- p_new_item_ids: items that this batch paired with a variant; they are locked, so that a level that arrives
-- at the same moment either is seen by us or sees the variant.
-- Locks: inventory_items by id, then inventory_levels by (item, location).
-- Returns the ordinals that were news, and the items whose base or tracking may have changed.
create or replace function api.apply_inventory(
  p_facts onsale.delivery_fact[],
  p_new_item_ids bigint[],
  out applied integer[],
  out item_ids bigint[]
)
returns record
language plpgsql
volatile
as $$
declare
  v_locked bigint[];
  v_levels integer[];
  v_items integer[];
begin
  -- An item needs no lock for a level while its variant is known: the pair does not change any more.
  select array_agg(n.item_id order by n.item_id) into v_locked
  from (
    select u.item_id from unnest(p_new_item_ids) as u (item_id)
    union
    select (f.body ->> 'id')::bigint from unnest(p_facts) f where f.kind in ('item', 'item_delete')
    union
    select (f.body ->> 'inventory_item_id')::bigint
    from unnest(p_facts) f
    where f.kind in ('level', 'level_disconnect')
      and not exists (
        select from onsale.shopify_variants v
        where v.inventory_item_id = (f.body ->> 'inventory_item_id')::bigint
      )
  ) n;

  if v_locked is not null then
    insert into onsale.inventory_items (inventory_item_id)
    select u.item_id
    from unnest(v_locked) as u (item_id)
    where not exists (select from onsale.inventory_items i where i.inventory_item_id = u.item_id)
    order by u.item_id
    on conflict do nothing;

    perform from onsale.inventory_items i
    where i.inventory_item_id = any (v_locked)
    order by i.inventory_item_id
    for update;
  end if;

  with facts as (
    select distinct on (item_id)
      (f.body ->> 'id')::bigint as item_id, f.ordinal, f.stamp, (f.body ->> 'tracked')::boolean as tracked
    from unnest(p_facts) f
    where f.kind = 'item'
    order by item_id, f.stamp desc
  ), written as (
    update onsale.inventory_items i set tracked = f.tracked, stamp = f.stamp
    from facts f
    where i.inventory_item_id = f.item_id and f.stamp > i.stamp
    returning f.ordinal, f.item_id
  )
  select array_agg(w.ordinal), array_agg(w.item_id) into v_items, item_ids from written w;

  with facts as (
    select (f.body ->> 'id')::bigint as item_id, min(f.ordinal) as ordinal
    from unnest(p_facts) f
    where f.kind = 'item_delete'
    group by 1
  ), written as (
    update onsale.inventory_items i set is_deleted = true
    from facts f
    where i.inventory_item_id = f.item_id and not i.is_deleted
    returning f.ordinal
  )
  select coalesce(v_items, '{}') || coalesce(array_agg(w.ordinal), '{}') into v_items from written w;

  with facts as (
    select distinct on (item_id, location_id)
      (f.body ->> 'inventory_item_id')::bigint as item_id,
      (f.body ->> 'location_id')::bigint as location_id,
      case when f.kind = 'level' then coalesce((f.body ->> 'available')::integer, 0) else 0 end as available,
      f.kind = 'level_disconnect' as is_disconnected,
      f.ordinal,
      f.stamp
    from unnest(p_facts) f
    where f.kind in ('level', 'level_disconnect')
    order by item_id, location_id, f.stamp desc
  ), written as (
    insert into onsale.inventory_levels as l (inventory_item_id, location_id, available, is_disconnected, stamp)
    select f.item_id, f.location_id, f.available, f.is_disconnected, f.stamp
    from facts f
    order by f.item_id, f.location_id
    on conflict (inventory_item_id, location_id) do update set
      available = excluded.available,
      is_disconnected = excluded.is_disconnected,
      stamp = excluded.stamp
    where excluded.stamp > l.stamp
    returning l.inventory_item_id, l.location_id
  )
  select array_agg(f.ordinal), coalesce(item_ids, '{}') || array_agg(f.item_id)
  into v_levels, item_ids
  from written w
  join facts f on f.item_id = w.inventory_item_id and f.location_id = w.location_id;

  applied := coalesce(v_items, '{}') || coalesce(v_levels, '{}');
end;
$$;
comment on function api.apply_inventory(onsale.delivery_fact[], bigint[]) is
  'Keeps the latest version of each inventory item and level; tells which were news';
