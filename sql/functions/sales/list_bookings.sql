-- A page of a user's bookings, newest first, as JSON: {bookings, total, page, limit, pages}, each with its event. A booking is an
-- order of one ticket kind, by another name. What is over counts as EXPIRED, also where nobody has tidied it yet.
create or replace function api.list_bookings(
  p_user_id bigint,
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
  with found as (
    select o.*
    from onsale.orders o
    where o.user_id = p_user_id
      and (select count(*) from onsale.order_items i where i.event_id = o.event_id and i.order_id = o.id) = 1
  ), shown as (
    select f.* from found f order by f.id desc limit p_limit offset (p_page - 1) * p_limit
  )
  select row_to_json(p)
  from (
    select
      coalesce((
      select json_agg(row_to_json(b) order by b.id desc)
      from (
        select
          s.id,
          s.event_id,
          i.ticket_id,
          i.quantity,
          case when s.status = 'PENDING' and s.expires_at <= p_now then 'EXPIRED' else s.status end as status,
          s.total_cents,
          s.currency,
          s.version,
          api.get_utc_text(s.expires_at) as expires_at,
          api.get_utc_text(s.created_at) as created_at,
          api.get_utc_text(s.updated_at) as updated_at,
          (
            select row_to_json(c)
            from (
              select e.id, e.title, api.get_utc_text(e.starts_at) as starts_at, api.get_utc_text(e.ends_at) as ends_at, e.venue
            ) c
          ) as event
        from shown s
        join onsale.order_items i on i.event_id = s.event_id and i.order_id = s.id
        join onsale.events e on e.id = s.event_id
      ) b
    ), '[]'::json) as bookings,
      (select count(*) from found) as total,
      p_page as page,
      p_limit as "limit",
      ((select count(*) from found) + p_limit - 1) / p_limit as pages
  ) p
$$;
comment on function api.list_bookings(bigint, integer, integer, timestamptz) is
  'A page of a user''s bookings with their events as JSON, newest first';
