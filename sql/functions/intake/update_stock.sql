-- Sets every counter and derived column of the mirror from the facts: the repair behind `verify --repair`.
-- p_now: the edit's time. Locks: the gate (shared); shopify_products, events, tickets, stock, each by key, of the
-- rows that differ, then revisions.
-- A second call finds nothing to do. Returns how many rows of each kind it set.
create or replace function api.update_stock(p_now timestamptz default clock_timestamp())
returns table (kind text, row_count bigint)
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_variant_ids bigint[];
  v_edited bigint[];
  v_edited_by_ticket bigint[];
  v_stock record;
  v_settings onsale.settings;
begin
  perform pg_advisory_xact_lock_shared(hashtext('onsale gate'));
  select s.* into strict v_settings from onsale.settings s;

  perform from onsale.shopify_products p
  join onsale.events e on e.id = p.event_id
  where e.status is distinct from
      api.get_event_status(p.source_status, p.tags, p.product_type, v_settings.event_tag, v_settings.event_type)
    or e.deleted_at is distinct from p.deleted_at
  order by p.product_id
  for update of p;

  with written as (
    update onsale.events e set
      status = n.status,
      deleted_at = n.deleted_at,
      version = e.version + 1,
      updated_at = p_now
    from (
      select p.event_id, p.deleted_at,
        api.get_event_status(
          p.source_status, p.tags, p.product_type, v_settings.event_tag, v_settings.event_type
        ) as status
      from onsale.shopify_products p
      where p.source_status is not null
    ) n
    where e.id = n.event_id and (e.status, e.deleted_at) is distinct from (n.status, n.deleted_at)
    returning e.id
  )
  select array_agg(w.id) into v_edited from written w;

  with written as (
    update onsale.tickets t set
      is_removed = not t.is_removed,
      version = t.version + 1,
      updated_at = p_now
    from onsale.shopify_variants v
    join onsale.shopify_products p on p.product_id = v.product_id
    where t.id = v.ticket_id and t.is_removed = (v.variant_id = any (p.variant_ids))
    returning t.event_id
  )
  select array_agg(w.event_id) into v_edited_by_ticket from written w;

  -- Which counters differ is asked before the lock and computed again under it: both by apply_stock_changes, for
  -- which a ticket counts as new, so that nothing stored is believed.
  select array_agg(distinct v.variant_id) into v_variant_ids
  from api.verify() d
  join onsale.shopify_variants v on 'ticket ' || v.ticket_id = d.key
  where d.kind = 'stock';

  insert into onsale.stock (event_id, ticket_id, channel, capacity, base, base_at, taken)
  select v.event_id, v.ticket_id, 'shopify', 0, 0, '-infinity', 0
  from onsale.shopify_variants v
  where v.variant_id = any (v_variant_ids)
  order by v.event_id, v.ticket_id
  on conflict do nothing;

  select s.* into v_stock from api.apply_stock_changes(null, v_variant_ids, v_variant_ids, null) s;

  -- An event that lost its revision gets a new one, as if it were edited.
  v_edited := v_edited || array(
    select e.id
    from onsale.events e
    where not exists (select from onsale.event_revisions r where r.event_id = e.id)
  );
  perform api.update_revisions(v_edited || v_edited_by_ticket, v_stock.flipped, v_stock.changed);

  return query
  values
    ('event', coalesce(cardinality(v_edited), 0)::bigint),
    ('ticket', coalesce(cardinality(v_edited_by_ticket), 0)::bigint),
    ('stock', coalesce(cardinality(v_variant_ids), 0)::bigint);
end;
$$;
comment on function api.update_stock(timestamptz) is
  'Sets every counter and derived column from the facts; returns how many rows of each kind differed';
