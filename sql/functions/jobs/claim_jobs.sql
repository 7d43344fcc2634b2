-- Hands out jobs that are due, each to one worker: running, and leased until p_now + p_lease. What a worker does not end by then
-- comes up again, for whoever asks next. Of the jobs of one subject only the oldest that is not ended is handed out, and not
-- while a later one is leased (somebody brought the older one back), so that they happen one after the other. `attempts`
-- counts this attempt, and is what complete_job and fail_job must name.
-- p_kinds: those that the worker knows how to do. p_attempts_max (null: none): what was not ended at its last attempt is not handed
-- out again, and holds back what is behind it until expire_jobs has given it up. Locks: jobs, skipping what is locked.
create or replace function api.claim_jobs(
  p_kinds text[],
  p_limit integer,
  p_lease interval,
  p_now timestamptz default clock_timestamp(),
  p_attempts_max integer default null
)
returns table (id bigint, kind text, subject text, request jsonb, idempotency_key uuid, attempts integer)
language sql
volatile
security definer
set search_path = ''
as $$
  -- Materialized: looked for once. For each row of the update anew, each time would hand out up to the limit.
  with due as materialized (
    select d.id
    from onsale.jobs d
    where d.state in ('queued', 'running', 'waiting')
      and d.next_attempt_at <= p_now
      and d.kind = any (p_kinds)
      and (d.state = 'running' and d.attempts >= p_attempts_max) is not true
      and not exists (
        select from onsale.jobs o
        where o.subject = d.subject and o.state in ('queued', 'running', 'waiting')
          and (o.id < d.id or o.id > d.id and o.state = 'running' and o.next_attempt_at > p_now)
      )
    order by d.next_attempt_at
    limit p_limit
    for update skip locked
  )
  update onsale.jobs j set
    state = 'running',
    attempts = j.attempts + 1,
    next_attempt_at = p_now + p_lease,
    updated_at = p_now
  from due d
  where j.id = d.id
  returning j.id, j.kind, j.subject, j.request, j.idempotency_key, j.attempts
$$;
comment on function api.claim_jobs(text[], integer, interval, timestamptz, integer) is
  'Leases jobs that are due, the oldest of each subject, and counts the attempt';
