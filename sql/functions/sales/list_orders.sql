-- A page of orders, newest first, as JSON: {orders, total, page, limit, pages}. p_user_id: of that user, null: of all.
-- p_query: an order's id, part of a buyer's address (where all are listed), of a sku or of an event's title; folded of case.
-- What is over counts as EXPIRED in p_status and in what is shown, also where nobody has tidied it yet.
create or replace function api.list_orders(
  p_user_id bigint,
  p_status text,
  p_query text,
  p_page integer,
  p_limit integer,
  p_now timestamptz default clock_timestamp()
)
returns json
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_pattern constant text := '%' || replace(replace(replace(lower(p_query), '\', '\\'), '%', '\%'), '_', '\_') || '%';
  v_event_id bigint;
  v_total bigint;
  v_ids bigint[];
  v_cards json;
begin
  for v_event_id in
    select distinct o.event_id from onsale.orders o
    where o.status = 'PENDING' and o.expires_at <= p_now and (p_user_id is null or o.user_id = p_user_id)
    order by o.event_id
  loop
    perform api.expire_orders(v_event_id, p_now);
  end loop;

  with found as (
    select o.id
    from onsale.orders o
    where (p_user_id is null or o.user_id = p_user_id)
      and (p_status is null or o.status = p_status::onsale.sale_status)
      and (
        p_query is null
        or o.id::text = p_query
        or exists (
          select from onsale.order_items i
          where i.event_id = o.event_id and i.order_id = o.id and lower(i.sku) like v_pattern
        )
        or exists (select from onsale.events e where e.id = o.event_id and lower(e.title) like v_pattern)
        or p_user_id is null and exists (
          select from onsale.users u where u.id = o.user_id and lower(u.email) like v_pattern
        )
      )
  )
  select
    (select count(*) from found),
    array(select f.id from found f order by f.id desc limit p_limit offset (p_page - 1) * p_limit)
  into strict v_total, v_ids;

  select json_agg(c.card order by c.order_id desc) into v_cards
  from (
    select o.event_id, array_agg(o.id) as ids from onsale.orders o where o.id = any (v_ids) group by o.event_id
  ) g
  cross join lateral api.list_order_cards(g.event_id, g.ids, false) c;

  return (
    select row_to_json(p)
    from (
      select
        coalesce(v_cards, '[]'::json) as orders, v_total as total, p_page as page, p_limit as "limit",
        (v_total + p_limit - 1) / p_limit as pages
    ) p
  );
end;
$$;
comment on function api.list_orders(bigint, text, text, integer, integer, timestamptz) is
  'A page of orders of a user or of all as JSON, newest first';
