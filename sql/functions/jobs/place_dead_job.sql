-- Keeps a call that somebody waited for, and that failed for as long as he would wait: a dead job, so that it is seen and can be
-- tried again. The same one again counts one more attempt. p_kind is start_payment.
-- p_errors: [{message, field}]. Locks: jobs.
create or replace function api.place_dead_job(
  p_kind text,
  p_subject text,
  p_request jsonb,
  p_errors jsonb,
  p_created_by text,
  p_now timestamptz default clock_timestamp()
)
returns void
language sql
volatile
security definer
set search_path = ''
as $$
  insert into onsale.jobs as j (
    kind, subject, request, state, attempts, next_attempt_at, errors, created_by, created_at, updated_at
  )
  values (p_kind, p_subject, p_request, 'dead', 1, p_now, p_errors, p_created_by, p_now, p_now)
  on conflict (kind, subject) where kind in ('refund', 'start_payment') do update set
    state = 'dead',
    attempts = j.attempts + 1,
    errors = excluded.errors,
    updated_at = excluded.updated_at
$$;
comment on function api.place_dead_job(text, text, jsonb, jsonb, text, timestamptz) is
  'Keeps a call that failed while somebody waited for it, as a dead job';
