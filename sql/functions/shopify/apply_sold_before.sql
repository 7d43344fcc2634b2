-- Units of tickets that were sold before the first order that the mirror can know, as an admin says: Shopify tells an app only
-- orders of 60 days, and `sold` is their sum. Each figure is kept as what it stands for: one order of the variant, of no shop, from
-- before all time (so that it is never subtracted from what is left), marked by its id, which is the variant's, negative.
-- A second figure for a variant takes the place of the first; 0 takes it back. One of a variant that is not known yet counts as
-- soon as its ticket is. Outcomes, in input order: applied, unknown (no ticket so far).
-- Locks: as apply_deliveries for orders: the gate (shared), orders, variants, stock, event_revisions.
create or replace function api.apply_sold_before(
  p_variant_ids bigint[],
  p_units integer[],
  p_now timestamptz default clock_timestamp()
)
returns table (variant_id bigint, outcome text)
language plpgsql
volatile
as $$
declare
  v_facts onsale.delivery_fact[];
  v_result record;
  v_changes onsale.line_change[];
  v_order_variants bigint[];
begin
  perform pg_advisory_xact_lock_shared(hashtext('onsale gate'));

  select array_agg(row(
    u.ordinal, 'order', '', 'sold before',
    jsonb_build_object(
      'id', -u.variant_id,
      'created_at', '-infinity',
      'line_items', jsonb_build_array(jsonb_build_object(
        'id', u.variant_id, 'variant_id', u.variant_id, 'quantity', u.units, 'current_quantity', u.units
      ))
    ),
    null,
    row(p_now, 0, 'sold before')
  )::onsale.delivery_fact)
  into v_facts
  from unnest(p_variant_ids, p_units) with ordinality as u (variant_id, units, ordinal);

  v_result := api.apply_shopify_orders(v_facts);
  v_changes := v_result.changes;
  select array_agg(distinct c.variant_id) into v_order_variants
  from unnest(v_changes) c
  left join onsale.shopify_variants v on v.variant_id = c.variant_id
  where v.ticket_id is null;
  if v_order_variants is not null then
    perform api.apply_shopify_variants(v_facts, v_order_variants, p_now);
  end if;

  v_result := api.apply_stock_changes(v_changes, null, null, null);
  perform api.update_revisions(null, v_result.flipped, v_result.changed);

  return query
  select u.variant_id, case when v.ticket_id is null then 'unknown' else 'applied' end
  from unnest(p_variant_ids) with ordinality as u (variant_id, ordinal)
  left join onsale.shopify_variants v on v.variant_id = u.variant_id
  order by u.ordinal;
end;
$$;
comment on function api.apply_sold_before(bigint[], integer[], timestamptz) is
  'Units of variants that were sold before the first known order, as an admin says; applied or unknown, in input order';
