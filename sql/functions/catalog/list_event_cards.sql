-- Events as lists show them, for ids that the caller has chosen; get_event adds to it. The order of the columns is the
-- order of the keys. One lateral look at the visible tickets gives all sums.
-- Neither definer nor SET, so that it is inlined.
create or replace function api.list_event_cards(p_event_ids bigint[])
returns table (
  id bigint,
  shopify_product_id text,
  title text,
  subtitle text,
  category text,
  status onsale.event_status,
  starts_at text,
  ends_at text,
  venue json,
  images jsonb,
  currency text,
  price_from_cents bigint,
  available bigint,
  sold bigint,
  capacity bigint,
  sold_out boolean,
  channels json,
  version integer,
  revision bigint,
  updated_at text
)
language sql
stable
parallel safe
as $$
  select
    e.id,
    e.shopify_product_id::text,
    e.title,
    e.subtitle,
    e.category,
    e.status,
    api.get_utc_text(e.starts_at),
    api.get_utc_text(e.ends_at),
    case when jsonb_typeof(e.venue) = 'object' then (
      select row_to_json(v) from (select e.venue ->> 'name' as name, e.venue ->> 'city' as city) v
    ) end,
    e.images,
    e.currency,
    t.price_from_cents,
    t.available,
    t.sold,
    t.capacity,
    t.is_sold_out,
    (select row_to_json(k) from (select
      case when t.has_shopify then (select row_to_json(c) from (select t.shopify_available as available) c) end as shopify,
      case when t.has_direct then (select row_to_json(c) from (select t.direct_available as available) c) end as direct
    ) k),
    e.version,
    coalesce(r.revision, 0),
    api.get_utc_text(e.updated_at)
  from unnest(p_event_ids) as u (event_id)
  join onsale.events e on e.id = u.event_id
  left join onsale.event_revisions r on r.event_id = e.id
  cross join lateral (
    select
      min((v.ticket).price_cents) as price_from_cents,
      case when bool_or(v.available is null) then null else coalesce(sum(v.available), 0) end::bigint as available,
      case when bool_or(v.capacity is null) then null else coalesce(sum(v.capacity), 0) end::bigint as capacity,
      coalesce(sum(v.sold), 0)::bigint as sold,
      -- bool_and passes over null, which here means unlimited: such a ticket is not sold out.
      coalesce(bool_and(coalesce(v.available = 0, false) and not (v.ticket).is_oversell_allowed), false) as is_sold_out,
      coalesce(bool_or((v.shopify).ticket_id is not null), false) as has_shopify,
      coalesce(bool_or((v.direct).ticket_id is not null), false) as has_direct,
      case when bool_or((v.shopify).ticket_id is not null and (v.shopify).capacity is null) then null
        else sum(greatest((v.shopify).available, 0)) end::bigint as shopify_available,
      case when bool_or((v.direct).ticket_id is not null and (v.direct).capacity is null) then null
        else sum(greatest((v.direct).available, 0)) end::bigint as direct_available
    from api.list_stocked_tickets(e.id, false) v
  ) t
$$;
comment on function api.list_event_cards(bigint[]) is
  'The fields of events in a list, from the ids of events; whoever calls decides what is public and orders them';
