-- One value out of a body's list of metafields ({namespace, key, value, type}); null where it is not there.
create or replace function api.get_metafield(p_metafields jsonb, p_key text)
returns text
language sql
immutable
parallel safe
return (
  select m.entry ->> 'value'
  from jsonb_array_elements(p_metafields) with ordinality as m (entry, nth)
  where m.entry ->> 'namespace' = 'onsale' and m.entry ->> 'key' = p_key
  order by m.nth desc
  limit 1
);
comment on function api.get_metafield(jsonb, text) is 'The value of the metafield onsale.<key> as text, or null';
