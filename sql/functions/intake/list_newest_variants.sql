-- The variants that the products of a batch hold in full: the newest entry of each, with its place in its body. Entries
-- are unnested, never fetched by index: that copies the whole list each time (two bodies of 2,048
-- variants, PostgreSQL 15: 6.3 s by index, 0.8 s so).
create or replace function api.list_newest_variants(p_facts onsale.delivery_fact[])
returns table (
  variant_id bigint, product_id bigint, ordinal integer, stamp onsale.stamp, entry jsonb, nth bigint
)
language sql
immutable
parallel safe
as $$
  select distinct on (variant_id)
    (v.entry ->> 'id')::bigint as variant_id, (f.body ->> 'id')::bigint, f.ordinal, f.stamp, v.entry, v.nth
  from unnest(p_facts) f
  cross join lateral jsonb_array_elements(f.body -> 'variants') with ordinality as v (entry, nth)
  where f.kind = 'product'
  order by variant_id, f.stamp desc
$$;
comment on function api.list_newest_variants(onsale.delivery_fact[]) is
  'The newest entry of each variant that the products of a batch hold in full';
