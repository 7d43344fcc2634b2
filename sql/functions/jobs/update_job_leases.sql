-- Extends the leases of attempts that are under way to p_now + p_lease. A row for each that is still the running one: whoever asks
-- and misses one of his has lost it, to another worker or to a person. A lease that has run out counts as held for as long as
-- nobody else has taken the job.
-- p_ids and p_attempts: what was claimed, in parallel. A second call extends again. Locks: jobs by id.
create or replace function api.update_job_leases(
  p_ids bigint[],
  p_attempts integer[],
  p_lease interval,
  p_now timestamptz default clock_timestamp()
)
returns table (id bigint)
language sql
volatile
security definer
set search_path = ''
as $$
  with held as materialized (
    select l.id
    from onsale.jobs l
    join unnest(p_ids, p_attempts) as h (id, attempt) on h.id = l.id and h.attempt = l.attempts
    where l.state = 'running'
    order by l.id
    for update of l
  )
  update onsale.jobs j set next_attempt_at = p_now + p_lease
  from held h
  where j.id = h.id
  returning j.id
$$;
comment on function api.update_job_leases(bigint[], integer[], interval, timestamptz) is
  'Extends the leases of running attempts; tells which of them are still held';
