-- Applies the next facts of a snapshot's file, at most p_limit products, items or orders, by the functions and the guards
-- of apply_deliveries: what a webhook has told since is newer, and stays. How far it has come is kept in the same transaction,
-- so a second call goes on behind the first, and after the last one no row comes back.
-- Raises class 22 and 23 where a record holds a bad number or date: the caller halves p_limit until it stands alone,
-- and passes it over by p_fault, which keeps the reason and applies nothing.
-- p_lane: the records that fall to it (lane_lines of the part says how many lanes there are); lanes are applied side by side.
-- Locks: the lane (advisory); then as apply_deliveries: the gate (shared), facts, stock, event_revisions, catalogue; then the part.
create or replace function api.apply_staged_facts(
  p_run_id bigint,
  p_kind text,
  p_limit integer,
  p_fault text default null,
  p_lane integer default 1,
  p_now timestamptz default clock_timestamp()
)
returns table (applied_line bigint, record_count integer)
language plpgsql
volatile
-- As apply_deliveries, for its reasons.
set enable_seqscan = off
set jit = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_counts_test_orders boolean;
  v_after bigint;
  v_lanes integer;
  v_last bigint;
  v_record_count integer;
  v_facts onsale.delivery_fact[];
  v_faults jsonb;
  v_result record;
  v_applied integer[] := '{}';
  v_changes onsale.line_change[];
  v_order_variants bigint[];
  v_edited bigint[];
  v_rebased bigint[];
  v_created bigint[];
  v_new_item_ids bigint[];
  v_item_ids bigint[];
begin
  perform pg_advisory_xact_lock(hashtext('onsale sync lane of ' || p_kind), p_lane);
  select p.lane_lines[p_lane], cardinality(p.lane_lines) into strict v_after, v_lanes
  from onsale.sync_parts p
  where p.run_id = p_run_id and p.kind = p_kind;
  if v_after is null then
    return;
  end if;

  perform pg_advisory_xact_lock_shared(hashtext('onsale gate'));
  select s.counts_test_orders into strict v_counts_test_orders from onsale.settings s;

  select
    max(f.line),
    count(distinct f.line),
    array_agg(f.fact) filter (where f.fault is null and not (
      (f.fact).kind = 'order' and not v_counts_test_orders and coalesce(((f.fact).body ->> 'test')::boolean, false)
      and not exists (select from onsale.shopify_orders o where o.order_id = ((f.fact).body ->> 'id')::bigint)
    )),
    jsonb_agg(jsonb_build_object('line', f.line, 'reason', f.fault)) filter (where f.fault is not null)
  into v_last, v_record_count, v_facts, v_faults
  from (
    select l.line, l.fact, coalesce(p_fault, l.fault) as fault
    from api.list_staged_facts(p_run_id, p_kind, v_after, p_limit, p_lane, v_lanes) l
  ) f;

  if v_last is null then
    update onsale.sync_parts p set
      lane_lines[p_lane] = null,
      applied_at = case
        when array_remove(p.lane_lines[:p_lane - 1] || p.lane_lines[p_lane + 1:], null) = '{}' then p_now
      end
    where p.run_id = p_run_id and p.kind = p_kind;
    return;
  end if;

  if p_kind = 'orders' then
    v_result := api.apply_shopify_orders(v_facts);
    v_applied := v_applied || v_result.applied;
    v_changes := v_result.changes;
    select array_agg(distinct c.variant_id) into v_order_variants
    from unnest(v_changes) c
    left join onsale.shopify_variants v on v.variant_id = c.variant_id
    where v.ticket_id is null;
  end if;

  if p_kind = 'products' then
    v_result := api.apply_shopify_products(v_facts, p_now);
    v_applied := v_applied || v_result.applied;
    v_edited := v_result.edited;
  end if;

  if p_kind = 'products' or v_order_variants is not null then
    v_result := api.apply_shopify_variants(v_facts, v_order_variants, p_now);
    v_applied := v_applied || v_result.applied;
    v_rebased := v_result.rebased;
    v_created := v_result.created;
    v_new_item_ids := v_result.item_ids;
    v_edited := v_edited || v_result.edited;
  end if;

  if p_kind = 'inventory' or v_new_item_ids is not null then
    v_result := api.apply_inventory(v_facts, v_new_item_ids);
    v_applied := v_applied || v_result.applied;
    v_item_ids := v_result.item_ids;
  end if;

  v_result := api.apply_stock_changes(v_changes, v_rebased, v_created, v_item_ids);

  perform api.update_revisions(v_edited, v_result.flipped, v_result.changed);

  update onsale.sync_parts p set
    lane_lines[p_lane] = v_last,
    applied_line = greatest(p.applied_line, v_last),
    read_count = p.read_count + coalesce(cardinality(v_facts), 0),
    news_count = p.news_count + (select count(distinct u.ordinal) from unnest(v_applied) as u (ordinal)),
    fault_count = p.fault_count + coalesce(jsonb_array_length(v_faults), 0),
    faults = case
      when v_faults is null then p.faults
      else jsonb_path_query_array(p.faults || v_faults, '$[0 to 99]')
    end
  where p.run_id = p_run_id and p.kind = p_kind;

  return query values (v_last, v_record_count);
end;
$$;
comment on function api.apply_staged_facts(bigint, text, integer, text, integer, timestamptz) is
  'Applies the next facts of a snapshot''s file; up to which line, and how many records; no row: there are no more';
