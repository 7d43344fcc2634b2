-- The counters of a batch: order lines by delta, then a new sum only where the base is a newer one: the second half
-- of the convergence rule (ARCHITECTURE.md). Part of apply_deliveries, after all facts.
-- p_changes: what orders changed per variant. p_variant_ids: variants whose facts changed. p_created: those whose
-- ticket is new, so that its orders of before count too. p_item_ids: items whose level or tracking changed.
-- Locks: stock by (event_id, ticket_id). The sums run in statements of their own after that lock, so they see
-- every order that was counted, and only those: an order's lines and its delta commit together under the same lock.
-- Returns the events with a visible change, and those where a ticket went from or to nothing left.
create or replace function api.apply_stock_changes(
  p_changes onsale.line_change[],
  p_variant_ids bigint[],
  p_created bigint[],
  p_item_ids bigint[],
  out changed bigint[],
  out flipped bigint[]
)
returns record
language plpgsql
volatile
as $$
declare
  v_rebased bigint[];
  v_variant_ids bigint[];
  v_event_ids bigint[];
  v_ticket_ids bigint[];
  v_places tid[];
  v_base_ats timestamptz[];
  v_capacities bigint[];
  v_solds bigint[];
begin
  if p_item_ids is not null or p_variant_ids is not null then
    select array_agg(n.variant_id) into v_rebased
    from (
      select u.variant_id from unnest(p_variant_ids) as u (variant_id)
      union
      select v.variant_id
      from onsale.shopify_variants v
      where v.inventory_item_id = any (p_item_ids)
    ) n;
  end if;

  if p_changes is null and v_rebased is null then
    return;
  end if;

  -- Locked in the order of the keys, which the subquery sorts. Every table is looked up by key from a list, in a lateral
  -- subquery that the planner cannot turn round (offset 0): while statistics are young it takes the tables for small and
  -- walks all of stock (a product of 2,048 variants, PostgreSQL 18: 11 s in the update alone; so, the whole batch takes
  -- 0.5 s).
  select
    array_agg(w.variant_id), array_agg(w.event_id), array_agg(w.ticket_id), array_agg(l.ctid), array_agg(l.base_at),
    array_agg(l.capacity), array_agg(l.sold)
  into v_variant_ids, v_event_ids, v_ticket_ids, v_places, v_base_ats, v_capacities, v_solds
  from (
    select v.variant_id, v.event_id, v.ticket_id
    from (
      select u.variant_id from unnest(v_rebased) as u (variant_id)
      union
      select c.variant_id from unnest(p_changes) c
    ) n
    cross join lateral (
      select w.variant_id, w.event_id, w.ticket_id
      from onsale.shopify_variants w
      where w.variant_id = n.variant_id and w.ticket_id is not null
      offset 0
    ) v
    order by v.event_id, v.ticket_id
  ) w
  cross join lateral (
    select s.ctid, s.base_at, s.capacity, s.sold
    from onsale.stock s
    where s.event_id = w.event_id and s.ticket_id = w.ticket_id and s.channel = 'shopify'
    for update
  ) l;

  if v_places is null then
    return;
  end if;

  -- The rows are ours now, so their places (ctid) hold until they are updated.
  if p_changes is not null then
    with deltas as materialized (
      select
        k.place, k.capacity, k.sold as sold_before,
        sum(c.current_quantity)::bigint as sold,
        coalesce(sum(c.quantity) filter (where c.created_at > k.base_at + interval '2 seconds'), 0)::bigint as taken
      from unnest(p_changes) c
      join unnest(v_variant_ids, v_places, v_base_ats, v_capacities, v_solds)
        as k (variant_id, place, base_at, capacity, sold) on k.variant_id = c.variant_id
      where k.variant_id <> all (coalesce(p_created, '{}'))
      group by k.place, k.capacity, k.sold
    ), moved as (
      update onsale.stock s set
        sold = s.sold + d.sold,
        taken = s.taken + d.taken,
        capacity = s.capacity + d.sold - d.taken
      from deltas d
      where s.ctid = d.place and (d.sold <> 0 or d.taken <> 0)
      returning s.event_id, s.capacity, s.sold, s.available, d.capacity as capacity_before, d.sold_before
    )
    select
      array_agg(distinct m.event_id),
      array_agg(distinct m.event_id) filter (
        where coalesce(m.capacity_before - m.sold_before > 0, true) <> coalesce(m.available > 0, true)
      )
    into changed, flipped
    from moved m
    where (m.capacity, m.sold) is distinct from (m.capacity_before, m.sold_before);
  end if;

  if v_rebased is null then
    return;
  end if;

  with bases as materialized (
    select b.variant_id, b.base, b.base_at, b.is_tracked, b.variant_id = any (p_created) as is_created
    from api.get_shopify_base(v_rebased) b
  ), counters as materialized (
    select w.variant_id, k.ctid as place, k.base_at, k.sold, k.taken
    from unnest(v_variant_ids, v_event_ids, v_ticket_ids) as w (variant_id, event_id, ticket_id)
    cross join lateral (
      select s.ctid, s.base_at, s.sold, s.taken
      from onsale.stock s
      where s.event_id = w.event_id and s.ticket_id = w.ticket_id and s.channel = 'shopify'
      offset 0
    ) k
  ), wanted as materialized (
    select
      k.place, b.base, b.base_at, b.is_tracked,
      case when b.is_created then (
        select coalesce(sum(l.current_quantity), 0)
        from onsale.shopify_order_lines l
        where l.variant_id = b.variant_id
      )::bigint else k.sold end as sold,
      -- Only a base of another time needs its orders summed again: those since then, a few seconds' worth while
      -- levels flow.
      case when b.base_at <> k.base_at or b.is_created then (
        select coalesce(sum(l.quantity), 0)
        from onsale.shopify_order_lines l
        where l.variant_id = b.variant_id and l.created_at > b.base_at + interval '2 seconds'
      )::bigint else k.taken end as taken
    from bases b
    join counters k on k.variant_id = b.variant_id
  )
  update onsale.stock s set
    base = n.base,
    base_at = n.base_at,
    sold = n.sold,
    taken = n.taken,
    capacity = case when n.is_tracked then n.base - n.taken + n.sold end
  from wanted n
  where s.ctid = n.place
    and (s.base, s.base_at, s.sold, s.taken, s.capacity) is distinct from
      (n.base, n.base_at, n.sold, n.taken, case when n.is_tracked then n.base - n.taken + n.sold end);

  -- Both together may have left a counter where it was.
  select
    array_agg(distinct s.event_id),
    array_agg(distinct s.event_id) filter (
      where coalesce(b.capacity - b.sold > 0, true) <> coalesce(s.available > 0, true)
    )
  into changed, flipped
  from unnest(v_event_ids, v_ticket_ids, v_capacities, v_solds) as b (event_id, ticket_id, capacity, sold)
  cross join lateral (
    select k.event_id, k.capacity, k.sold, k.available
    from onsale.stock k
    where k.event_id = b.event_id and k.ticket_id = b.ticket_id and k.channel = 'shopify'
    offset 0
  ) s
  where (s.capacity, s.sold) is distinct from (b.capacity, b.sold);
end;
$$;
comment on function api.apply_stock_changes(onsale.line_change[], bigint[], bigint[], bigint[]) is
  'Moves the counters of Shopify''s channel by what a batch changed; tells which events look different now';
