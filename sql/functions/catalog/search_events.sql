-- A page of the public events in which all words of p_search occur: title, subtitle, venue, city, category, description.
-- A word may be the beginning of one; where nothing is found, typos are forgiven. The other parameters mean what they
-- mean in list_events; p_sort may also be relevance.
-- By relevance the soonest 100 hits are ranked, words that stand as they were typed first, and the others follow by date
-- with the score -1; the key of a cursor is then the score and the instant.
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
-- The plans are the same for any words; and a table that was never analyzed looks large, so that the statement would be
-- compiled, for 50 to 90 ms a call.
set plan_cache_mode = force_generic_plan
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
  v_ranked_max constant integer := 100;
  v_offset constant integer := coalesce(p_offset, 0);
  v_is_ranked constant boolean := p_sort = 'relevance' and v_after_score is distinct from -1 and v_offset < v_ranked_max;
  v_is_by_start constant boolean := not v_is_ranked and p_sort <> 'title';
  v_query tsquery;
  v_exact tsquery;
  v_words text[];
  v_groups integer[];
  v_ids bigint[];
  v_starts timestamptz[];
  v_scores text[];
  v_count bigint := 0;
begin
  select t.query, t.exact, t.words, t.groups into strict v_query, v_exact, v_words, v_groups
  from api.get_search_terms(p_search) t;
  for v_attempt in 1..2 loop
    exit when v_query is null;
    select h.ids, h.starts, h.hit_count into strict v_ids, v_starts, v_count
    from api.list_hits(
      v_words, v_groups, v_query, p_category, v_from, v_to, v_over_from, v_running_at, p_sort = '-starts_at',
      case when v_is_by_start then v_after_at end, p_after_id,
      case when v_is_by_start then v_offset else 0 end,
      -- After a position among the ranked, any of them may have been before it.
      case
        when v_is_by_start then p_limit + 1
        when v_is_ranked and v_after_score is null then greatest(v_ranked_max, v_offset + p_limit + 1)
        when v_is_ranked then v_ranked_max + p_limit + 1
        else 0
      end,
      case when p_offset is not null or p_sort = 'title' then 10001 else 1 end
    ) h;
    exit when v_count > 0 or v_attempt = 2;
    -- Nothing after a position is not nothing at all.
    exit when p_after_id is not null and v_is_by_start and exists (
      select from api.list_hits(
        v_words, v_groups, v_query, p_category, v_from, v_to, v_over_from, v_running_at, false, null, null, 0, 0, 1
      ) h
      where h.hit_count > 0
    );
    select t.query, t.words, t.groups into strict v_query, v_words, v_groups from api.get_similar_terms(p_search) t;
  end loop;

  if p_sort = 'title' then
    if v_count > 0 then
      v_ids := api.list_title_hits(
        v_words, v_groups, v_query, p_category, v_from, v_to, v_over_from, v_running_at, p_after_key, p_after_id,
        v_offset, p_limit, v_count
      );
    end if;
  elsif v_is_ranked then
    select array_agg(n.id order by n.nth), array_agg(n.score::text order by n.nth) into strict v_ids, v_scores
    from (
      select s.id, s.score, row_number() over (order by s.score desc, s.starts_at, s.id) as nth
      from (
        select h.id, h.starts_at, coalesce(r.score, -1) as score
        from unnest(v_ids, v_starts) as h (id, starts_at)
        left join api.list_scores(v_ids[1:v_ranked_max], v_query, v_exact) r on r.event_id = h.id
      ) s
      where v_after_score is null or s.score < v_after_score
        or s.score = v_after_score and (s.starts_at, s.id) > (v_after_at, p_after_id)
      order by nth
      limit p_limit + 1 offset v_offset
    ) n;
  else
    v_scores := array_fill('-1'::text, array[p_limit + 1]);
  end if;

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
