-- Failed deliveries, oldest first, without their bodies.
create or replace function api.list_failed_deliveries(p_limit integer default 100, p_offset integer default 0)
returns table (
  shop text, delivery_id text, topic text, sqlstate text, reason text, attempts integer, state text, failed_at timestamptz,
  next_attempt_at timestamptz, body_bytes integer
)
language sql
stable
security definer
set search_path = ''
as $$
  select
    d.shop, d.delivery_id, d.topic, d.sqlstate, d.reason, d.attempts, case when d.is_dead then 'dead' else 'waiting' end,
    d.failed_at, case when not d.is_dead then d.next_attempt_at end, octet_length(d.body)
  from onsale.failed_deliveries d
  order by d.failed_at, d.shop, d.delivery_id
  limit p_limit offset p_offset
$$;
comment on function api.list_failed_deliveries(integer, integer) is 'Failed deliveries, oldest first, without their bodies';
