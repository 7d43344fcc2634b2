-- By how much the attempt of an update_capacity job changes what Shopify has: worked out and kept in the request by the first
-- attempt, so that every later one asks for the same under the same idempotency key. The capacity that is wanted is that of
-- all channels: less what the mirror shows, less what jobs did that are done and that it does not show yet. An untracked ticket
-- counts with what it had while it was tracked.
-- Null, and nothing is kept: the attempt is not the running one any more, or no number is wanted (unlimited). 0: nothing is to
-- be done. Locks: jobs.
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
  if v_delta is not null or v_job.request ->> 'capacity' is null then
    return v_delta;
  end if;

  -- One statement, and so one snapshot: what the mirror shows and which jobs it shows belong together.
  select
    (v_job.request ->> 'capacity')::bigint - (s.base - s.taken + s.sold) - coalesce(d.capacity, 0) - coalesce((
      select sum(coalesce(j.result ->> 'delta', j.request ->> 'delta')::bigint)
      from onsale.jobs j
      where j.event_id = v_job.event_id and j.ticket_id = v_job.ticket_id
        and j.kind in ('update_capacity', 'move_allotment') and j.state = 'done' and j.confirmed_at is null
        and j.superseded_by is null
        and not exists (select from api.list_shown_jobs(p_now) n where n.job_id = j.id)
    ), 0)
  into v_delta
  from onsale.stock s
  left join onsale.stock d on d.event_id = s.event_id and d.ticket_id = s.ticket_id and d.channel = 'direct'
  where s.event_id = v_job.event_id and s.ticket_id = v_job.ticket_id and s.channel = 'shopify';

  update onsale.jobs j set request = j.request || jsonb_build_object('delta', v_delta) where j.id = p_job_id;
  return v_delta;
end;
$$;
comment on function api.update_capacity_delta(bigint, integer, timestamptz) is
  'By how much an attempt changes the stock in Shopify; worked out once and kept';
