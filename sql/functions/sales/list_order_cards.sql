-- Orders of one event as the wire shows them. p_is_as_placed: as they were answered when they were placed, for a request that
-- is sent again. Each id once. The order of the columns is the order of the keys; the id stays the first, where the service reads it.
-- Neither definer nor SET, so that it is inlined.
create or replace function api.list_order_cards(p_event_id bigint, p_order_ids bigint[], p_is_as_placed boolean)
returns table (order_id bigint, card json)
language sql
stable
parallel safe
as $$
  select o.id, row_to_json(c)
  from unnest(p_order_ids) as n (order_id)
  cross join lateral (
    -- By its key: joined by hash all orders of the event were read, for 5 ms a batch after 30,000 of them.
    select o.* from onsale.orders o where o.event_id = p_event_id and o.id = n.order_id offset 0
  ) o
  cross join lateral (
    select case
      when not p_is_as_placed then o.status
      when o.total_cents = 0 then 'PAID'
      else 'PENDING'
    end::onsale.sale_status as status
  ) s
  cross join lateral (
    select
      o.id,
      o.event_id,
      'direct' as channel,
      s.status,
      o.total_cents,
      o.currency,
      case when p_is_as_placed then 1 else o.version end as version,
      o.client_token,
      (
        select json_agg(row_to_json(n) order by n.ticket_id)
        from (
          select i.ticket_id, i.sku, i.name, i.quantity as qty, i.price_cents
          from onsale.order_items i
          where i.event_id = o.event_id and i.order_id = o.id
        ) n
      ) as items,
      case when s.status = 'PAID' then (
        select json_agg(row_to_json(n) order by n.ticket_id, n.nth)
        from (
          select u.ticket_id, u.nth, replace(u.code::text, '-', '') as code, api.get_utc_text(u.checked_in_at) as checked_in_at
          from onsale.ticket_units u
          where u.event_id = o.event_id and u.order_id = o.id and not u.is_void
        ) n
      ) end as units,
      api.get_utc_text(o.expires_at) as expires_at,
      api.get_utc_text(o.created_at) as created_at,
      api.get_utc_text(case when p_is_as_placed then o.created_at else o.updated_at end) as updated_at
  ) c
$$;
comment on function api.list_order_cards(bigint, bigint[], boolean) is
  'Orders of one event as JSON, as they are or as they were placed';
