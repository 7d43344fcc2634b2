-- What the direct channel has sold of an event, for an admin: units and money of paid orders by ticket and by the day (UTC) on
-- which they were placed, what unpaid orders hold that are not over at p_now, and the minute in which most was bought (the
-- first of several). Null where there is no such event; a deleted one still has its books.
-- Tickets that were taken out are shown where they have sold something.
create or replace function api.get_event_stats(p_event_id bigint, p_now timestamptz default clock_timestamp())
returns json
language sql
stable
security definer
set search_path = ''
as $$
  with orders as materialized (
    select o.id, o.status, o.unit_count, o.total_cents, o.created_at
    from onsale.orders o
    where o.event_id = p_event_id and (o.status = 'PAID' or o.status = 'PENDING' and o.expires_at > p_now)
  ), tickets as (
    select
      i.ticket_id,
      sum(i.quantity) filter (where o.status = 'PAID') as sold,
      sum(i.quantity) filter (where o.status = 'PENDING') as held,
      sum(i.quantity * i.price_cents) filter (where o.status = 'PAID') as revenue_cents
    from orders o
    join onsale.order_items i on i.event_id = p_event_id and i.order_id = o.id
    group by i.ticket_id
  )
  select row_to_json(b)
  from onsale.events e
  cross join lateral (
    select
      e.id as event_id,
      coalesce(sum(o.unit_count) filter (where o.status = 'PAID'), 0) as sold,
      coalesce(sum(o.unit_count) filter (where o.status = 'PENDING'), 0) as held,
      coalesce(sum(o.total_cents) filter (where o.status = 'PAID'), 0) as revenue_cents,
      e.currency,
      (
        select coalesce(json_agg(row_to_json(n) order by t.position, t.id), '[]')
        from onsale.tickets t
        left join tickets k on k.ticket_id = t.id
        cross join lateral (
          select
            t.id as ticket_id,
            coalesce(t.name, e.title) as name,
            coalesce(k.sold, 0) as sold,
            coalesce(k.held, 0) as held,
            coalesce(k.revenue_cents, 0) as revenue_cents
        ) n
        where t.event_id = e.id and (not t.is_removed or k.ticket_id is not null)
      ) as tickets,
      (
        select coalesce(json_agg(row_to_json(n) order by n.day), '[]')
        from (
          select
            (d.created_at at time zone 'UTC')::date as day,
            sum(d.unit_count) as sold,
            sum(d.total_cents) as revenue_cents
          from orders d
          where d.status = 'PAID'
          group by 1
        ) n
      ) as days,
      (
        select row_to_json(n)
        from (
          select date_trunc('minute', m.created_at, 'UTC') as at, sum(m.unit_count) as units
          from orders m
          where m.status = 'PAID'
          group by 1
          order by units desc, at
          limit 1
        ) k
        cross join lateral (select api.get_utc_text(k.at) as minute, k.units) n
      ) as top_minute
    from orders o
  ) b
  where e.id = p_event_id
$$;
comment on function api.get_event_stats(bigint, timestamptz) is
  'What the direct channel has sold of an event, as JSON; null: no such event';
