-- Applies a batch of signed webhook deliveries: the one way in which Shopify's facts enter the mirror.
-- One row in, one row out, in input order: ordinal (from 1), outcome, reason (of a failure).
-- Outcomes: applied    news, now in the mirror
--           duplicate  this delivery's id was answered before, or stands earlier in the batch
--           stale      not newer than what is known
--           ignored    nothing for the mirror in it
--           failed     kept with its reason (fail_deliveries); the same id may be tried again
-- Any order, repetition and batching of the same deliveries ends in the same rows. A second call changes nothing.
-- Locks, in this order (sql/README.md): the gate, shopify_orders, shopify_products, events, shopify_variants,
-- inventory_items, inventory_levels, stock, jobs, event_revisions, catalogue, failed_deliveries, deliveries; each by key.
-- deliveries come last, so that a batch with a delivery of another batch waits with its work done; what the other
-- one did makes ours stale, and the id then tells that it is a duplicate.
-- Raises class 22 and 23 where a body holds a bad number, date or text: the caller bisects its batch until the body
-- stands alone, and keeps it by fail_deliveries.
-- p_bodies: all bodies, one after the other, as one text; p_body_lengths: how many bytes of UTF-8 each has. An array of
-- texts must be escaped by the sender and parsed here, bytea doubles what is sent: both cost more than the cutting.
-- p_triggered_ns: nanoseconds since 1970, 0 = not told. p_descriptions: the sanitised body_html of products.
-- p_is_replay: apply although the id was answered before.
-- p_is_whole: false where p_bodies holds excerpts of orders (src/intake/excerpt.ts); where the settings say that bodies
-- are kept, nothing is done then and no row comes back: the caller sends the bodies.
create or replace function api.apply_deliveries(
  p_shops text[],
  p_delivery_ids text[],
  p_topics text[],
  p_triggered_ns bigint[],
  p_event_ids text[],
  p_api_versions text[],
  p_bodies text,
  p_body_lengths integer[],
  p_descriptions text[],
  p_is_replay boolean default false,
  p_now timestamptz default clock_timestamp(),
  p_is_whole boolean default true
)
returns setof onsale.delivery_result
language plpgsql
volatile
security definer
set search_path = ''
-- Plans are cached while the tables are still small: without this a young database gets sequential scans that
-- stay until the next analyze. Before PostgreSQL 18 a scan that is off and still needed (a table of one row) has a
-- cost so high that its expression is compiled, which took 14 to 45 ms a batch: hence no jit.
set enable_seqscan = off
set jit = off
-- Every statement is planned once: PostgreSQL takes a plan of its own for each short list to be cheaper, and makes it anew
-- for each batch (a batch of one: 1.44 ms of CPU, so 1.16).
set plan_cache_mode = force_generic_plan
as $$
declare
  v_counts_test_orders boolean;
  v_keeps_bodies boolean;
  v_bytes bytea := convert_to(p_bodies, 'UTF8');
  v_at integer := 1;
  v_bodies bytea[];
  v_fresh integer[];
  v_facts onsale.delivery_fact[];
  v_telling integer[];
  v_kinds text[];
  v_failed integer[];
  v_reasons text[];
  v_applied integer[] := '{}';
  v_result record;
  v_changes onsale.line_change[];
  v_order_variants bigint[];
  v_edited bigint[];
  v_rebased bigint[];
  v_created bigint[];
  v_new_item_ids bigint[];
  v_item_ids bigint[];
