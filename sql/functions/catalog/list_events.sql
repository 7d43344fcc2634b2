-- A page of the public events that have not ended, or, with p_from, of those that start from then on; without a date
-- counts as not ended. Sorted by starts_at, -starts_at or title (then id). Either p_offset (with a total, exact up to
-- 10,000) or a position to go on from: the key (p_after_key: microseconds since 1970, infinity, or a title) and id of
-- the last row seen, as next_cursor tells them; that costs the same on every page, and tells no total
-- (by title it still counts to 10,001, to choose its way).
-- Always one row. expires_at: when the next event ends, and the page may change without a commit.
--
-- A page by its number, and how many there are, are told by the bitmaps of search (list_hits). A page by cursor is walked
-- along two ranges, what runs now and what is to come, each in order and limited. All cost the same among a
-- thousand events and a million.
create or replace function api.list_events(
  p_sort text,
  p_category text default null,
  p_from timestamptz default null,
  p_to timestamptz default null,
  p_limit integer default 20,
  p_offset integer default null,
  p_after_key text default null,
  p_after_id bigint default null,
  p_now timestamptz default clock_timestamp()
)
returns table (
  body json,
  event_ids bigint[],
  revisions bigint[],
  catalogue_revision bigint,
  as_of timestamptz,
  expires_at timestamptz
)
language plpgsql
stable
rows 1
security definer
set search_path = ''
-- Filters that are absent fall out of the plan, and a plan is never one of a table that was still empty.
set plan_cache_mode = force_custom_plan
set enable_seqscan = off
set jit = off
as $$
#variable_conflict use_column
declare
  v_from constant timestamptz := coalesce(p_from, p_now);
  v_to constant timestamptz := coalesce(p_to, 'infinity');
  v_over_from constant timestamptz := case when p_from is null then p_now else '-infinity' end;
  v_running_at constant timestamptz := case when p_from is null then p_now end;
  v_at constant timestamptz := api.get_cursor_instant(p_sort, p_after_key);
  v_count bigint;
  v_ids bigint[];
begin
  if p_offset is not null or p_sort = 'title' then
    select h.ids, h.hit_count into strict v_ids, v_count
    from api.list_hits(
      '{}', '{}', null, p_category, v_from, v_to, v_over_from, v_running_at, p_sort = '-starts_at', null, null,
      coalesce(p_offset, 0), case when p_sort = 'title' then 0 else p_limit + 1 end, 10001
    ) h;
  end if;

  if p_sort = 'title' then
    v_ids := api.list_title_hits(
      '{}', '{}', null, p_category, v_from, v_to, v_over_from, v_running_at, p_after_key, p_after_id,
      coalesce(p_offset, 0), p_limit, v_count
    );
  elsif p_offset is null and p_sort = 'starts_at' then
    select array_agg(n.id order by n.sort_starts_at, n.id) into v_ids
    from (
      (
        select e.sort_starts_at, e.id
        from api.list_running_events(p_category, v_running_at, v_to) e
        where v_at is null or (e.sort_starts_at, e.id) > (v_at, p_after_id)
        order by e.sort_starts_at, e.id
        limit p_limit + 1
      )
      union all
      (
        -- The cursor's position is the lower bound where it lies behind the other one.
        select e.sort_starts_at, e.id
        from api.list_upcoming_events(p_category, greatest(v_from, v_at), v_to, v_over_from) e
        where v_at is null or v_at < v_from or (e.sort_starts_at, e.id) > (v_at, p_after_id)
        order by e.sort_starts_at, e.id
        limit p_limit + 1
      )
      order by 1, 2
      limit p_limit + 1
    ) n;
  elsif p_offset is null then
    select array_agg(n.id order by n.sort_starts_at desc, n.id desc) into v_ids
    from (
      (
        select e.sort_starts_at, e.id
        from api.list_upcoming_events(p_category, v_from, least(v_to, v_at), v_over_from) e
        where v_at is null or v_at > v_to or (e.sort_starts_at, e.id) < (v_at, p_after_id)
        order by e.sort_starts_at desc, e.id desc
        limit p_limit + 1
      )
      union all
      (
        select e.sort_starts_at, e.id
        from api.list_running_events(p_category, v_running_at, v_to) e
        where v_at is null or (e.sort_starts_at, e.id) < (v_at, p_after_id)
        order by e.sort_starts_at desc, e.id desc
        limit p_limit + 1
      )
      order by 1 desc, 2 desc
      limit p_limit + 1
    ) n;
  end if;

  return query
    select p.body, p.event_ids, p.revisions, k.revision, api.get_as_of(), case when p_from is null then (
      select min(e.over_at) from onsale.events e
      where e.status = 'active' and e.deleted_at is null and e.over_at >= p_now and e.over_at < 'infinity'
    ) end
    from api.get_page(p_sort, v_ids, null, p_limit, p_offset, v_count) p
    cross join onsale.catalogue k;
end;
$$;
comment on function api.list_events(text, text, timestamptz, timestamptz, integer, integer, text, bigint, timestamptz) is
  'A page of public events as JSON, from which revisions it was made, and until when it holds';
