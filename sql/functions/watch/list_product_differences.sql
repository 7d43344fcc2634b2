-- Of the products of a snapshot after a line those that the mirror has otherwise, each with what either side has, in the same
-- words. Older than ours, or deleted here, is no difference: a webhook has told since, and a product's id is not used again.
-- Descriptions and images are compared by the product's time alone: the two ways in which Shopify tells them spell them differently.
-- here null: the mirror lacks it. line also comes, with nothing else, for the last product read.
create or replace function api.list_product_differences(p_run_id bigint, p_after_line bigint, p_limit integer)
returns table (
  line bigint, fact onsale.delivery_fact, key text, event_id bigint, here_at timestamptz, there jsonb, here jsonb
)
language sql
stable
as $$
  with facts as materialized (
    select l.line, l.fact, (l.fact).body as body, ((l.fact).body ->> 'id')::bigint as product_id
    from api.list_staged_facts(p_run_id, 'products', p_after_line, p_limit) l
    where l.fault is null
  )
  select f.line, f.fact, f.product_id::text, p.event_id, (p.stamp).updated_at, t.sides, h.sides
  from facts f
  cross join onsale.settings s
  left join onsale.shopify_products p on p.product_id = f.product_id
  left join onsale.events e on e.id = p.event_id
  cross join lateral (
    select jsonb_build_object(
      'title', f.body ->> 'title',
      'status', coalesce(lower(f.body ->> 'status'), 'active'),
      'category', nullif(btrim(f.body ->> 'product_type'), ''),
      'tags', (
        select coalesce(jsonb_agg(btrim(u.tag) order by btrim(u.tag)), '[]')
        from unnest(string_to_array(f.body ->> 'tags', ',')) as u (tag)
        where btrim(u.tag) <> ''
      ),
      'metafields', (
        select coalesce(jsonb_object_agg(m.entry ->> 'key', m.entry -> 'value'), '{}')
        from jsonb_array_elements(f.body -> 'metafields') as m (entry)
        where m.entry ->> 'namespace' = 'onsale'
      ),
      'tickets', (
        select coalesce(jsonb_object_agg(v.entry ->> 'id', jsonb_build_array(
          nullif(v.entry ->> 'title', 'Default Title'), nullif(v.entry ->> 'option1', 'Default Title'),
          nullif(v.entry ->> 'sku', ''), api.get_cents(v.entry ->> 'price', s.currency),
          api.get_cents(nullif(v.entry ->> 'compare_at_price', ''), s.currency),
          coalesce((v.entry ->> 'position')::integer, v.nth::integer),
          v.entry ->> 'inventory_policy' is not distinct from 'continue', v.entry ->> 'inventory_item_id'
        )), '{}')
        from jsonb_array_elements(f.body -> 'variants') with ordinality as v (entry, nth)
      )
    ) as sides
  ) t
  left join lateral (
    select jsonb_build_object(
      'title', e.title,
      'status', p.source_status,
      'category', p.product_type,
      'tags', (select coalesce(jsonb_agg(u.tag order by u.tag), '[]') from unnest(p.tags) as u (tag)),
      'metafields', (
        select coalesce(jsonb_object_agg(m.entry ->> 'key', m.entry -> 'value'), '{}')
        from jsonb_array_elements(p.metafields) as m (entry)
        where m.entry ->> 'namespace' = 'onsale'
      ),
      'tickets', (
        select coalesce(jsonb_object_agg(v.variant_id::text, jsonb_build_array(
          k.name, k.ticket_type, k.sku, k.price_cents, k.compare_at_price_cents, k.position, k.is_oversell_allowed,
          v.inventory_item_id::text
        )), '{}')
        from onsale.shopify_variants v
        join onsale.tickets k on k.id = v.ticket_id
        where v.product_id = p.product_id and v.variant_id = any (p.variant_ids)
      )
    ) as sides
    where p.source_status is not null
  ) h on true
  where p.deleted_at is null and (
    h.sides is null
    or ((f.fact).stamp).updated_at > (p.stamp).updated_at
    or ((f.fact).stamp).updated_at = (p.stamp).updated_at and t.sides <> h.sides
  )
$$;
comment on function api.list_product_differences(bigint, bigint, integer) is
  'The products of a snapshot after a line that the mirror has otherwise, with what either side has';