begin
  -- What holds the gate alone knows that no batch is under way: a privacy request, so that none brings back what it
  -- erases; a change of the settings, so that none goes by the old ones.
  if p_topics && '{customers/redact,shop/redact,customers/data_request}' then
    perform pg_advisory_xact_lock(hashtext('onsale gate'));
  else
    perform pg_advisory_xact_lock_shared(hashtext('onsale gate'));
  end if;
  select s.counts_test_orders, s.keep_bodies_hours > 0 into strict v_counts_test_orders, v_keeps_bodies
  from onsale.settings s;

  -- What is kept is kept whole.
  if v_keeps_bodies and not p_is_whole then
    return;
  end if;

  for v_nth in 1..cardinality(p_body_lengths) loop
    v_bodies[v_nth] := substring(v_bytes from v_at for p_body_lengths[v_nth]);
    v_at := v_at + p_body_lengths[v_nth];
  end loop;

  -- Only deliveries that are new, or had failed, are read. Each fact is dated by its record's own updated_at, or
  -- else by the moment it was triggered. A body is parsed once and looked through once (offset 0 keeps the planner from
  -- repeating either).
  select
    array_agg(n.ordinal),
    array_agg(row(
      n.ordinal, n.kind, n.shop, n.delivery_id, n.body, n.description,
      row(
        coalesce(
          (n.body ->> 'updated_at')::timestamptz,
          timestamptz 'epoch' + (nullif(n.triggered_ns, 0) / 1000) * interval '1 microsecond',
          '-infinity'
        ),
        n.triggered_ns,
        n.delivery_id
      )
    )::onsale.delivery_fact) filter (where n.is_fact),
    array_agg(n.ordinal) filter (where n.is_fact and n.kind <> 'data_request'),
    array_agg(distinct n.kind) filter (where n.kind is not null),
    array_agg(n.ordinal) filter (where n.fault is not null),
    array_agg(n.fault) filter (where n.fault is not null)
  into v_fresh, v_facts, v_telling, v_kinds, v_failed, v_reasons
  from (
    select
      l.*,
      l.kind is not null and l.fault is null and not (
        -- A test order that was counted before the switch goes on being followed, so that it can leave again.
        l.kind = 'order' and not v_counts_test_orders and coalesce((l.body ->> 'test')::boolean, false)
        and not exists (select from onsale.shopify_orders o where o.order_id = (l.body ->> 'id')::bigint)
      ) as is_fact
    from (
      select k.*, api.get_delivery_fault(k.kind, k.body) as fault
      from (
        select
          i.ordinal, i.shop, i.delivery_id, i.triggered_ns, i.description,
          api.get_delivery_kind(i.topic) as kind,
          convert_from(i.body, 'UTF8')::jsonb as body
        from (
          select distinct on (u.shop, u.delivery_id) u.*
          from unnest(p_shops, p_delivery_ids, p_topics, p_triggered_ns, v_bodies, p_descriptions) with ordinality
            as u (shop, delivery_id, topic, triggered_ns, body, description, ordinal)
          order by u.shop, u.delivery_id, u.ordinal
        ) i
        left join onsale.deliveries d on d.shop = i.shop and d.delivery_id = i.delivery_id
        where d.shop is null or d.outcome = 'failed' or p_is_replay
        offset 0
      ) k
      offset 0
    ) l
    offset 0
  ) n;

  if v_kinds && '{customer_redact,shop_redact,data_request}' then
    v_applied := v_applied || api.apply_redactions(v_facts, p_now);
  end if;

  if v_kinds && '{uninstalled}' then
    update onsale.settings s set uninstalled_at = greatest(s.uninstalled_at, (
      -- The body is the shop, and its updated_at the shop's last edit: only the trigger dates the uninstallation.
      select max(case
        when (f.stamp).triggered_ns = 0 then p_now
        else timestamptz 'epoch' + ((f.stamp).triggered_ns / 1000) * interval '1 microsecond'
      end)
      from unnest(v_facts) f
      where f.kind = 'uninstalled'
    ));
    v_applied := v_applied || array(select f.ordinal from unnest(v_facts) f where f.kind = 'uninstalled');
  end if;

  if v_kinds && '{order,order_delete}' then
    v_result := api.apply_shopify_orders(v_facts);
    v_applied := v_applied || v_result.applied;
    v_changes := v_result.changes;
    select array_agg(distinct c.variant_id) into v_order_variants
    from unnest(v_changes) c
    left join onsale.shopify_variants v on v.variant_id = c.variant_id
    where v.ticket_id is null;
  end if;

  if v_kinds && '{product,product_delete}' then
    v_result := api.apply_shopify_products(v_facts, p_now);
    v_applied := v_applied || v_result.applied;
    v_edited := v_result.edited;
  end if;

  if v_kinds && '{product}' or v_order_variants is not null then
    v_result := api.apply_shopify_variants(v_facts, v_order_variants, p_now);
    v_applied := v_applied || v_result.applied;
    v_rebased := v_result.rebased;
    v_created := v_result.created;
    v_new_item_ids := v_result.item_ids;
    v_edited := v_edited || v_result.edited;
  end if;

  if v_kinds && '{level,level_disconnect,item,item_delete}' or v_new_item_ids is not null then
    v_result := api.apply_inventory(v_facts, v_new_item_ids);
    v_applied := v_applied || v_result.applied;
    v_item_ids := v_result.item_ids;
  end if;

  v_result := api.apply_stock_changes(v_changes, v_rebased, v_created, v_item_ids);

  -- These tell that an order has changed, and not how it is now: the shop is asked.
  if p_topics && '{orders/edited,refunds/create}' then
    perform api.place_order_looks(array(
      select coalesce(b.body #>> '{order_edit,order_id}', b.body ->> 'order_id')
      from (
        select convert_from(v_bodies[u.ordinal], 'UTF8')::jsonb as body
        from unnest(p_topics) with ordinality as u (topic, ordinal)
        where u.topic in ('orders/edited', 'refunds/create') and u.ordinal = any (v_fresh)
        offset 0
      ) b
    ), p_now);
  end if;

  perform api.update_revisions(v_edited, v_result.flipped, v_result.changed);

  if v_failed is not null then
    perform api.fail_deliveries(
      array_agg(p_shops[f.ordinal]), array_agg(p_delivery_ids[f.ordinal]), array_agg(p_topics[f.ordinal]),
      array_agg(p_triggered_ns[f.ordinal]), array_agg(p_event_ids[f.ordinal]), array_agg(p_api_versions[f.ordinal]),
      array_agg(encode(v_bodies[f.ordinal], 'base64')), array_agg(null::text),
      array_agg(f.reason), p_now
    )
    from unnest(v_failed, v_reasons) as f (ordinal, reason);
  end if;

  -- What had failed and did not fail now is settled; the same id may stand in the batch twice.
  if exists (select from onsale.failed_deliveries) then
    delete from onsale.failed_deliveries d
    using unnest(p_shops, p_delivery_ids) as i (shop, delivery_id)
    where d.shop = i.shop and d.delivery_id = i.delivery_id
      and not exists (
        select from unnest(v_failed) as f (ordinal)
        where p_shops[f.ordinal] = d.shop and p_delivery_ids[f.ordinal] = d.delivery_id
      );
  end if;

  if v_keeps_bodies then
    insert into onsale.delivery_bodies (shop, delivery_id, triggered_ns, body, received_at)
    select i.shop, i.delivery_id, i.triggered_ns, i.body, p_now
    from unnest(p_shops, p_delivery_ids, p_triggered_ns, v_bodies) with ordinality
      as i (shop, delivery_id, triggered_ns, body, ordinal)
    where i.ordinal <> all (coalesce(v_failed, '{}'))
      and not api.get_redacted(i.body, i.shop)
      and api.get_delivery_kind(p_topics[i.ordinal]) is not null
      and api.get_delivery_kind(p_topics[i.ordinal]) not in ('customer_redact', 'shop_redact', 'data_request')
    order by i.shop, i.delivery_id
    on conflict do nothing;
  end if;

  return query
  with answered as (
    select
      u.ordinal, u.shop, u.delivery_id, u.topic,
      case
        when u.ordinal = any (v_applied) then 'applied'
        when u.ordinal = any (v_failed) then 'failed'
        when u.ordinal = any (v_telling) then 'stale'
        when u.ordinal = any (v_fresh) then 'ignored'
      end::onsale.delivery_outcome as outcome
    from unnest(p_shops, p_delivery_ids, p_topics) with ordinality as u (shop, delivery_id, topic, ordinal)
  ), recorded as (
    insert into onsale.deliveries as d (shop, delivery_id, topic, received_at, outcome)
    select a.shop, a.delivery_id, a.topic, p_now, a.outcome
    from answered a
    where a.outcome is not null
    order by a.shop, a.delivery_id
    on conflict (shop, delivery_id) do update set outcome = excluded.outcome
    -- A replay that fails leaves what was applied before as it was.
    where d.outcome = 'failed' or p_is_replay and excluded.outcome <> 'failed'
    returning d.shop, d.delivery_id
  )
  select
    a.ordinal::integer,
    -- `in` is hashed; a join to recorded, whose size the planner takes for 1, was a nested loop: 15 of 38 ms at 300.
    case
      when a.outcome is null then 'duplicate'
      when a.outcome = 'failed' or (a.shop, a.delivery_id) in (select r.shop, r.delivery_id from recorded r)
      then a.outcome::text
      else 'duplicate'
    end,
    v_reasons[array_position(v_failed, a.ordinal::integer)]
  from answered a
  order by a.ordinal;
end;
$$;
comment on function api.apply_deliveries(
  text[], text[], text[], bigint[], text[], text[], text, integer[], text[], boolean, timestamptz, boolean
) is 'Applies a batch of signed deliveries; one row each in input order: ordinal, outcome, reason';
