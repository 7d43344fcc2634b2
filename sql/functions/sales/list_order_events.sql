-- The event of each order: one row per id, in input order, so that what is asked of orders can be grouped by event. Null: unknown.
create or replace function api.list_order_events(p_order_ids bigint[])
returns table (ordinal integer, event_id bigint)
language sql
stable
security definer
set search_path = ''
set enable_seqscan = off
as $$
  select u.nth::integer, o.event_id
  from unnest(p_order_ids) with ordinality as u (order_id, nth)
  left join onsale.orders o on o.id = u.order_id
  order by u.nth
$$;
comment on function api.list_order_events(bigint[]) is 'The event of each order, one row per id in input order';
