-- Forgets what has been kept long enough: delivery ids, bodies, failed deliveries; at most p_limit rows of each, so that
-- no transaction is long. The caller repeats while a count equals p_limit.
-- Ids may go: a delivery that is repeated after that is stale by its stamp. Skips rows that somebody holds.
create or replace function api.reap_deliveries(
  p_ids_before timestamptz,
  p_failed_before timestamptz,
  p_limit integer,
  p_now timestamptz default clock_timestamp()
)
returns table (id_count bigint, body_count bigint, failed_count bigint)
language sql
volatile
security definer
set search_path = ''
as $$
  with ids as (
    delete from onsale.deliveries d
    where (d.shop, d.delivery_id) in (
      select n.shop, n.delivery_id
      from onsale.deliveries n
      where n.received_at < p_ids_before and n.outcome <> 'failed'
      order by n.received_at
      limit p_limit
      for update skip locked
    )
    returning 1
  ), bodies as (
    delete from onsale.delivery_bodies b
    where (b.shop, b.delivery_id) in (
      select n.shop, n.delivery_id
      from onsale.delivery_bodies n
      where n.received_at < p_now - make_interval(hours => (select s.keep_bodies_hours from onsale.settings s))
      order by n.received_at
      limit p_limit
      for update skip locked
    )
    returning 1
  ), failed as (
    delete from onsale.failed_deliveries f
    where (f.shop, f.delivery_id) in (
      select n.shop, n.delivery_id
      from onsale.failed_deliveries n
      where n.failed_at < p_failed_before
      order by n.failed_at
      limit p_limit
      for update skip locked
    )
    returning f.shop, f.delivery_id
  ), forgotten as (
    delete from onsale.deliveries d
    using failed f
    where d.shop = f.shop and d.delivery_id = f.delivery_id
  )
  select (select count(*) from ids), (select count(*) from bodies), (select count(*) from failed)
$$;
comment on function api.reap_deliveries(timestamptz, timestamptz, integer, timestamptz) is
  'Deletes old delivery ids, bodies and failed deliveries, at most p_limit of each; returns how many';
