-- What a visitor may have meant where nothing is found: each word that begins none of those that there are, or all of
-- them where each does, is replaced by the words most like it (trigrams): at most 5,
-- none much less like it than the best. query, words and groups as in get_search_terms; all null where a word is like none.
create or replace function api.get_similar_terms(
  p_search text,
  out query tsquery,
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
    select w.nth, w.word, exists (
      select from onsale.search_words v where v.word >= w.word and v.word < w.word || U&'\+10FFFF'
    ) as is_known
    from api.list_search_words(p_search) w
  ), kept as (
    select t.nth, t.word from typed t where t.is_known and not (select bool_and(a.is_known) from typed a)
  ), meant as (
    select k.nth, v.word
    from kept k
    join onsale.search_words v on v.word >= k.word and v.word < k.word || U&'\+10FFFF'
    union all
    select t.nth, c.word
    from typed t
    cross join lateral (
      select l.word, l.likeness, max(l.likeness) over () as likeness_max
      from (
        select v.word, public.similarity(v.word, t.word) as likeness
        from onsale.search_words v
        where v.word operator(public.%) t.word
      ) l
      order by l.likeness desc, l.word
      limit 5
    ) c
    where c.likeness >= 0.75 * c.likeness_max and not exists (select from kept k where k.nth = t.nth)
  ), terms as (
    select
      t.nth,
      coalesce(
        (select api.get_search_term(k.word) || ':*' from kept k where k.nth = t.nth),
        (select '(' || string_agg(api.get_search_term(m.word), ' | ') || ')' from meant m where m.nth = t.nth)
      ) as term
    from typed t
  )
  select
    string_agg(t.term, ' & ' order by t.nth)::tsquery,
    (select array_agg(m.word order by m.nth, m.word) from meant m),
    (select array_agg(m.nth order by m.nth, m.word) from meant m)
  into query, words, groups
  from terms t
  having bool_and(t.term is not null);
end;
$$;
comment on function api.get_similar_terms(text) is 'The words most like those that were typed, as get_search_terms tells them';
