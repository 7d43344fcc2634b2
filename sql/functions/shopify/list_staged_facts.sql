-- The facts of a snapshot's file after a line, as apply_deliveries would have them of webhooks: a product with its variants,
-- metafields and images, an item and its levels, an order with its lines. At most p_limit products, items or orders.
-- p_lane of p_lanes: only those that fall to this lane, by their ids.
-- line is the root's (of a level: its item's); ordinals count from 1 over all rows. A body that lacks something has its fault.
-- A fact is dated by its record's updated_at, then by the start of the run: a webhook that was triggered later wins.
-- What the mirror keeps of an order's customer is kept: a snapshot does not ask for people.
create or replace function api.list_staged_facts(
  p_run_id bigint,
  p_kind text,
  p_after_line bigint,
  p_limit integer,
  p_lane integer default 1,
  p_lanes integer default 1
)
returns table (line bigint, fact onsale.delivery_fact, fault text)
language sql
stable
as $$
  with roots as materialized (
    select s.line, s.kind, s.id, s.body, s.description
    from onsale.staged_records s
    where s.run_id = p_run_id
      and s.kind = case p_kind when 'products' then 'product' when 'inventory' then 'item' else 'order' end
      and s.line > p_after_line
      and (p_lanes = 1 or mod(hashint8(s.id) & 2147483647, p_lanes) = p_lane - 1)
    order by s.line
    limit p_limit
  ), bodies as (
    select
      r.line, 0 as nth, 'product' as kind, r.description,
      r.body || jsonb_build_object(
        'id', r.id, 'variants', coalesce(c.variants, '[]'), 'metafields', coalesce(c.metafields, '[]'),
        'images', coalesce(c.images, '[]')
      ) as body
    from roots r
    cross join lateral (
      select
        jsonb_agg(s.body || jsonb_build_object('id', s.id) order by s.line) filter (where s.kind = 'variant') as variants,
        jsonb_agg(s.body order by s.line) filter (where s.kind = 'metafield') as metafields,
        jsonb_agg(s.body order by s.line) filter (where s.kind = 'image') as images
      from onsale.staged_records s
      where s.parent_id = r.id and s.kind in ('variant', 'metafield', 'image') and s.run_id = p_run_id
      offset 0
    ) c
    where p_kind = 'products'
    union all
    select r.line, 0, 'item', null, r.body || jsonb_build_object('id', r.id)
    from roots r
    where p_kind = 'inventory'
    union all
    select
      r.line, s.line, 'level', null,
      s.body || jsonb_build_object('inventory_item_id', s.parent_id, 'location_id', s.id)
    from roots r
    cross join lateral (
      select n.line, n.id, n.parent_id, n.body
      from onsale.staged_records n
      where n.parent_id = r.id and n.kind = 'level' and n.run_id = p_run_id
      offset 0
    ) s
    where p_kind = 'inventory'
    union all
    select
      r.line, 0, 'order', null,
      r.body || jsonb_build_object(
        'id', r.id, 'line_items', coalesce(c.lines, '[]'), 'customer', jsonb_build_object('id', o.customer_id)
      )
    from roots r
    left join onsale.shopify_orders o on o.order_id = r.id
    cross join lateral (
      select jsonb_agg(s.body || jsonb_build_object('id', s.id) order by s.line) as lines
      from onsale.staged_records s
      where s.parent_id = r.id and s.kind = 'order_line' and s.run_id = p_run_id
      offset 0
    ) c
    where p_kind = 'orders'
  )
  select
    b.line,
    row(
      row_number() over (order by b.line, b.nth),
      b.kind, u.shop, 'snapshot ' || u.id, b.body, b.description,
      row((b.body ->> 'updated_at')::timestamptz, extract(epoch from u.started_at) * 1000000000, 'snapshot ' || u.id)
    )::onsale.delivery_fact,
    api.get_delivery_fault(b.kind, b.body)
  from bodies b
  join onsale.sync_runs u on u.id = p_run_id
  order by b.line, b.nth
$$;
comment on function api.list_staged_facts(bigint, text, bigint, integer, integer, integer) is
  'The facts of a snapshot''s file after a line, put together as webhooks tell them';
