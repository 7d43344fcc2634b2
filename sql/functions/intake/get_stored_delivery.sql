-- One stored delivery with its bytes (base64): failed, or kept by KEEP_BODIES_HOURS. No row: there is none.
-- p_shop null: any shop; a Shopify delivery id is unique by itself.
create or replace function api.get_stored_delivery(p_delivery_id text, p_shop text default null)
returns table (
  shop text, delivery_id text, topic text, triggered_ns text, event_id text, api_version text, body text,
  outcome text, reason text, attempts integer
)
language sql
stable
security definer
set search_path = ''
as $$
  select
    d.shop, d.delivery_id, d.topic, coalesce(f.triggered_ns, b.triggered_ns)::text, f.event_id, f.api_version,
    encode(coalesce(f.body, b.body), 'base64'), d.outcome::text, f.reason, f.attempts
  from onsale.deliveries d
  left join onsale.failed_deliveries f on f.shop = d.shop and f.delivery_id = d.delivery_id
  left join onsale.delivery_bodies b on b.shop = d.shop and b.delivery_id = d.delivery_id
  where d.delivery_id = p_delivery_id
    and (p_shop is null or d.shop = p_shop)
    and coalesce(f.body, b.body) is not null
  order by d.shop
  limit 1
$$;
comment on function api.get_stored_delivery(text, text) is 'One stored delivery with its bytes as base64; no row: none';
