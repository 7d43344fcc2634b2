-- A word as it must be quoted in the text of a tsquery.
create or replace function api.get_search_term(p_word text)
returns text
language sql
immutable
parallel safe
return '''' || replace(replace(p_word, '\', '\\'), '''', '''''') || '''';
comment on function api.get_search_term(text) is 'A word, quoted for a tsquery';
