-- A page of the events of one status as JSON, for admins: over or not, in the shape of list_events. Filters that are null do
-- not count; p_search is text that the title holds, in lower case. Sorted by starts_at, -starts_at or title, then id; anything
-- else is starts_at. Pages are counted, and there is no cursor: it reads all events of the status.
create or replace function api.list_events_of_status(
  p_status text,
  p_sort text,
  p_category text,
  p_from timestamptz,
  p_to timestamptz,
  p_search text,
  p_limit integer,
  p_offset integer
)
returns json
language plpgsql
stable
security definer
set search_path = ''
-- Filters that are absent fall out of the plan.
set plan_cache_mode = force_custom_plan
set jit = off
as $$
declare
  v_count bigint;
  v_ids bigint[];
begin
  with hits as materialized (
    select e.id, e.sort_starts_at, e.title
    from onsale.events e
    where e.status = p_status::onsale.event_status and e.deleted_at is null
      and (p_category is null or e.category = p_category)
      and (p_from is null or e.sort_starts_at >= p_from)
      and (p_to is null or e.sort_starts_at <= p_to)
      and (p_search is null or position(p_search in lower(e.title)) > 0)
  )
  select
    (select count(*) from hits),
    array(
      select h.id
      from hits h
      order by
        case when p_sort = 'title' then lower(h.title) end,
        case when p_sort = '-starts_at' then h.sort_starts_at end desc,
        case when p_sort not in ('title', '-starts_at') then h.sort_starts_at end,
        case when p_sort = '-starts_at' then h.id end desc,
        h.id
      limit p_limit offset p_offset
    )
  into strict v_count, v_ids;
  return (select p.body from api.get_page(p_sort, v_ids, null, p_limit, p_offset, v_count) p);
end;
$$;
comment on function api.list_events_of_status(text, text, text, timestamptz, timestamptz, text, integer, integer) is
  'A page of the events of one status as JSON, for admins';
