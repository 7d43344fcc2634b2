-- What a visitor typed as a text search: every word must occur, each may go on (prefixes), accents, case and punctuation
-- do not count. At most 8 words are looked at. Null where nothing is left to look for.
create or replace function api.get_search_query(p_search text)
returns tsquery
language sql
stable
parallel safe
as $$
  select case when count(*) > 0 then
    to_tsquery('pg_catalog.simple', string_agg('''' || w.word || ''':*', ' & ' order by w.ordinal))
  end
  from (
    select u.word, min(u.ordinal) as ordinal
    from regexp_split_to_table(left(onsale.get_search_text(p_search), 200), '\s+') with ordinality as u (word, ordinal)
    where u.word <> ''
    group by u.word
    order by 2
    limit 8
  ) w
$$;
comment on function api.get_search_query(text) is 'What was typed as a tsquery of prefixes, all of which must occur; or null';
