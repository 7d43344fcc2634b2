-- Public events that began before p_from and up to p_to, and have not ended at p_from; none where that is null. From the
-- range index: a handful, or a season of exhibitions. Disjoint with list_upcoming_events from the same instant on.
-- Neither definer nor SET, so that it is inlined.
create or replace function api.list_running_events(p_category text, p_from timestamptz, p_to timestamptz)
returns setof onsale.events
language sql
stable
parallel safe
as $$
  select e.*
  from onsale.events e
  where e.status = 'active' and e.deleted_at is null
    and e.ends_at > e.starts_at and tstzrange(e.starts_at, e.ends_at, '[]') @> p_from
    and e.sort_starts_at < p_from and e.sort_starts_at <= p_to
    and (p_category is null or e.category = p_category)
$$;
comment on function api.list_running_events(text, timestamptz, timestamptz) is
  'Public events that have begun before an instant and not ended then';
