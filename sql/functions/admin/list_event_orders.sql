-- Orders of an event in the direct channel with their buyers, by id, as the rows of a table that an admin takes away. Page by
-- page: at most p_limit after p_after_id (null: from the first). What is placed meanwhile comes on a later page.
-- items is text as a cell shows it: 2 x General; 1 x VIP. email is null where the buyer is gone.
create or replace function api.list_event_orders(p_event_id bigint, p_after_id bigint, p_limit integer)
returns table (
  id bigint,
  user_id bigint,
  email text,
  status text,
  items text,
  unit_count integer,
  total_cents bigint,
  paid_cents bigint,
  currency text,
  expires_at text,
  created_at text,
  updated_at text
)
language sql
stable
security definer
set search_path = ''
as $$
  select
    o.id, o.user_id, u.email, o.status::text,
    (
      select string_agg(i.quantity || ' x ' || i.name, '; ' order by i.ticket_id)
      from onsale.order_items i
      where i.event_id = o.event_id and i.order_id = o.id
    ),
    o.unit_count, o.total_cents, o.paid_cents, o.currency, api.get_utc_text(o.expires_at), api.get_utc_text(o.created_at),
    api.get_utc_text(o.updated_at)
  from onsale.orders o
  left join onsale.users u on u.id = o.user_id
  where o.event_id = p_event_id and o.id > coalesce(p_after_id, 0)
  order by o.id
  limit p_limit
$$;
comment on function api.list_event_orders(bigint, bigint, integer) is
  'Orders of an event with their buyers, page by page, for a table that an admin takes away';
