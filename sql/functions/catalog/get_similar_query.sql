-- What a visitor may have meant where nothing is found: each word that begins none of those that there are, or all of
-- them where each does, is replaced by the words most like it (trigrams): at most 5,
-- none much less like it than the best. Null where a word is like none.
create or replace function api.get_similar_query(p_search text)
returns tsquery
language sql
stable
parallel safe
as $$
  with words as (
    select w.nth, w.word, exists (
      select from onsale.search_words v where v.word >= w.word and v.word < w.word || U&'\+10FFFF'
    ) as is_known
    from api.list_search_words(p_search) w
  ), terms as (
    select w.nth, case when w.is_known and not (select bool_and(a.is_known) from words a) then (
      api.get_search_term(w.word) || ':*'
    ) else (
      select '(' || string_agg(api.get_search_term(c.word), ' | ') || ')'
      from (
        select l.word, l.likeness, max(l.likeness) over () as likeness_max
        from (
          select v.word, public.similarity(v.word, w.word) as likeness
          from onsale.search_words v
          where v.word operator(public.%) w.word
        ) l
        order by l.likeness desc, l.word
        limit 5
      ) c
      where c.likeness >= 0.75 * c.likeness_max
    ) end as term
    from words w
  )
  select case when bool_and(t.term is not null) then string_agg(t.term, ' & ' order by t.nth)::tsquery end
  from terms t
$$;
comment on function api.get_similar_query(text) is 'The words most like those that were typed as a tsquery; or null';
