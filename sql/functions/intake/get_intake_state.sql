-- What health and metrics say of the intake: failed deliveries that wait, that are dead, and since when the app is
-- uninstalled (null: it is not; deliveries of more than 4 hours later, as long as Shopify repeats, mean that it is back).
create or replace function api.get_intake_state()
returns table (waiting_count bigint, dead_count bigint, uninstalled_at timestamptz)
language sql
stable
security definer
set search_path = ''
as $$
  select
    count(f.*) filter (where not f.is_dead), count(f.*) filter (where f.is_dead),
    max(s.uninstalled_at) filter (where not exists (
      select from onsale.deliveries d where d.received_at > s.uninstalled_at + interval '4 hours'
        and d.topic not in ('customers/redact', 'customers/data_request', 'shop/redact')
    ))
  from onsale.settings s
  left join onsale.failed_deliveries f on true
$$;
comment on function api.get_intake_state() is 'Failed deliveries by state, and since when the app is uninstalled';
