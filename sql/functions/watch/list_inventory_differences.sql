-- As list_product_differences, of inventory items and their levels: what is tracked, and how many units are available where.
-- What an item that is not tracked has available is nothing that anybody sees.
create or replace function api.list_inventory_differences(p_run_id bigint, p_after_line bigint, p_limit integer)
returns table (
  line bigint, fact onsale.delivery_fact, key text, event_id bigint, here_at timestamptz, there jsonb, here jsonb
)
language sql
stable
as $$
  with facts as materialized (
    select
      l.line, l.fact, (l.fact).body as body, ((l.fact).stamp).updated_at as at,
      -- Of a level what its item says, which has the same line. A join of the two would be a nested loop.
      bool_or(((l.fact).body ->> 'tracked')::boolean) over (partition by l.line) as is_tracked
    from api.list_staged_facts(p_run_id, 'inventory', p_after_line, p_limit) l
    where l.fault is null
  )
  select
    f.line, f.fact, i.inventory_item_id::text,
    (select v.event_id from onsale.shopify_variants v where v.inventory_item_id = i.inventory_item_id),
    (k.stamp).updated_at, jsonb_build_object('tracked', i.tracked),
    case when k.tracked is not null then jsonb_build_object('tracked', k.tracked) end
  from facts f
  cross join lateral (
    select (f.body ->> 'id')::bigint as inventory_item_id, (f.body ->> 'tracked')::boolean as tracked
  ) i
  left join onsale.inventory_items k on k.inventory_item_id = i.inventory_item_id
  where (f.fact).kind = 'item' and not coalesce(k.is_deleted, false)
    and (k.tracked is null or f.at > (k.stamp).updated_at or f.at = (k.stamp).updated_at and k.tracked <> i.tracked)
  union all
  select
    f.line, f.fact, i.inventory_item_id || '/' || i.location_id,
    (select v.event_id from onsale.shopify_variants v where v.inventory_item_id = i.inventory_item_id),
    (l.stamp).updated_at, jsonb_build_object('available', i.available),
    case when l.location_id is not null then
      jsonb_build_object('available', case when not l.is_disconnected then l.available end)
    end
  from facts f
  cross join lateral (
    select
      (f.body ->> 'inventory_item_id')::bigint as inventory_item_id,
      (f.body ->> 'location_id')::bigint as location_id,
      coalesce((f.body ->> 'available')::integer, 0) as available
  ) i
  left join onsale.inventory_items k on k.inventory_item_id = i.inventory_item_id
  left join onsale.inventory_levels l
    on l.inventory_item_id = i.inventory_item_id and l.location_id = i.location_id
  where (f.fact).kind = 'level' and not coalesce(k.is_deleted, false) and (
    l.location_id is null
    or f.at > (l.stamp).updated_at
    or f.at = (l.stamp).updated_at and not l.is_disconnected and l.available <> i.available and f.is_tracked
  )
$$;
comment on function api.list_inventory_differences(bigint, bigint, integer) is
  'The items and levels of a snapshot after a line that the mirror has otherwise, with what either side has';
