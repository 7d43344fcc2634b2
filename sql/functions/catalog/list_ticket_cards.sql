-- The tickets of an event as the wire shows them, to a visitor or with the hidden ones. The order of the columns is the
-- order of the keys.
-- Neither definer nor SET, so that it is inlined.
create or replace function api.list_ticket_cards(p_event_id bigint, p_with_hidden boolean)
returns table (ticket_position integer, ticket_id bigint, card json)
language sql
stable
parallel safe
as $$
  select (v.ticket).position, (v.ticket).id, row_to_json(c)
  from api.list_stocked_tickets(p_event_id, p_with_hidden) v
  join onsale.events e on e.id = (v.ticket).event_id
  cross join lateral (
    select
      (v.ticket).id,
      (v.ticket).event_id,
      (v.ticket).shopify_variant_id::text,
      (v.ticket).sku,
      coalesce((v.ticket).name, e.title) as name,
      (v.ticket).ticket_type,
      (v.ticket).price_cents,
      (v.ticket).compare_at_price_cents,
      e.currency,
      (v.ticket).is_visible,
      (v.ticket).position,
      api.get_utc_text((v.ticket).sale_starts_at) as sale_starts_at,
      api.get_utc_text((v.ticket).sale_ends_at) as sale_ends_at,
      (v.ticket).features,
      (v.ticket).restrictions,
      v.capacity,
      v.sold,
      v.held,
      v.available,
      (select row_to_json(k) from (select
        api.get_stock_card(v.shopify) as shopify,
        api.get_stock_card(v.direct) as direct
      ) k) as channels,
      (v.ticket).is_oversell_allowed as oversell_allowed,
      case when e.shop <> '' and (v.ticket).shopify_variant_id is not null
        then 'https://' || e.shop || '/cart/' || (v.ticket).shopify_variant_id || ':1' end as checkout_url,
      (v.ticket).version,
      api.get_utc_text((v.ticket).updated_at) as updated_at
  ) c
$$;
comment on function api.list_ticket_cards(bigint, boolean) is
  'Tickets of an event as JSON, the hidden ones where asked for, with what orders them';
