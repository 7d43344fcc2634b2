-- Events that a write of ours is about: one that is not ended, or one that was done less than p_grace ago and is not confirmed
-- yet. One that is longer unconfirmed waits for a webhook that is lost. No locks.
create or replace function api.list_busy_events(p_grace interval, p_now timestamptz)
returns table (event_id bigint)
language sql
stable
as $$
  -- Asked for as the index jobs_pending_event has it: there are few, and jobs are many.
  select distinct j.event_id
  from onsale.jobs j
  where j.event_id is not null and j.superseded_by is null and j.confirmed_at is null
    and j.state in ('queued', 'running', 'waiting', 'done')
    and (j.state <> 'done' or j.updated_at > p_now - p_grace)
$$;
comment on function api.list_busy_events(interval, timestamptz) is 'Events that a write of ours is under way for';
