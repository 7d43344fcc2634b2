-- Keeps deliveries that could not be applied: raw bytes, reason, and when to try again: after 10 s, 1 min and 6 min;
-- then the delivery is dead until a person replays or discards it.
-- p_bodies: base64. A body that names a redacted customer is not kept: the failure is.
-- Locks: the gate (shared); failed_deliveries, deliveries by (shop, delivery_id).
-- A second call for the same delivery counts one more attempt. What was answered otherwise meanwhile is left alone.
create or replace function api.fail_deliveries(
  p_shops text[],
  p_delivery_ids text[],
  p_topics text[],
  p_triggered_ns bigint[],
  p_event_ids text[],
  p_api_versions text[],
  p_bodies text[],
  p_sqlstates text[],
  p_reasons text[],
  p_now timestamptz default clock_timestamp()
)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  perform pg_advisory_xact_lock_shared(hashtext('onsale gate'));

  insert into onsale.failed_deliveries as d (
    shop, delivery_id, topic, triggered_ns, event_id, api_version, body, sqlstate, reason, failed_at, next_attempt_at
  )
  select
    i.shop, i.delivery_id, i.topic, i.triggered_ns, i.event_id, i.api_version,
    case when api.get_redacted(decode(i.body, 'base64'), i.shop) then '' else decode(i.body, 'base64') end, i.sqlstate,
    i.reason, p_now, p_now + interval '10 seconds'
  from unnest(
    p_shops, p_delivery_ids, p_topics, p_triggered_ns, p_event_ids, p_api_versions, p_bodies, p_sqlstates, p_reasons
  ) as i (shop, delivery_id, topic, triggered_ns, event_id, api_version, body, sqlstate, reason)
  where not exists (
    select from onsale.deliveries n
    where n.shop = i.shop and n.delivery_id = i.delivery_id and n.outcome <> 'failed'
  )
  order by i.shop, i.delivery_id
  on conflict (shop, delivery_id) do update set
    sqlstate = excluded.sqlstate,
    reason = excluded.reason,
    attempts = d.attempts + 1,
    is_dead = d.attempts + 1 >= 4,
    next_attempt_at = p_now + interval '10 seconds' * 6 ^ least(d.attempts, 3);

  insert into onsale.deliveries as d (shop, delivery_id, topic, received_at, outcome)
  select i.shop, i.delivery_id, i.topic, p_now, 'failed'
  from unnest(p_shops, p_delivery_ids, p_topics) as i (shop, delivery_id, topic)
  order by i.shop, i.delivery_id
  on conflict (shop, delivery_id) do nothing;
end;
$$;
comment on function api.fail_deliveries(
  text[], text[], text[], bigint[], text[], text[], text[], text[], text[], timestamptz
) is 'Keeps deliveries that could not be applied, with their bytes (base64), the reason and the next attempt';
