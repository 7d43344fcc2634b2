-- Which ticket of which event each item of an order names: one row per item, in input order. An item names a ticket by its
-- id, or by its sku, in p_event_ids' event or, where that is null, among the events that are open: for visitors and not over;
-- or it names the event alone, and so the one ticket that the direct channel shows of it.
-- match_count: how many fit. 0: none, 1: that one, more: it has to be named more closely; event_id and ticket_id are the first then.
-- Whether it can be had is for place_orders to say: this only finds it.
create or replace function api.list_order_tickets(
  p_ticket_ids bigint[],
  p_skus text[],
  p_event_ids bigint[],
  p_now timestamptz default clock_timestamp()
)
returns table (ordinal integer, event_id bigint, ticket_id bigint, match_count integer)
language sql
stable
security definer
set search_path = ''
set enable_seqscan = off
as $$
  select i.nth::integer, n.event_id, n.ticket_id, coalesce(n.match_count, 0)
  from unnest(p_ticket_ids, p_skus, p_event_ids) with ordinality as i (ticket_id, sku, event_id, nth)
  left join lateral (
    select
      (array_agg(t.event_id order by t.id))[1] as event_id,
      (array_agg(t.id order by t.id))[1] as ticket_id,
      count(*)::integer as match_count
    from (
      select t.event_id, t.id
      from onsale.tickets t
      where i.ticket_id is not null and t.id = i.ticket_id and (i.event_id is null or t.event_id = i.event_id)
      union all
      select t.event_id, t.id
      from onsale.tickets t
      join onsale.events e on e.id = t.event_id
      join onsale.stock s on s.event_id = t.event_id and s.ticket_id = t.id and s.channel = 'direct'
      where i.ticket_id is null and i.sku is not null
        and t.sku = i.sku and not t.is_removed and t.is_visible
        and e.status in ('active', 'unlisted') and e.deleted_at is null
        and case when i.event_id is null then e.over_at >= p_now else t.event_id = i.event_id end
      union all
      select t.event_id, t.id
      from onsale.tickets t
      join onsale.stock s on s.event_id = t.event_id and s.ticket_id = t.id and s.channel = 'direct'
      where i.ticket_id is null and i.sku is null and t.event_id = i.event_id and not t.is_removed and t.is_visible
    ) t
  ) n on true
  order by i.nth
$$;
comment on function api.list_order_tickets(bigint[], text[], bigint[], timestamptz) is
  'The ticket and event that each item of an order names, one row per item in input order';
