-- Keeps how a claimed verification came out, for every process to show. A second call overwrites the first.
-- Locks: verification.
create or replace function api.complete_verification(
  p_drift_count integer,
  p_now timestamptz default clock_timestamp()
)
returns void
language sql
volatile
security definer
set search_path = ''
as $$
  update onsale.verification v set completed_at = p_now, drift_count = p_drift_count
$$;
comment on function api.complete_verification(integer, timestamptz) is
  'Keeps how a claimed verification came out: the rows that differed';
