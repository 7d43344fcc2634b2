-- Keeps what the mirror has and a snapshot does not: deleted in the shop, or disconnected from a location, and not told. When that
-- happened nobody says, so it is late until p_grace after the snapshot was begun, and lost from then on; ours as in
-- apply_comparison. Left out is what was told after the snapshot was begun, what is of another shop, orders from before its first
-- day, and every file that had a line which could not be read: what it told is unknown.
-- Answers how many there are that are not repaired. A second call dates them anew. Locks: differences.
create or replace function api.apply_absences(
  p_reconciliation_id bigint,
  p_now timestamptz default clock_timestamp()
)
returns integer
language plpgsql
volatile
as $$
declare
  v_reconciliation onsale.reconciliations;
  v_run onsale.sync_runs;
  v_parts text[];
  v_busy bigint[];
  v_count integer;
begin
  select r.* into strict v_reconciliation from onsale.reconciliations r where r.id = p_reconciliation_id;
  select u.* into strict v_run from onsale.sync_runs u where u.id = v_reconciliation.run_id;
  v_parts := array(
    select p.kind from onsale.sync_parts p
    where p.run_id = v_run.id and p.loaded_at is not null and p.fault_count = 0
  );
  v_busy := array(select b.event_id from api.list_busy_events(v_reconciliation.grace, p_now) b);

  insert into onsale.differences as k (reconciliation_id, kind, key, cause, evidence, topic, body)
  select
    v_reconciliation.id, a.kind, a.key,
    case
      when a.event_id = any (v_busy) then 'ours'
      when v_run.started_at > p_now - v_reconciliation.grace then 'late'
      else 'lost'
    end,
    jsonb_build_object('there', null, 'here', a.here || jsonb_build_object('updated_at', api.get_utc_text(a.here_at))),
    a.topic, a.body
  from (
    select
      'product' as kind, p.product_id::text as key, p.event_id, (p.stamp).updated_at as here_at,
      'products/delete' as topic, jsonb_build_object('id', p.product_id) as body,
      jsonb_build_object('title', e.title, 'status', p.source_status) as here
    from onsale.shopify_products p
    left join onsale.events e on e.id = p.event_id
    where 'products' = any (v_parts) and p.shop = v_run.shop and p.deleted_at is null and p.source_status is not null
      and (p.stamp).updated_at < v_run.started_at
      and not exists (
        select from onsale.staged_records s
        where s.run_id = v_run.id and s.kind = 'product' and s.id = p.product_id
      )
    union all
    select
      'item', i.inventory_item_id::text, v.event_id, (i.stamp).updated_at, 'inventory_items/delete',
      jsonb_build_object('id', i.inventory_item_id), jsonb_build_object('tracked', i.tracked)
    from onsale.inventory_items i
    join onsale.shopify_variants v on v.inventory_item_id = i.inventory_item_id
    join onsale.shopify_products p on p.product_id = v.product_id
    where 'inventory' = any (v_parts) and p.shop = v_run.shop and not i.is_deleted and i.tracked is not null
      and (i.stamp).updated_at < v_run.started_at
      and not exists (
        select from onsale.staged_records s
        where s.run_id = v_run.id and s.kind = 'item' and s.id = i.inventory_item_id
      )
    union all
    select
      'level', l.inventory_item_id || '/' || l.location_id,
      (select v.event_id from onsale.shopify_variants v where v.inventory_item_id = l.inventory_item_id),
      (l.stamp).updated_at, 'inventory_levels/disconnect',
      jsonb_build_object('inventory_item_id', l.inventory_item_id, 'location_id', l.location_id),
      jsonb_build_object('available', l.available)
    from onsale.inventory_levels l
    where 'inventory' = any (v_parts) and not l.is_disconnected and (l.stamp).updated_at < v_run.started_at
      -- What an item had that is gone as a whole is gone with it.
      and exists (
        select from onsale.staged_records s
        where s.run_id = v_run.id and s.kind = 'item' and s.id = l.inventory_item_id
      )
      and not exists (
        select from onsale.staged_records s
        where s.run_id = v_run.id and s.kind = 'level' and s.id = l.location_id and s.parent_id = l.inventory_item_id
      )
    union all
    select
      'order', o.order_id::text, null, (o.stamp).updated_at, 'orders/delete',
      jsonb_build_object('id', o.order_id), jsonb_build_object('status', o.status)
    from onsale.shopify_orders o
    where 'orders' = any (v_parts) and o.shop = v_run.shop and o.status <> 'deleted'
      and o.created_at >= v_run.orders_since and (o.stamp).updated_at < v_run.started_at
      and not exists (
        select from onsale.staged_records s
        where s.run_id = v_run.id and s.kind = 'order' and s.id = o.order_id
      )
  ) a
  on conflict (reconciliation_id, kind, key) do update set
    cause = excluded.cause,
    evidence = excluded.evidence,
    topic = excluded.topic,
    body = excluded.body
  where k.outcome is null;
  get diagnostics v_count = row_count;
  return v_count;
end;
$$;
comment on function api.apply_absences(bigint, timestamptz) is
  'Keeps what the mirror has and a snapshot does not, with its cause';
