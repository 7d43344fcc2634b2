-- Hands out failed deliveries that are due for another attempt, each to one caller: leased for two minutes, in which
-- nobody else gets them. What the caller does not finish comes up again after that.
-- Locks: failed_deliveries, skipping what is locked. Bodies as base64.
create or replace function api.claim_failed_deliveries(
  p_limit integer,
  p_now timestamptz default clock_timestamp()
)
returns table (
  shop text, delivery_id text, topic text, triggered_ns text, event_id text, api_version text, body text
)
language sql
volatile
security definer
set search_path = ''
as $$
  update onsale.failed_deliveries d set next_attempt_at = p_now + interval '2 minutes'
  where (d.shop, d.delivery_id) in (
    select f.shop, f.delivery_id
    from onsale.failed_deliveries f
    where not f.is_dead and f.next_attempt_at <= p_now
    order by f.next_attempt_at
    limit p_limit
    for update skip locked
  )
  returning d.shop, d.delivery_id, d.topic, d.triggered_ns::text, d.event_id, d.api_version, encode(d.body, 'base64')
$$;
comment on function api.claim_failed_deliveries(integer, timestamptz) is
  'Leases failed deliveries that are due for another attempt, bodies as base64';
