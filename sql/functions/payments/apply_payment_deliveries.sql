-- Applies signed deliveries of payment providers that tell results of payments of one event, and remembers them beside Shopify's.
-- One row per delivery, in input order, with the outcomes of apply_payment_results; a delivery that was answered before is a
-- duplicate. unknown_payment and mismatch are not remembered here: the caller keeps their bytes (fail_deliveries).
-- p_senders: who delivers, as deliveries.shop: provider:<name>, which no shop can be called. p_providers: <name>.
-- Locks: those of apply_payment_results, then failed_deliveries and deliveries by (shop, delivery_id).
create or replace function api.apply_payment_deliveries(
  p_event_id bigint,
  p_senders text[],
  p_delivery_ids text[],
  p_topics text[],
  p_providers text[],
  p_payment_ids bigint[],
  p_order_ids bigint[],
  p_statuses text[],
  p_amounts bigint[],
  p_currencies text[],
  p_now timestamptz default clock_timestamp()
)
returns table (ordinal integer, outcome text, order_status text)
language plpgsql
volatile
security definer
set search_path = ''
-- As in place_orders: looked up by key, whatever the statistics say.
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  v_outcomes text[];
  v_statuses text[];
begin
  select array_agg(r.outcome order by r.ordinal), array_agg(r.order_status order by r.ordinal) into v_outcomes, v_statuses
  from api.apply_payment_results(
    p_event_id, p_providers, p_payment_ids, p_order_ids, p_statuses, p_amounts, p_currencies, p_now
  ) r;

  -- With the lock on the event's sales: what another call answered is seen here.
  select array_agg(
    case when u.outcome = 'stale' and (d.outcome <> 'failed' or u.repetition > 1) then 'duplicate' else u.outcome end
    order by u.nth
  ) into v_outcomes
  from (
    select i.*, row_number() over (partition by i.sender, i.delivery_id order by i.nth) as repetition
    from unnest(p_senders, p_delivery_ids, v_outcomes) with ordinality as i (sender, delivery_id, outcome, nth)
  ) u
  left join onsale.deliveries d on d.shop = u.sender and d.delivery_id = u.delivery_id;

  delete from onsale.failed_deliveries f
  using unnest(p_senders, p_delivery_ids, v_outcomes) as u (sender, delivery_id, outcome)
  where f.shop = u.sender and f.delivery_id = u.delivery_id and u.outcome not in ('unknown_payment', 'mismatch');

  insert into onsale.deliveries as d (shop, delivery_id, topic, received_at, outcome)
  select distinct on (u.sender, u.delivery_id)
    u.sender, u.delivery_id, u.topic, p_now,
    case u.outcome when 'applied' then 'applied' else 'stale' end::onsale.delivery_outcome
  from unnest(p_senders, p_delivery_ids, p_topics, v_outcomes) with ordinality
    as u (sender, delivery_id, topic, outcome, nth)
  where u.outcome not in ('unknown_payment', 'mismatch')
  order by u.sender, u.delivery_id, u.nth
  on conflict (shop, delivery_id) do update set outcome = excluded.outcome
  where d.outcome = 'failed';

  return query
    select u.nth::integer, u.outcome, u.order_status
    from unnest(v_outcomes, v_statuses) with ordinality as u (outcome, order_status, nth)
    order by u.nth;
end;
$$;
comment on function api.apply_payment_deliveries(
  bigint, text[], text[], text[], text[], bigint[], bigint[], text[], bigint[], text[], timestamptz
) is 'Applies signed deliveries of payment providers about one event; one row each in input order';
