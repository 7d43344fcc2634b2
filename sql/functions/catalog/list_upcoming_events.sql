-- Public events that start from p_from to p_to and are over no earlier than p_over_from; without a date they start at
-- the end of time. The other half of what has not ended is list_running_events: what runs now began in the past, so
-- one range of the index by start cannot hold both.
-- Neither definer nor SET, so that it is inlined and the caller's order and limit follow an index.
create or replace function api.list_upcoming_events(
  p_category text,
  p_from timestamptz,
  p_to timestamptz,
  p_over_from timestamptz
)
returns setof onsale.events
language sql
stable
parallel safe
as $$
  select e.*
  from onsale.events e
  where e.status = 'active' and e.deleted_at is null
    and e.sort_starts_at >= p_from and e.sort_starts_at <= p_to
    and e.over_at >= p_over_from
    and (p_category is null or e.category = p_category)
$$;
comment on function api.list_upcoming_events(text, timestamptz, timestamptz, timestamptz) is
  'Public events that start in a range of time and are not over before an instant';
