-- Counters with the names that people know them by: of the tickets asked for, or, where none are named, of those that
-- this very transaction wrote (a rehearsal asks that before it rolls back; reads the whole table).
create or replace function api.list_stock(p_ticket_ids bigint[] default null)
returns table (ticket_id bigint, event text, ticket text, capacity text, sold text, available text)
language sql
stable
security definer
set search_path = ''
as $$
  select
    s.ticket_id, e.title, coalesce(t.name, e.title), coalesce(s.capacity::text, 'unlimited'), s.sold::text,
    coalesce(s.available::text, 'unlimited')
  from onsale.stock s
  join onsale.tickets t on t.event_id = s.event_id and t.id = s.ticket_id
  join onsale.events e on e.id = s.event_id
  where case
      when p_ticket_ids is null then s.xmin::text = (pg_current_xact_id()::text::numeric % 4294967296)::text
      else s.ticket_id = any (p_ticket_ids)
    end
    and s.channel = 'shopify'
  order by s.event_id, s.ticket_id
$$;
comment on function api.list_stock(bigint[]) is
  'Counters by name: of these tickets; null: of those that this transaction wrote';
