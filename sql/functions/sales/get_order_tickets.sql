-- What the page of an order's tickets shows, as JSON; null where there is no such order. Whoever calls has seen to it that it may
-- be shown: no user is asked for. `tickets` is null unless it is PAID, and then so many of them as the page holds, void ones
-- included; `nth` counts through the whole order. An unpaid order whose time is over is EXPIRED, also where nobody has tidied it
-- yet. The event's row stays when the event is deleted, and names are those of the order.
create or replace function api.get_order_tickets(
  p_order_id bigint,
  p_page integer,
  p_limit integer,
  p_now timestamptz default clock_timestamp()
)
returns json
language sql
stable
security definer
set search_path = ''
set enable_seqscan = off
as $$
  select row_to_json(p)
  from (
    select
      o.id as order_id,
      case when o.status = 'PENDING' and o.expires_at <= p_now then 'EXPIRED' else o.status end as status,
      api.get_utc_text(o.expires_at) as expires_at,
      e.title,
      api.get_utc_text(e.starts_at) as starts_at,
      e.venue ->> 'name' as venue_name,
      e.venue ->> 'city' as venue_city,
      e.venue ->> 'timezone' as venue_timezone,
      case when o.status = 'PAID' then (
        select coalesce(json_agg(row_to_json(n) order by n.nth), '[]'::json)
        from (
          select
            row_number() over (order by u.ticket_id, u.nth) as nth,
            i.name,
            replace(u.code::text, '-', '') as code,
            u.is_void,
            api.get_utc_text(u.checked_in_at) as checked_in_at
          from onsale.ticket_units u
          join onsale.order_items i using (event_id, order_id, ticket_id)
          where u.event_id = o.event_id and u.order_id = o.id
          order by u.ticket_id, u.nth
          limit p_limit offset (p_page - 1) * p_limit
        ) n
      ) end as tickets,
      o.unit_count as total,
      (o.unit_count + p_limit - 1) / p_limit as pages
    from onsale.orders o
    join onsale.events e on e.id = o.event_id
    where o.id = p_order_id
  ) p
$$;
comment on function api.get_order_tickets(bigint, integer, integer, timestamptz) is
  'An order with a page of its tickets as JSON, for its own page; null: there is none';
