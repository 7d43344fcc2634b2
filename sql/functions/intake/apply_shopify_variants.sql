-- The variants of a batch: keeps the latest version of each and makes the tickets from them. Part of apply_deliveries,
-- after apply_shopify_products, which holds the products' locks.
-- p_order_variant_ids: variants that orders of this batch named and that have no ticket: they get a row, and its
-- lock, so that a product that arrives at the same moment waits and then counts those orders (or we see its ticket).
-- Locks: shopify_variants by variant_id; tickets under that lock.
-- Returns the ordinals that were news, the variants to rebase, those of them whose ticket is new, the items that
-- are new to a variant (apply_inventory locks them), and the events whose tickets were edited.
create or replace function api.apply_shopify_variants(
  p_facts onsale.delivery_fact[],
  p_order_variant_ids bigint[],
  p_now timestamptz,
  out applied integer[],
  out rebased bigint[],
  out created bigint[],
  out item_ids bigint[],
  out edited bigint[]
)
returns record
language plpgsql
volatile
as $$
declare
  v_currency text;
  v_product_ids bigint[];
  v_variant_ids bigint[];
  v_products bigint[];
  v_ordinals integer[];
  v_stamps onsale.stamp[];
  v_entries jsonb[];
  v_nths bigint[];
  v_inserted bigint[];
  v_written bigint[];
  v_versions integer[];
  v_ticket_ids bigint[];
