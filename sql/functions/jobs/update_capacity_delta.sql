-- By how much the attempt of an update_capacity job changes what Shopify has: worked out and kept in the request by the first
-- attempt, so that every later one asks for the same under the same idempotency key. The capacity that is wanted is that of
-- all channels, less what there are (get_counted_capacity), or were when update_capacity_seen looked, whichever is more.
-- Null, and nothing is kept: the attempt is not the running one any more, no number is wanted (unlimited), or the difference is a
-- day old, and Shopify forgets keys: whether it was added is not known any more. A person has to look; the next attempt works
-- it out anew, from what the mirror shows then, under a new key. 0: nothing is to be done. Locks: jobs.
create or replace function api.update_capacity_delta(
  p_job_id bigint,
  p_attempt integer,
  p_now timestamptz default clock_timestamp()
)
returns bigint
language plpgsql
volatile
security definer
set search_path = ''
-- As apply_job_confirmations.
set plan_cache_mode = force_generic_plan
set enable_hashjoin = off
set enable_mergejoin = off
set enable_seqscan = off
set jit = off
as $$
declare
  v_job onsale.jobs;
  v_delta bigint;
begin
  select j.* into v_job from onsale.jobs j
  where j.id = p_job_id and j.kind = 'update_capacity' and j.state = 'running' and j.attempts = p_attempt
  for update;
  v_delta := (v_job.request ->> 'delta')::bigint;
  if v_delta is not null and p_now > api.get_instant(v_job.request ->> 'delta_at') + interval '23 hours' then
    update onsale.jobs j set
      request = j.request - 'capacity_seen' || '{"delta": null, "delta_at": null}',
      idempotency_key = gen_random_uuid()
    where j.id = p_job_id;
    return null;
  end if;
  if v_delta is not null or v_job.request ->> 'capacity' is null then
    return v_delta;
  end if;

  v_delta := (v_job.request ->> 'capacity')::bigint - greatest(
    api.get_counted_capacity(v_job.event_id, v_job.ticket_id, p_now), (v_job.request ->> 'capacity_seen')::bigint
  );
  update onsale.jobs j set request = j.request || jsonb_build_object('delta', v_delta, 'delta_at', api.get_utc_text(p_now)) where j.id = p_job_id;
  return v_delta;
end;
$$;
comment on function api.update_capacity_delta(bigint, integer, timestamptz) is
  'By how much an attempt changes the stock in Shopify; worked out once and kept';
