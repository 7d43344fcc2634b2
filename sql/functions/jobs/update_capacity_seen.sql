-- Looks how many units there are before the attempt of an update_capacity job works out its difference, and keeps that in the
-- request. True: no order of the last minute, or nothing sold or counted for p_quiet, so that it is exact; or there is nothing to
-- be worked out any more.
-- False: tickets are being sold, and it is off by what is on its way; ask again. Of several looks the most is kept: it is off
-- by the least that was on its way. Locks: jobs.
create or replace function api.update_capacity_seen(
  p_job_id bigint,
  p_attempt integer,
  p_quiet interval default '3 seconds',
  p_now timestamptz default clock_timestamp()
)
returns boolean
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
  v_is_quiet boolean;
  v_counted bigint;
begin
  select j.* into v_job from onsale.jobs j
  where j.id = p_job_id and j.kind = 'update_capacity' and j.state = 'running' and j.attempts = p_attempt
    and j.request ->> 'capacity' is not null and j.request ->> 'delta' is null
  for update;
  if v_job.id is null then
    return true;
  end if;

  select
    api.get_counted_capacity(v_job.event_id, v_job.ticket_id, p_now),
    not exists (
      select
      from onsale.shopify_variants v
      left join onsale.stock s on s.event_id = v.event_id and s.ticket_id = v.ticket_id and s.channel = 'shopify'
      where v.variant_id = (v_job.request ->> 'shopify_variant_id')::bigint
        and exists (
          select from onsale.shopify_order_lines l
          where l.variant_id = v.variant_id
            and l.created_at > p_now - case when s.base_at > p_now - p_quiet then interval '1 minute' else p_quiet end
        )
    )
  into strict v_counted, v_is_quiet;
  update onsale.jobs j set
    request = j.request || jsonb_build_object('capacity_seen', case
      when v_is_quiet then v_counted
      else greatest(v_counted, (v_job.request ->> 'capacity_seen')::bigint)
    end)
  where j.id = p_job_id;
  return v_is_quiet;
end;
$$;
comment on function api.update_capacity_seen(bigint, integer, interval, timestamptz) is
  'Keeps how many units there are before an attempt changes that; false: tickets are being sold, ask again';