begin
  select s.currency into strict v_currency from onsale.settings s;

  -- Kept as lists: where the function stands in a join it may be run anew for every row. They are unnested where they are
  -- used: an element by its index is looked for from the beginning.
  select
    array_agg(n.variant_id), array_agg(n.product_id), array_agg(n.ordinal), array_agg(n.stamp), array_agg(n.entry),
    array_agg(n.nth)
  into v_variant_ids, v_products, v_ordinals, v_stamps, v_entries, v_nths
  from api.list_newest_variants(p_facts) n;
  select array_agg(distinct (f.body ->> 'id')::bigint) into v_product_ids
  from unnest(p_facts) f
  where f.kind = 'product';

  -- A variant that nobody has named is written in full at once: to write it in steps costs each index of the table anew.
  with named as (
    select
      f.variant_id, f.product_id, f.entry, row(f.updated_at, f.triggered_ns, f.delivery_id)::onsale.stamp as stamp
    from unnest(v_variant_ids, v_products, v_stamps, v_entries)
      as f (variant_id, product_id, updated_at, triggered_ns, delivery_id, entry)
    union all
    select distinct u.variant_id, null::bigint, null::jsonb, row('-infinity', 0, '')::onsale.stamp
    from unnest(p_order_variant_ids) as u (variant_id)
    where u.variant_id <> all (coalesce(v_variant_ids, '{}'))
  ), inserted as (
    insert into onsale.shopify_variants as v (
      variant_id, product_id, inventory_item_id, inventory_quantity, is_unmanaged, stamp
    )
    select
      n.variant_id, n.product_id,
      (n.entry ->> 'inventory_item_id')::bigint,
      (n.entry ->> 'inventory_quantity')::integer,
      coalesce(n.entry ? 'inventory_management' and n.entry ->> 'inventory_management' is null, false),
      n.stamp
    from named n
    where not exists (select from onsale.shopify_variants v where v.variant_id = n.variant_id)
    order by n.variant_id
    on conflict (variant_id) do nothing
    returning v.variant_id, v.product_id, v.inventory_item_id
  )
  select
    array_agg(i.variant_id) filter (where i.product_id is not null),
    array_agg(i.inventory_item_id) filter (where i.inventory_item_id is not null)
  into v_inserted, item_ids
  from inserted i;

  perform from onsale.shopify_variants v
  where v.variant_id = any (v_variant_ids || p_order_variant_ids)
  order by v.variant_id
  for update;

  if v_product_ids is null then
    return;
  end if;

  with facts as (
    select
      f.variant_id, f.product_id, f.ordinal, f.entry,
      row(f.updated_at, f.triggered_ns, f.delivery_id)::onsale.stamp as stamp
    from unnest(v_variant_ids, v_products, v_ordinals, v_stamps, v_entries)
      as f (variant_id, product_id, ordinal, updated_at, triggered_ns, delivery_id, entry)
    where f.variant_id <> all (coalesce(v_inserted, '{}'))
  ), items as (
    select f.variant_id, (f.entry ->> 'inventory_item_id')::bigint as inventory_item_id
    from facts f
    join onsale.shopify_variants v on v.variant_id = f.variant_id
    where f.stamp > v.stamp
      and v.inventory_item_id is distinct from (f.entry ->> 'inventory_item_id')::bigint
  ), written as (
    update onsale.shopify_variants v set
      product_id = f.product_id,
      inventory_item_id = (f.entry ->> 'inventory_item_id')::bigint,
      inventory_quantity = (f.entry ->> 'inventory_quantity')::integer,
      is_unmanaged = f.entry ? 'inventory_management' and f.entry ->> 'inventory_management' is null,
      stamp = f.stamp
    from facts f
    where v.variant_id = f.variant_id and f.stamp > v.stamp
    returning v.variant_id, f.ordinal
  ), news as (
    select w.variant_id, w.ordinal from written w
    union all
    select f.variant_id, f.ordinal
    from unnest(v_variant_ids, v_ordinals) as f (variant_id, ordinal)
    where f.variant_id = any (v_inserted)
  )
  select
    (select array_agg(distinct n.ordinal) from news n),
    (select array_agg(n.variant_id) from news n),
    item_ids || (select array_agg(i.inventory_item_id) from items i where i.inventory_item_id is not null)
  into applied, v_written, item_ids;

  select array_agg(t.id), array_agg(t.version) into v_ticket_ids, v_versions
  from onsale.shopify_products p
  join onsale.tickets t on t.event_id = p.event_id
  where p.product_id = any (v_product_ids);

  merge into onsale.tickets t
  using (
    select
      v.variant_id, p.event_id,
      nullif(f.entry ->> 'title', 'Default Title') as name,
      nullif(f.entry ->> 'option1', 'Default Title') as ticket_type,
      nullif(f.entry ->> 'sku', '') as sku,
      api.get_cents(f.entry ->> 'price', v_currency) as price_cents,
      api.get_cents(nullif(f.entry ->> 'compare_at_price', ''), v_currency) as compare_at_price_cents,
      coalesce((f.entry ->> 'position')::integer, f.nth::integer) as position,
      f.entry ->> 'inventory_policy' is not distinct from 'continue' as is_oversell_allowed
    from onsale.shopify_variants v
    join onsale.shopify_products p on p.product_id = v.product_id
    join unnest(v_variant_ids, v_entries, v_nths) as f (variant_id, entry, nth) on f.variant_id = v.variant_id
    where v.variant_id = any (v_written)
  ) n on t.shopify_variant_id = n.variant_id
  when not matched then
    insert (
      event_id, shopify_variant_id, name, ticket_type, sku, price_cents, compare_at_price_cents, position,
      is_oversell_allowed, created_at, updated_at
    )
    values (
      n.event_id, n.variant_id, n.name, n.ticket_type, n.sku, n.price_cents, n.compare_at_price_cents, n.position,
      n.is_oversell_allowed, p_now, p_now
    )
  when matched and (
    t.name, t.ticket_type, t.sku, t.price_cents, t.compare_at_price_cents, t.position, t.is_oversell_allowed
  ) is distinct from (
    n.name, n.ticket_type, n.sku, n.price_cents, n.compare_at_price_cents, n.position, n.is_oversell_allowed
  ) then
    update set
      name = n.name,
      ticket_type = n.ticket_type,
      sku = n.sku,
      price_cents = n.price_cents,
      compare_at_price_cents = n.compare_at_price_cents,
      position = n.position,
      is_oversell_allowed = n.is_oversell_allowed,
      version = t.version + 1,
      updated_at = p_now;

  with attached as (
    update onsale.shopify_variants v set event_id = t.event_id, ticket_id = t.id
    from onsale.tickets t
    where v.variant_id = any (v_written) and v.ticket_id is null and t.shopify_variant_id = v.variant_id
    returning v.variant_id, v.event_id, v.ticket_id
  ), stocked as (
    insert into onsale.stock (event_id, ticket_id, channel, capacity, base, base_at, taken)
    select a.event_id, a.ticket_id, 'shopify', 0, 0, '-infinity', 0
    from attached a
    order by a.event_id, a.ticket_id
  )
  select array_agg(a.variant_id) into created from attached a;

  -- Metafields of a variant have a stamp of their own, like those of a product.
  with facts as (
    select distinct on (variant_id)
      (v.entry ->> 'id')::bigint as variant_id, f.stamp, f.ordinal, v.entry -> 'metafields' as metafields
    from unnest(p_facts) f
    cross join lateral jsonb_array_elements(f.body -> 'variants') as v (entry)
    where f.kind = 'product' and jsonb_typeof(v.entry -> 'metafields') = 'array'
    order by variant_id, f.stamp desc
  ), written as (
    update onsale.shopify_variants v set metafields_stamp = f.stamp
    from facts f
    where v.variant_id = f.variant_id and f.stamp > v.metafields_stamp
    returning v.ticket_id, f.ordinal, f.metafields
  ), made as (
    select
      w.ticket_id,
      coalesce(api.get_json(o.own ->> 'features'), '[]') as features,
      coalesce(api.get_json(o.own ->> 'restrictions'), '{}') as restrictions,
      api.get_instant(o.own ->> 'sale_starts_at') as sale_starts_at,
      api.get_instant(o.own ->> 'sale_ends_at') as sale_ends_at
    from written w
    cross join lateral (select api.get_metafields(w.metafields) as own offset 0) o
  ), edited_tickets as (
    update onsale.tickets t set
      features = m.features,
      restrictions = m.restrictions,
      sale_starts_at = m.sale_starts_at,
      sale_ends_at = m.sale_ends_at,
      version = t.version + 1,
      updated_at = p_now
    from made m
    where t.id = m.ticket_id
      and (t.features, t.restrictions, t.sale_starts_at, t.sale_ends_at)
        is distinct from (m.features, m.restrictions, m.sale_starts_at, m.sale_ends_at)
  )
  select coalesce(applied, '{}') || coalesce(array_agg(distinct w.ordinal), '{}') into applied from written w;

  update onsale.tickets t set
    is_removed = not (v.variant_id = any (p.variant_ids)),
    version = t.version + 1,
    updated_at = p_now
  from onsale.shopify_products p
  join onsale.shopify_variants v on v.product_id = p.product_id
  where p.product_id = any (v_product_ids)
    and t.id = v.ticket_id
    and t.is_removed <> (not (v.variant_id = any (p.variant_ids)));

  select array_agg(distinct t.event_id) into edited
  from onsale.shopify_products p
  join onsale.tickets t on t.event_id = p.event_id
  left join unnest(v_ticket_ids, v_versions) as b (ticket_id, version) on b.ticket_id = t.id
  where p.product_id = any (v_product_ids) and t.version is distinct from b.version;

  rebased := v_written;
end;
$$;
comment on function api.apply_shopify_variants(onsale.delivery_fact[], bigint[], timestamptz) is
  'Keeps the latest version of each variant and makes the tickets from them';
