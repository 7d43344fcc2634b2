-- How many jobs there are of each kind and state, and when the oldest of them was made. What is done is not counted: it is most of
-- them, and nobody waits for it.
create or replace function api.list_job_states()
returns table (kind text, state text, job_count bigint, oldest_at timestamptz)
language sql
stable
security definer
set search_path = ''
as $$
  select j.kind, j.state::text, count(*), min(j.created_at)
  from onsale.jobs j
  where j.state in ('queued', 'running', 'waiting', 'failed', 'dead')
  group by j.kind, j.state
  order by j.kind, j.state
$$;
comment on function api.list_job_states() is 'Jobs that are not done, by kind and state: how many, and the oldest';
