-- The tickets of an event that a visitor may see, or the hidden ones too, each with its counters in both channels and
-- their sums; what lists, details and availability are made from, so that all three mean the same. A channel without a
-- row is null.
-- capacity and available are null (unlimited) where a channel is not tracked; what is left is never below 0.
-- Neither definer nor SET, so that it is inlined into its callers' joins; of p_with_hidden, which they write as a constant,
-- nothing is left there.
create or replace function api.list_stocked_tickets(p_event_id bigint, p_with_hidden boolean)
returns table (
  ticket onsale.tickets,
  shopify onsale.stock,
  direct onsale.stock,
  capacity bigint,
  sold bigint,
  held bigint,
  available bigint
)
language sql
stable
parallel safe
as $$
  select
    t, s, d,
    case when u.is_unlimited then null else coalesce(s.capacity, 0) + coalesce(d.capacity, 0) end,
    coalesce(s.sold, 0) + coalesce(d.sold, 0),
    coalesce(s.held, 0) + coalesce(d.held, 0),
    case when u.is_unlimited then null
      else greatest(coalesce(s.available, 0), 0) + greatest(coalesce(d.available, 0), 0) end
  from onsale.tickets t
  left join onsale.stock s on s.event_id = t.event_id and s.ticket_id = t.id and s.channel = 'shopify'
  left join onsale.stock d on d.event_id = t.event_id and d.ticket_id = t.id and d.channel = 'direct'
  cross join lateral (
    select s.ticket_id is not null and s.capacity is null or d.ticket_id is not null and d.capacity is null
      as is_unlimited
  ) u
  where t.event_id = p_event_id and (p_with_hidden or t.is_visible) and not t.is_removed
$$;
comment on function api.list_stocked_tickets(bigint, boolean) is
  'Tickets of an event, the hidden ones where asked for, with their counters per channel and summed; null capacity: unlimited';
