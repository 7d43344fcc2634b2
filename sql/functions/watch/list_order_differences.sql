-- As list_product_differences, of orders: whether they are open, and how many units of what they hold. What was deleted here
-- stays deleted, and test orders that are not counted are passed over. A line of a ticket that is gone names none in the snapshot.
create or replace function api.list_order_differences(p_run_id bigint, p_after_line bigint, p_limit integer)
returns table (
  line bigint, fact onsale.delivery_fact, key text, event_id bigint, here_at timestamptz, there jsonb, here jsonb
)
language sql
stable
as $$
  with facts as materialized (
    select l.line, l.fact, (l.fact).body as body, ((l.fact).stamp).updated_at as at, ((l.fact).body ->> 'id')::bigint as order_id
    from api.list_staged_facts(p_run_id, 'orders', p_after_line, p_limit) l
    where l.fault is null
  )
  select f.line, f.fact, f.order_id::text, null::bigint, (o.stamp).updated_at, t.sides, h.sides
  from facts f
  cross join onsale.settings s
  left join onsale.shopify_orders o on o.order_id = f.order_id
  cross join lateral (
    select jsonb_build_object(
      'status', case
        when f.body ->> 'cancelled_at' is not null then 'cancelled'
        when f.body ->> 'closed_at' is not null then 'closed'
        else 'open'
      end,
      'lines', (
        select coalesce(jsonb_object_agg(n.line_id::text, jsonb_build_array(
          coalesce(n.variant_id, k.variant_id)::text, n.quantity, n.current_quantity
        )), '{}')
        from api.list_order_lines(f.body) n
        left join onsale.shopify_order_lines k on k.order_id = f.order_id and k.line_id = n.line_id
      )
    ) as sides
  ) t
  left join lateral (
    select jsonb_build_object(
      'status', o.status,
      'lines', (
        select coalesce(jsonb_object_agg(k.line_id::text, jsonb_build_array(
          k.variant_id::text, k.quantity, k.current_quantity
        )), '{}')
        from onsale.shopify_order_lines k
        where k.order_id = f.order_id
      )
    ) as sides
    where o.order_id is not null
  ) h on true
  where o.status is distinct from 'deleted'
    and (o.order_id is not null or s.counts_test_orders or not coalesce((f.body ->> 'test')::boolean, false))
    and (o.order_id is null or f.at > (o.stamp).updated_at or f.at = (o.stamp).updated_at and t.sides <> h.sides)
$$;
comment on function api.list_order_differences(bigint, bigint, integer) is
  'The orders of a snapshot after a line that the mirror has otherwise, with what either side has';
