-- The ids of a page of hits where there are very many, one more than p_limit where there is a next page, with the scores
-- of relevance. Hits are met along the index of the order asked for, a few events further each; by relevance the
-- soonest 300 are ranked, words that stand as typed (p_exact) first, and the others follow by date with the score -1.
-- To rank all hits of a common word took 270 ms on a million events.
-- coalesce() hides the search from the planner: it expects few hits of words that it has no statistics of, and would read
-- all events before it sorts them, or gather all hits from the index of words.
-- Part of search_events, whose parameters mean the same; p_running_at: also what runs then.
create or replace function api.list_common_hits(
  p_query tsquery,
  p_exact tsquery,
  p_sort text,
  p_category text,
  p_from timestamptz,
  p_to timestamptz,
  p_over_from timestamptz,
  p_running_at timestamptz,
  p_limit integer,
  p_offset integer,
  p_after_score real,
  p_after_key text,
  p_after_at timestamptz,
  p_after_id bigint,
  out ids bigint[],
  out scores text[]
)
returns record
language plpgsql
stable
set plan_cache_mode = force_custom_plan
set enable_seqscan = off
set jit = off
as $$
declare
  v_is_ranked constant boolean := p_sort = 'relevance' and p_after_score is distinct from -1;
  v_need constant integer := p_offset + p_limit + 1 + case when v_is_ranked then 300 else 0 end;
  -- A position among ranked hits is none on the way along the dates.
  v_at constant timestamptz := case when not v_is_ranked then p_after_at end;
begin
  if p_sort in ('relevance', 'starts_at') then
    with hits as materialized (
      (
        select e.sort_starts_at, e.id, case when v_is_ranked then e.search end as search
        from api.list_running_events(p_category, p_running_at, p_to) e
        where coalesce(e.search @@ p_query, false) and (v_at is null or (e.sort_starts_at, e.id) > (v_at, p_after_id))
        order by e.sort_starts_at, e.id
        limit v_need
      )
      union all
      (
        select e.sort_starts_at, e.id, case when v_is_ranked then e.search end as search
        from api.list_upcoming_events(p_category, greatest(p_from, v_at), p_to, p_over_from) e
        where coalesce(e.search @@ p_query, false)
          and (v_at is null or v_at < p_from or (e.sort_starts_at, e.id) > (v_at, p_after_id))
        order by e.sort_starts_at, e.id
        limit v_need
      )
      order by 1, 2
      limit v_need
    ), scored as (
      select h.sort_starts_at, h.id, case
          when v_is_ranked and row_number() over (order by h.sort_starts_at, h.id) <= 300
          then ts_rank(h.search, p_query) + case when h.search @@ p_exact then 10 else 0 end
          else -1
        end::real as score
      from hits h
    )
    select
      array_agg(n.id order by n.score desc, n.sort_starts_at, n.id),
      array_agg(n.score::text order by n.score desc, n.sort_starts_at, n.id)
    into strict ids, scores
    from (
      select s.score, s.sort_starts_at, s.id
      from scored s
      where not v_is_ranked or p_after_score is null or s.score < p_after_score
        or (s.score = p_after_score and (s.sort_starts_at, s.id) > (p_after_at, p_after_id))
      order by s.score desc, s.sort_starts_at, s.id
      limit p_limit + 1 offset p_offset
    ) n;
  elsif p_sort = '-starts_at' then
    select array_agg(n.id order by n.sort_starts_at desc, n.id desc) into strict ids
    from (
      (
        select e.sort_starts_at, e.id
        from api.list_upcoming_events(p_category, p_from, least(p_to, v_at), p_over_from) e
        where coalesce(e.search @@ p_query, false)
          and (v_at is null or v_at > p_to or (e.sort_starts_at, e.id) < (v_at, p_after_id))
        order by e.sort_starts_at desc, e.id desc
        limit v_need
      )
      union all
      (
        select e.sort_starts_at, e.id
        from api.list_running_events(p_category, p_running_at, p_to) e
        where coalesce(e.search @@ p_query, false) and (v_at is null or (e.sort_starts_at, e.id) < (v_at, p_after_id))
        order by e.sort_starts_at desc, e.id desc
        limit v_need
      )
      order by 1 desc, 2 desc
      limit p_limit + 1 offset p_offset
    ) n;
  else
    select array_agg(n.id order by n.title_key collate "C", n.id) into strict ids
    from (
      select e.title_key, e.id
      from api.list_upcoming_events(
        p_category, case when p_running_at is null then p_from else '-infinity' end, p_to, p_over_from
      ) e
      where coalesce(e.search @@ p_query, false)
        and (p_after_key is null or (e.title_key collate "C", e.id) > (p_after_key, p_after_id))
      order by e.title_key collate "C", e.id
      limit p_limit + 1 offset p_offset
    ) n;
  end if;
end;
$$;
comment on function api.list_common_hits(
  tsquery, tsquery, text, text, timestamptz, timestamptz, timestamptz, timestamptz, integer, integer, real, text,
  timestamptz, bigint
) is 'A page of the hits of a search that has very many of them';
