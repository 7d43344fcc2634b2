-- Confirms jobs that are done and that the mirror shows by now (list_shown_jobs): at most p_limit, the oldest first. Theirs are
-- no pending changes any more. What Shopify's ids did not tell is filled in: the event that create_event made, the ticket
-- that create_ticket made.
-- Returns a row per job: confirm_s after it was done, visible_s after it was queued, in seconds.
-- Any number may run side by side; a second call finds nothing. Cheap where nothing is open. Locks: jobs, skipping what is
-- locked; event_revisions.
create or replace function api.apply_job_confirmations(
  p_limit integer default 500,
  p_now timestamptz default clock_timestamp()
)
returns table (job_id bigint, kind text, confirm_s double precision, visible_s double precision)
language plpgsql
volatile
security definer
set search_path = ''
-- Planned once, and by key, however many jobs the planner expects to be open.
set plan_cache_mode = force_generic_plan
set enable_hashjoin = off
set enable_mergejoin = off
set enable_seqscan = off
set jit = off
as $$
#variable_conflict use_column
declare
  v_job_ids bigint[];
  v_event_ids bigint[];
begin
  with shown as materialized (
    select n.job_id, n.event_id, n.ticket_id
    from api.list_shown_jobs(p_now) n
    order by n.job_id
    limit p_limit
  ), locked as materialized (
    select j.id
    from onsale.jobs j
    where j.id = any (array(select n.job_id from shown n)) and j.confirmed_at is null
    order by j.id
    for update skip locked
  ), confirmed as (
    update onsale.jobs j set
      confirmed_at = p_now,
      event_id = coalesce(j.event_id, n.event_id),
      ticket_id = coalesce(j.ticket_id, n.ticket_id),
      result = j.result || jsonb_strip_nulls(jsonb_build_object('event_id', n.event_id, 'ticket_id', n.ticket_id))
    from locked k
    join shown n on n.job_id = k.id
    where j.id = k.id
    returning j.id, j.event_id
  )
  select array_agg(c.id), array_agg(distinct c.event_id) filter (where c.event_id is not null)
  into v_job_ids, v_event_ids
  from confirmed c;

  if v_job_ids is null then
    return;
  end if;
  perform api.update_revisions('{}', '{}', coalesce(v_event_ids, '{}'));
  return query
    select
      j.id, j.kind, extract(epoch from p_now - j.updated_at)::double precision,
      extract(epoch from p_now - j.created_at)::double precision
    from onsale.jobs j
    where j.id = any (v_job_ids)
    order by j.id;
end;
$$;
comment on function api.apply_job_confirmations(integer, timestamptz) is
  'Confirms jobs that are done and that the mirror shows by now; tells how long that took';
