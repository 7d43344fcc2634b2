-- The public events that the bitmaps of search may know, of those that start from p_from until before p_until (null: all
-- that follow). One that ends before it starts is none: it may be over before it begins.
-- Neither definer nor SET, so that it is inlined.
create or replace function api.list_blockable_events(p_from timestamptz, p_until timestamptz)
returns setof onsale.events
language sql
stable
parallel safe
as $$
  select e.*
  from onsale.events e
  where e.status = 'active' and e.deleted_at is null
    and e.sort_starts_at >= p_from and (p_until is null or e.sort_starts_at < p_until)
    and e.over_at >= e.sort_starts_at
$$;
comment on function api.list_blockable_events(timestamptz, timestamptz) is
  'Public events that start in a range of time and do not end before that';
