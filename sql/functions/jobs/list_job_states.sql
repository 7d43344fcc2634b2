-- How many jobs there are of each kind and state, and when the oldest of them was made. What is done is not counted: it is most of
-- them, and nobody waits for it; but `unconfirmed` are changes of events that are done and that the mirror does not show yet:
-- where they grow old, webhooks are lost.
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
  union all
  select j.kind, 'unconfirmed', count(*), min(j.created_at)
  from onsale.jobs j
  where j.state = 'done' and j.confirmed_at is null and j.superseded_by is null
    and (j.event_id is not null or j.kind = 'create_event')
  group by j.kind
  order by 1, 2
$$;
comment on function api.list_job_states() is 'Jobs that are not done or not confirmed, by kind and state: how many, and the oldest';
