-- An event as an admin sees it, by its id or by that of one of its tickets: what get_event shows, in any status, with the tickets
-- that visitors do not see, and whether its sale is paused. Null where there is no such event or ticket, or it was deleted.
-- The sums over the tickets are those that a visitor sees.
create or replace function api.get_direct_event(p_event_id bigint default null, p_ticket_id bigint default null)
returns json
language sql
stable
security definer
set search_path = ''
as $$
  select (
    select row_to_json(b)
    from (
      select
        c.*,
        e.description,
        e.metafields,
        e.per_user_limit,
        e.is_sales_paused,
        (
          select coalesce(json_agg(row_to_json(n) order by t.position, t.id), '[]')
          from onsale.tickets t
          left join onsale.stock s on s.event_id = t.event_id and s.ticket_id = t.id and s.channel = 'shopify'
          left join onsale.stock d on d.event_id = t.event_id and d.ticket_id = t.id and d.channel = 'direct'
          cross join lateral (
            select s.ticket_id is not null and s.capacity is null or d.ticket_id is not null and d.capacity is null
              as is_unlimited
          ) u
          cross join lateral (
            select
              t.id,
              t.event_id,
              t.shopify_variant_id::text,
              t.sku,
              coalesce(t.name, e.title) as name,
              t.ticket_type,
              t.price_cents,
              t.compare_at_price_cents,
              e.currency,
              t.is_visible,
              t.position,
              api.get_utc_text(t.sale_starts_at) as sale_starts_at,
              api.get_utc_text(t.sale_ends_at) as sale_ends_at,
              t.features,
              t.restrictions,
              case when not u.is_unlimited then coalesce(s.capacity, 0) + coalesce(d.capacity, 0) end as capacity,
              coalesce(s.sold, 0) + coalesce(d.sold, 0) as sold,
              coalesce(s.held, 0) + coalesce(d.held, 0) as held,
              case when not u.is_unlimited then
                greatest(coalesce(s.available, 0), 0) + greatest(coalesce(d.available, 0), 0)
              end as available,
              (select row_to_json(k) from (select
                api.get_stock_card(s) as shopify,
                api.get_stock_card(d) as direct
              ) k) as channels,
              t.is_oversell_allowed as oversell_allowed,
              case when e.shop <> '' and t.shopify_variant_id is not null
                then 'https://' || e.shop || '/cart/' || t.shopify_variant_id || ':1' end as checkout_url,
              t.version,
              api.get_utc_text(t.updated_at) as updated_at
          ) n
          where t.event_id = e.id and not t.is_removed
        ) as tickets
      from api.list_event_cards(array[e.id]) c
    ) b
  )
  from onsale.events e
  where e.deleted_at is null
    and e.id = coalesce(
      p_event_id, (select k.event_id from onsale.tickets k where k.id = p_ticket_id and not k.is_removed)
    )
$$;
comment on function api.get_direct_event(bigint, bigint) is
  'An event as an admin sees it, in any status and with hidden tickets, as JSON; null: no such event';
