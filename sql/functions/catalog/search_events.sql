-- A page of the public events in which all words occur: title, subtitle, venue, city, category, description. The other
-- parameters mean what they mean in list_events; p_sort may also be relevance (the score of the last row is then the key).
-- Always one row.
create or replace function api.search_events(
  p_search text,
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
security definer
set search_path = ''
set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
declare
  v_query constant tsquery := api.get_search_query(p_search);
  v_ids bigint[];
  v_scores text[];
  v_count bigint;
begin
  with hits as materialized (
    select e.id, e.sort_starts_at, e.title_key, e.search
    from onsale.events e
    where e.status = 'active' and e.deleted_at is null
      and e.search @@ v_query
      and e.over_at >= case when p_from is null then p_now else '-infinity' end
      and e.sort_starts_at >= coalesce(p_from, '-infinity')
      and e.sort_starts_at <= coalesce(p_to, 'infinity')
      and (p_category is null or e.category = p_category)
    order by e.sort_starts_at, e.id
    limit 1001
  ), scored as (
    select h.id, h.sort_starts_at, ts_rank(h.search, v_query) as score
    from hits h
  )
  select array_agg(n.id order by n.score desc, n.sort_starts_at, n.id), (select count(*) from hits)
  into v_ids, v_count
  from (
    select * from scored s order by s.score desc, s.sort_starts_at, s.id
    limit p_limit + 1 offset coalesce(p_offset, 0)
  ) n;
  return query
    select p.body, p.event_ids, p.revisions, k.revision, api.get_as_of(), null::timestamptz
    from api.get_page(p_sort, v_ids, v_scores, p_limit, p_offset, v_count) p
    cross join onsale.catalogue k;
end;
$$;
comment on function api.search_events(
  text, text, text, timestamptz, timestamptz, integer, integer, text, bigint, timestamptz
) is 'A page of the public events that match a search as JSON, and from which revisions it was made';
