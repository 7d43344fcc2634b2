-- What a body's list of metafields ({namespace, key, value, type}) tells of ours, {key: value}; of two with one key the last
-- counts. All at once: each looked for by itself would go through the list, and set a function up, five times a product.
create or replace function api.get_metafields(p_metafields jsonb)
returns jsonb
language sql
immutable
parallel safe
return (
  select coalesce(jsonb_object_agg(m.entry ->> 'key', m.entry -> 'value' order by m.nth), '{}')
  from jsonb_array_elements(p_metafields) with ordinality as m (entry, nth)
  where m.entry ->> 'namespace' = 'onsale' and m.entry ->> 'key' is not null
);
comment on function api.get_metafields(jsonb) is 'The values of the metafields onsale.<key>, by key';
