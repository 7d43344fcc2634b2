-- A page of the public events in which all words of p_search occur: title, subtitle, venue, city, category, description.
-- A word may be the beginning of one; where nothing is found, typos are forgiven. The other parameters mean what they
-- mean in list_events; p_sort may also be relevance.
-- By relevance: the soonest 500 hits by how well they match (words that stand as typed first), then the others by date.
-- To rank all hits of a common word took 270 ms on a million events. The key of a cursor is then the score and the
-- instant; the score of the others is -1.
-- Always one row; expires_at as in list_events.
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
-- The planner must see the words: a rare one is looked up in the index, a common one found along the dates.
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
  v_need constant integer := coalesce(p_offset, 0) + p_limit + 1;
  v_after_score constant real := case when p_sort = 'relevance' then split_part(p_after_key, ' ', 1) end;
  v_at constant timestamptz := api.get_cursor_instant(
    p_sort, case when p_sort = 'relevance' then split_part(p_after_key, ' ', 2) else p_after_key end
  );
  v_exact constant tsquery := api.get_search_query(p_search, p_is_exact => true);
  v_query tsquery := api.get_search_query(p_search);
  v_count bigint;
  v_ids bigint[];
  v_keys text[];
begin
  for v_attempt in 1..2 loop
    if p_offset is not null then
      select count(*) into v_count
      from (
        select from api.list_running_events(p_category, v_running_at, v_to) e where e.search @@ v_query
        union all
        (
          select from api.list_upcoming_events(p_category, v_from, v_to, v_over_from) e
          where e.search @@ v_query
          limit 10001
        )
        limit 10001
      ) n;
    end if;

    if p_sort = 'relevance' then
      with hits as materialized (
        (
          select e.sort_starts_at, e.id, e.search
          from api.list_running_events(p_category, v_running_at, v_to) e
          where e.search @@ v_query
            and (v_after_score is distinct from -1 or (e.sort_starts_at, e.id) > (v_at, p_after_id))
          order by e.sort_starts_at, e.id
          limit v_need + 500
        )
        union all
        (
          select e.sort_starts_at, e.id, e.search
          from api.list_upcoming_events(p_category, v_from, v_to, v_over_from) e
          where e.search @@ v_query
            and (v_after_score is distinct from -1 or (e.sort_starts_at, e.id) > (v_at, p_after_id))
          order by e.sort_starts_at, e.id
          limit v_need + 500
        )
        order by 1, 2
        limit v_need + 500
      ), scored as (
        select h.sort_starts_at, h.id, case
            when v_after_score = -1 or row_number() over (order by h.sort_starts_at, h.id) > 500 then -1
            else ts_rank(h.search, v_query) + case when h.search @@ v_exact then 10 else 0 end
          end::real as score
        from hits h
      )
      select
        array_agg(n.id order by n.score desc, n.sort_starts_at, n.id),
        array_agg(n.score::text order by n.score desc, n.sort_starts_at, n.id)
      into v_ids, v_keys
      from (
        select s.score, s.sort_starts_at, s.id
        from scored s
        where v_after_score is null or v_after_score = -1 or s.score < v_after_score
          or (s.score = v_after_score and (s.sort_starts_at, s.id) > (v_at, p_after_id))
        order by s.score desc, s.sort_starts_at, s.id
        limit p_limit + 1 offset coalesce(p_offset, 0)
      ) n;
    elsif p_sort = 'starts_at' then
      select array_agg(n.id order by n.sort_starts_at, n.id) into v_ids
      from (
        (
          select e.sort_starts_at, e.id
          from api.list_running_events(p_category, v_running_at, v_to) e
          where e.search @@ v_query and (v_at is null or (e.sort_starts_at, e.id) > (v_at, p_after_id))
          order by e.sort_starts_at, e.id
          limit v_need
        )
        union all
        (
          select e.sort_starts_at, e.id
          from api.list_upcoming_events(p_category, greatest(v_from, v_at), v_to, v_over_from) e
          where e.search @@ v_query
            and (v_at is null or v_at < v_from or (e.sort_starts_at, e.id) > (v_at, p_after_id))
          order by e.sort_starts_at, e.id
          limit v_need
        )
        order by 1, 2
        limit p_limit + 1 offset coalesce(p_offset, 0)
      ) n;
    elsif p_sort = '-starts_at' then
      select array_agg(n.id order by n.sort_starts_at desc, n.id desc) into v_ids
      from (
        (
          select e.sort_starts_at, e.id
          from api.list_upcoming_events(p_category, v_from, least(v_to, v_at), v_over_from) e
          where e.search @@ v_query
            and (v_at is null or v_at > v_to or (e.sort_starts_at, e.id) < (v_at, p_after_id))
          order by e.sort_starts_at desc, e.id desc
          limit v_need
        )
        union all
        (
          select e.sort_starts_at, e.id
          from api.list_running_events(p_category, v_running_at, v_to) e
          where e.search @@ v_query and (v_at is null or (e.sort_starts_at, e.id) < (v_at, p_after_id))
          order by e.sort_starts_at desc, e.id desc
          limit v_need
        )
        order by 1 desc, 2 desc
        limit p_limit + 1 offset coalesce(p_offset, 0)
      ) n;
    else
      select array_agg(n.id order by n.title_key collate "C", n.id) into v_ids
      from (
        select e.title_key, e.id
        from api.list_upcoming_events(p_category, coalesce(p_from, '-infinity'), v_to, v_over_from) e
        where e.search @@ v_query
          and (p_after_key is null or (e.title_key collate "C", e.id) > (p_after_key, p_after_id))
        order by e.title_key collate "C", e.id
        limit p_limit + 1 offset coalesce(p_offset, 0)
      ) n;
    end if;

    exit when v_ids is not null or v_count > 0;
    v_query := api.get_similar_query(p_search);
    exit when v_query is null;
  end loop;

  return query
    select p.body, p.event_ids, p.revisions, k.revision, api.get_as_of(), case when p_from is null then (
      select min(e.over_at) from onsale.events e
      where e.status = 'active' and e.deleted_at is null and e.over_at >= p_now and e.over_at < 'infinity'
    ) end
    from api.get_page(p_sort, v_ids, v_keys, p_limit, p_offset, v_count) p
    cross join onsale.catalogue k;
end;
$$;
comment on function api.search_events(
  text, text, text, timestamptz, timestamptz, integer, integer, text, bigint, timestamptz
) is 'A page of the public events that match a search as JSON, from which revisions, and until when it holds';
