-- What a visitor typed, as a search: every word must occur, each may be the beginning of one.
--   query   as a tsquery. A beginning is spelled out into the words that there are (search_words), up to 200
--   exact   the words as they stand
--   words, groups   all words that there are for each word typed, with its number (list_hits)
-- All null where there is nothing to look for.
-- plpgsql for one statement, because it keeps the plan (get_event).
create or replace function api.get_search_terms(
  p_search text,
  out query tsquery,
  out exact tsquery,
  out words text[],
  out groups integer[]
)
returns record
language plpgsql
stable
parallel safe
set plan_cache_mode = force_generic_plan
as $$
begin
  with typed as (
    select w.nth, w.word from api.list_search_words(p_search) w
  ), known as (
    select t.nth, t.word from typed t
    union
    select t.nth, v.word
    from typed t
    join onsale.search_words v on v.word >= t.word and v.word < t.word || U&'\+10FFFF'
  ), terms as (
    select
      t.nth,
      api.get_search_term(t.word) as exact,
      case
        when count(*) <= 200 then '(' || string_agg(api.get_search_term(k.word), ' | ') || ')'
        else api.get_search_term(t.word) || ':*'
      end as term
    from typed t
    join known k on k.nth = t.nth
    group by t.nth, t.word
  )
  select
    string_agg(t.term, ' & ' order by t.nth)::tsquery,
    string_agg(t.exact, ' & ' order by t.nth)::tsquery,
    (select array_agg(k.word order by k.nth, k.word) from known k),
    (select array_agg(k.nth order by k.nth, k.word) from known k)
  into strict query, exact, words, groups
  from terms t;
end;
$$;
comment on function api.get_search_terms(text) is
  'What was typed as a tsquery of beginnings, as one of the words as they stand, and as the words that there are';
