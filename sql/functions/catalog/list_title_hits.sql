-- The ids of a page by title (then id), one more than p_limit where there is a next page, after a position or from
-- p_offset on. p_hit_count is how many hits there are, exact below 10,001. Few are looked up and sorted; many are met
-- quickly along the titles, unless word and title go together: where that takes three times as long as it should, all
-- are looked up after all (a million events, 15,700 hits whose titles begin with T: 500 ms along the titles, so 200).
-- Part of list_events and search_events, whose parameters mean the same; the words are those of list_hits.
create or replace function api.list_title_hits(
  p_words text[],
  p_groups integer[],
  p_query tsquery,
  p_category text,
  p_from timestamptz,
  p_to timestamptz,
  p_over_from timestamptz,
  p_running_at timestamptz,
  p_after_key text,
  p_after_id bigint,
  p_offset integer,
  p_limit integer,
  p_hit_count bigint
)
returns bigint[]
language plpgsql
stable
-- Filters that are absent fall out of the plan.
set plan_cache_mode = force_custom_plan
set enable_seqscan = off
set jit = off
as $$
declare
  -- To look a hit up costs about as much as to pass by an event of a search, and ten times as much as to pass by one of
  -- a list, which the index alone tells.
  v_event_count constant real := (
    select greatest(c.reltuples, 0) from pg_catalog.pg_class c where c.oid = 'onsale.events'::regclass
  );
  v_expected constant real :=
    (p_offset + p_limit + 1) * v_event_count / greatest(p_hit_count, 1) / case when p_query is null then 10 else 1 end;
  v_passed_max constant bigint := 3 * v_expected + 1000;
  v_ids bigint[];
begin
  if p_hit_count > v_expected or p_hit_count > 10000 then
    select array_agg(n.id order by n.title_key, n.id) into strict v_ids
    from (
      select e.title_key, e.id
      from (
        select e.title_key collate "C" as title_key, e.id, case when p_query is not null then e.search end as search
        from api.list_upcoming_events(
          p_category, case when p_running_at is null then p_from else '-infinity' end, p_to, p_over_from
        ) e
        where p_after_key is null or (e.title_key collate "C", e.id) > (p_after_key, p_after_id)
        order by 1, 2
        limit v_passed_max
      ) e
      where p_query is null or e.search @@ p_query
      order by e.title_key, e.id
      limit p_limit + 1 offset p_offset
    ) n;
    if cardinality(v_ids) = p_limit + 1 then
      return v_ids;
    end if;
  end if;

  select array_agg(n.id order by n.title_key collate "C", n.id) into strict v_ids
  from (
    select e.title_key, e.id
    from unnest((
      select h.ids from api.list_hits(
        p_words, p_groups, p_query, p_category, p_from, p_to, p_over_from, p_running_at, false, null, null, 0, 1000000000, 0
      ) h
    )) as h (id)
    join onsale.events e on e.id = h.id
    where p_after_key is null or (e.title_key collate "C", e.id) > (p_after_key, p_after_id)
    order by e.title_key collate "C", e.id
    limit p_limit + 1 offset p_offset
  ) n;
  return v_ids;
end;
$$;
comment on function api.list_title_hits(
  text[], integer[], tsquery, text, timestamptz, timestamptz, timestamptz, timestamptz, text, bigint, integer, integer,
  bigint
) is 'The ids of a page of hits by title';
