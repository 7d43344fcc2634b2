-- What of an event is on its way to Shopify or back, one JSON object each: jobs that are not ended, and those that are done but
-- not confirmed. What was refused, given up or superseded is not. `state` is as of the last word about the job: that a worker
-- has begun is not told.
-- Neither definer nor SET, so that it is inlined.
create or replace function api.list_pending_changes(p_event_id bigint)
returns table (job_id bigint, card json)
language sql
stable
parallel safe
as $$
  select j.id, row_to_json(c)
  from onsale.jobs j
  cross join lateral (
    select j.id as job_id, j.kind, j.state, api.get_utc_text(j.created_at) as created_at
  ) c
  where j.event_id = p_event_id and j.superseded_by is null and j.confirmed_at is null
    and j.state in ('queued', 'running', 'waiting', 'done')
$$;
comment on function api.list_pending_changes(bigint) is
  'Changes of an event that Shopify has not made yet or the mirror does not show yet, as JSON';
