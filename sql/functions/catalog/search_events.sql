-- A page of the public events in which all words of p_search occur: title, subtitle, venue, city, category, description.
-- A word may be the beginning of one; where nothing is found, typos are forgiven. The other parameters mean what they
-- mean in list_events; p_sort may also be relevance.
-- Few hits are gathered through the index of words and sorted; very many are met along the dates (list_rare_hits,
-- list_common_hits): either way a page costs the same among thousands of events and a million. The key of a cursor by
-- relevance is the score and the instant.
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
rows 1
security definer
set search_path = ''
-- A table that was never analyzed looks large: without this the statement is compiled, for 50 to 90 ms a call.
set jit = off
as $$
#variable_conflict use_column
declare
  v_from constant timestamptz := coalesce(p_from, p_now);
  v_to constant timestamptz := coalesce(p_to, 'infinity');
  v_over_from constant timestamptz := case when p_from is null then p_now else '-infinity' end;
  v_running_at constant timestamptz := case when p_from is null then p_now end;
  v_after_score constant real := case when p_sort = 'relevance' then split_part(p_after_key, ' ', 1) end;
  v_after_at constant timestamptz := api.get_cursor_instant(
    p_sort, case when p_sort = 'relevance' then split_part(p_after_key, ' ', 2) else p_after_key end
  );
  v_exact constant tsquery := api.get_search_query(p_search, p_is_exact => true);
  v_query tsquery := api.get_search_query(p_search);
  v_rare record;
  v_count bigint := 0;
  v_ids bigint[];
  v_scores text[];
begin
  for v_attempt in 1..2 loop
    exit when v_query is null;

    -- Well above the 10,000 that must be counted, so that an unlucky sample does not hide a smaller number.
    if api.get_hit_estimate(v_query, p_category, coalesce(p_from, '-infinity'), v_to, v_over_from) > 17000 then
      v_count := 20001;
    else
      select h.* into strict v_rare
      from api.list_rare_hits(
        v_query, v_exact, p_sort, p_category, coalesce(p_from, '-infinity'), v_to, v_over_from,
        p_limit, coalesce(p_offset, 0), v_after_score, p_after_key, v_after_at, p_after_id
      ) h;
      v_count := v_rare.hit_count;
      v_ids := v_rare.ids;
      v_scores := v_rare.scores;
    end if;
    if v_count > 20000 then
      select h.ids, h.scores into strict v_ids, v_scores
      from api.list_common_hits(
        v_query, v_exact, p_sort, p_category, v_from, v_to, v_over_from, v_running_at,
        p_limit, coalesce(p_offset, 0), v_after_score, p_after_key, v_after_at, p_after_id
      ) h;
    end if;

    exit when v_count > 0;
    v_query := api.get_similar_query(p_search);
  end loop;

  return query
    select p.body, p.event_ids, p.revisions, k.revision, api.get_as_of(), case when p_from is null then (
      select min(e.over_at) from onsale.events e
      where e.status = 'active' and e.deleted_at is null and e.over_at >= p_now and e.over_at < 'infinity'
    ) end
    from api.get_page(p_sort, v_ids, v_scores, p_limit, p_offset, v_count) p
    cross join onsale.catalogue k;
end;
$$;
comment on function api.search_events(
  text, text, text, timestamptz, timestamptz, integer, integer, text, bigint, timestamptz
) is 'A page of the public events that match a search as JSON, from which revisions, and until when it holds';
