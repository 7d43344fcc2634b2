-- Events that a write of ours is about: one that is not ended, or one that was done less than p_grace ago and is not confirmed
-- yet. One that is longer unconfirmed waits for a webhook that is lost. No locks.
create or replace function api.list_busy_events(p_grace interval, p_now timestamptz)
returns table (event_id bigint)
language sql
stable
as $$
  select distinct substring(j.subject from '^event ([0-9]{1,18})$')::bigint
  from onsale.jobs j
  where j.subject ~ '^event [0-9]{1,18}$' and (
    j.state in ('queued', 'running', 'waiting')
    or j.state = 'done' and j.confirmed_at is null and j.updated_at > p_now - p_grace
  )
$$;
comment on function api.list_busy_events(interval, timestamptz) is 'Events that a write of ours is under way for';
