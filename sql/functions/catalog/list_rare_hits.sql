-- The ids of a page of hits, one more than p_limit where there is a next page, with the scores of relevance, and how many
-- hits there are: 20,001 means too many, and that the page is not to be used (list_common_hits).
-- All hits are gathered through the index of words and sorted. By relevance the soonest 500 are ranked, words that
-- stand as typed (p_exact) first, and the others follow by date with the score -1.
-- Part of search_events, whose parameters mean the same.
create or replace function api.list_rare_hits(
  p_query tsquery,
  p_exact tsquery,
  p_sort text,
  p_category text,
  p_from timestamptz,
  p_to timestamptz,
  p_over_from timestamptz,
  p_limit integer,
  p_offset integer,
  p_after_score real,
  p_after_key text,
  p_after_at timestamptz,
  p_after_id bigint,
  out ids bigint[],
  out scores text[],
  out hit_count bigint
)
returns record
language plpgsql
stable
-- Only the index of words: along the dates a rare word is found late (seconds on a million events), and coalesce() keeps
-- the other conditions from being looked up in indexes of theirs.
set enable_indexscan = off
set enable_seqscan = off
set jit = off
as $$
begin
  with hits as materialized (
    select e.id, e.sort_starts_at, case when p_sort = 'title' then e.title_key end as title_key
    from onsale.events e
    where e.status = 'active' and e.deleted_at is null
      and e.search @@ p_query
      and coalesce(
        e.sort_starts_at >= p_from and e.sort_starts_at <= p_to and e.over_at >= p_over_from
          and (p_category is null or e.category = p_category),
        false
      )
    limit 20001
  ), scored as (
    select h.id, h.sort_starts_at, h.title_key, case
        when p_sort = 'relevance' and row_number() over (order by h.sort_starts_at, h.id) <= 500 then (
          select ts_rank(e.search, p_query) + case when e.search @@ p_exact then 10 else 0 end
          from onsale.events e
          where e.id = h.id
        )
        else -1
      end::real as score
    from hits h
  ), page as (
    select s.id, s.score, row_number() over (
      order by
        case when p_sort = 'relevance' then s.score end desc,
        case when p_sort = 'title' then s.title_key end collate "C",
        case when p_sort = '-starts_at' then s.sort_starts_at end desc,
        case when p_sort in ('relevance', 'starts_at') then s.sort_starts_at end,
        case when p_sort = '-starts_at' then -s.id else s.id end
    ) as nth
    from scored s
    where p_after_id is null or case p_sort
      when 'relevance' then s.score < p_after_score
        or s.score = p_after_score and (s.sort_starts_at, s.id) > (p_after_at, p_after_id)
      when 'starts_at' then (s.sort_starts_at, s.id) > (p_after_at, p_after_id)
      when '-starts_at' then (s.sort_starts_at, s.id) < (p_after_at, p_after_id)
      else (s.title_key collate "C", s.id) > (p_after_key, p_after_id)
    end
    order by nth
    limit p_limit + 1 offset p_offset
  )
  select array_agg(p.id order by p.nth), array_agg(p.score::text order by p.nth), (select count(*) from hits)
  into strict ids, scores, hit_count
  from page p;
end;
$$;
comment on function api.list_rare_hits(
  tsquery, tsquery, text, text, timestamptz, timestamptz, timestamptz, integer, integer, real, text, timestamptz, bigint
) is 'A page of the hits of a search that has few of them, and how many there are';
