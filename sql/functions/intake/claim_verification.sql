-- Gives the scheduled verification to one caller: whoever asks first when the newest was claimed p_every ago or longer.
-- Every process asks, so it also says how the newest one came out. One that dies on its way is not missed before the next.
-- Locks: verification, only where it is due; of two that come at once the second waits for the first and gets nothing.
create or replace function api.claim_verification(
  p_every interval,
  p_now timestamptz default clock_timestamp()
)
returns table (is_claimed boolean, completed_at timestamptz, drift_count integer)
language sql
volatile
security definer
set search_path = ''
as $$
  with claimed as (
    update onsale.verification v set claimed_at = p_now
    where v.claimed_at <= p_now - p_every
    returning 1
  )
  select exists (select from claimed), v.completed_at, v.drift_count
  from onsale.verification v
$$;
comment on function api.claim_verification(interval, timestamptz) is
  'Whether the caller is to verify now, and how the newest scheduled verification came out (nulls: none has ended)';
