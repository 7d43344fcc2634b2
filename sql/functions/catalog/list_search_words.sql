-- The words of a search as the index knows words, each once, by their place; at most 8. Case, accents and
-- punctuation do not count.
create or replace function api.list_search_words(p_search text)
returns table (nth bigint, word text)
language sql
stable
parallel safe
as $$
  select row_number() over (order by l.positions[1], l.lexeme), l.lexeme collate "C"
  from unnest(to_tsvector('pg_catalog.simple', left(onsale.get_search_text(p_search), 200))) as l (lexeme, positions, weights)
  order by 1
  limit 8
$$;
comment on function api.list_search_words(text) is 'The words of a search, folded, each once, by their place';
