-- The products of a batch: keeps the latest version of each and makes the events from them. Part of apply_deliveries.
-- A body speaks for three things, each with its own stamp: the product itself, its metafields (a body without them
-- leaves them alone), and the variants that came in full (apply_shopify_variants).
-- Locks: shopify_products by product_id; events under that lock.
-- A second call with the same facts changes nothing. A deleted product stays deleted; its facts are still kept,
-- so that the rows do not depend on which came first.
-- Returns the ordinals that were newer than what was known, and the ids of events that were made or edited.
create or replace function api.apply_shopify_products(
  p_facts onsale.delivery_fact[],
  p_now timestamptz,
  out applied integer[],
  out edited bigint[]
)
returns record
language plpgsql
volatile
as $$
declare
  v_settings onsale.settings;
  v_product_ids bigint[];
  v_core integer[];
  v_core_written integer[];
  v_metafields integer[];
  v_metafields_written integer[];
  v_deleted integer[];
  v_touched bigint[];
  v_event_ids bigint[];
  v_versions integer[];
begin
  select s.* into strict v_settings from onsale.settings s;

  with facts as (
    select f.ordinal, f.kind, f.stamp, (f.body ->> 'id')::bigint as product_id,
      f.kind = 'product' and jsonb_typeof(f.body -> 'metafields') = 'array' as has_metafields
    from unnest(p_facts) f
    where f.kind in ('product', 'product_delete')
  ), ranked as (
    select
      f.ordinal, f.product_id, f.kind, f.has_metafields,
      row_number() over (partition by f.product_id, f.kind order by f.stamp desc) as nth,
      row_number() over (partition by f.product_id, f.has_metafields order by f.stamp desc) as nth_metafields
    from facts f
  )
  select
    array_agg(distinct r.product_id),
    array_agg(r.ordinal) filter (where r.kind = 'product' and r.nth = 1),
    array_agg(r.ordinal) filter (where r.has_metafields and r.nth_metafields = 1)
  into v_product_ids, v_core, v_metafields
  from ranked r;

  if v_product_ids is null then
    return;
  end if;

  insert into onsale.shopify_products (product_id)
  select n.product_id
  from unnest(v_product_ids) as n (product_id)
  where not exists (select from onsale.shopify_products p where p.product_id = n.product_id)
  order by n.product_id
  on conflict do nothing;

  perform from onsale.shopify_products p
  where p.product_id = any (v_product_ids)
  order by p.product_id
  for update;

  with written as (
    update onsale.shopify_products p set
      shop = f.shop,
      stamp = f.stamp,
      source_status = coalesce(lower(f.body ->> 'status'), 'active')::onsale.event_status,
      product_type = nullif(btrim(f.body ->> 'product_type'), ''),
      tags = array(
        select btrim(t.tag)
        from unnest(string_to_array(f.body ->> 'tags', ',')) as t (tag)
        where btrim(t.tag) <> ''
      ),
      variant_ids = array(
        -- variant_gids lists all of them; bodies from before 2024-04 have only the variants themselves.
        select case
            when jsonb_typeof(f.body -> 'variant_gids') = 'array'
            then substring(v.entry ->> 'admin_graphql_api_id' from '([0-9]+)$')
            else v.entry ->> 'id'
          end::bigint
        from jsonb_array_elements(case
          when jsonb_typeof(f.body -> 'variant_gids') = 'array' then f.body -> 'variant_gids'
          else f.body -> 'variants'
        end) as v (entry)
        order by 1
      )
    from unnest(p_facts) f
    where f.ordinal = any (v_core) and p.product_id = (f.body ->> 'id')::bigint and f.stamp > p.stamp
    returning f.ordinal
  )
  select array_agg(w.ordinal) into v_core_written from written w;

  with written as (
    update onsale.shopify_products p set
      metafields = f.body -> 'metafields',
      metafields_stamp = f.stamp
    from unnest(p_facts) f
    where f.ordinal = any (v_metafields) and p.product_id = (f.body ->> 'id')::bigint
      and f.stamp > p.metafields_stamp
    returning f.ordinal
  )
  select array_agg(w.ordinal) into v_metafields_written from written w;

  with deletions as (
    select
      (f.body ->> 'id')::bigint as product_id,
      max((f.stamp).updated_at) as deleted_at,
      min(f.ordinal) as ordinal
    from unnest(p_facts) f
    where f.kind = 'product_delete'
    group by 1
  ), written as (
    update onsale.shopify_products p set
      deleted_at = greatest(p.deleted_at, d.deleted_at)
    from deletions d
    where p.product_id = d.product_id and (p.deleted_at is null or p.deleted_at < d.deleted_at)
    returning d.ordinal
  )
  select array_agg(w.ordinal) into v_deleted from written w;

  applied := coalesce(v_core_written, '{}') || coalesce(v_metafields_written, '{}') || coalesce(v_deleted, '{}');
  select array_agg(distinct (f.body ->> 'id')::bigint) into v_touched
  from unnest(p_facts) f
  where f.ordinal = any (applied);

  if v_touched is null then
    return;
  end if;

  select array_agg(e.id), array_agg(e.version) into v_event_ids, v_versions
  from onsale.events e
  where e.shopify_product_id = any (v_touched);

  merge into onsale.events e
  using (
    select
      p.product_id, p.deleted_at, p.metafields,
      f.ordinal is not null as has_body,
      p.shop, f.body, f.description,
      api.get_event_status(
        p.source_status, p.tags, p.product_type, v_settings.event_tag, v_settings.event_type
      ) as status,
      lower(p.product_type) as category,
      o.own ->> 'subtitle' as subtitle,
      api.get_instant(o.own ->> 'starts_at') as starts_at,
      api.get_instant(o.own ->> 'ends_at') as ends_at,
      api.get_json(o.own ->> 'venue') as venue,
      coalesce(
        nullif(substring(o.own ->> 'per_user_limit' from '^[1-9][0-9]{0,8}$'), '')::integer, 2
      ) as per_user_limit,
      coalesce((
        select jsonb_object_agg((m.entry ->> 'namespace') || '.' || (m.entry ->> 'key'), m.entry -> 'value')
        from jsonb_array_elements(p.metafields) as m (entry)
        where not (m.entry ->> 'namespace' = 'onsale' and m.entry ->> 'key' in
          ('subtitle', 'starts_at', 'ends_at', 'venue', 'per_user_limit'))
      ), '{}') as metafields_left,
      coalesce((
        select jsonb_agg(
          jsonb_build_object(
            'url', i.entry ->> 'src', 'alt', i.entry ->> 'alt',
            'width', i.entry -> 'width', 'height', i.entry -> 'height'
          ) order by (i.entry ->> 'position')::integer, i.nth
        )
        from jsonb_array_elements(case
          when jsonb_typeof(f.body -> 'images') = 'array' then f.body -> 'images'
        end) with ordinality as i (entry, nth)
      ), '[]') as images
    from onsale.shopify_products p
    left join unnest(p_facts) f
      on f.ordinal = any (v_core_written) and (f.body ->> 'id')::bigint = p.product_id
    cross join lateral (select api.get_metafields(p.metafields) as own offset 0) o
    where p.product_id = any (v_touched)
  ) n on e.shopify_product_id = n.product_id
  when not matched and n.has_body then
    insert (
      shopify_product_id, shop, title, subtitle, description, category, status, starts_at, ends_at, venue, images,
      metafields, per_user_limit, currency, deleted_at, created_at, updated_at
    )
    values (
      n.product_id, n.shop, n.body ->> 'title', n.subtitle, n.description, n.category, n.status, n.starts_at, n.ends_at,
      n.venue, n.images, n.metafields_left, n.per_user_limit, v_settings.currency, n.deleted_at, p_now, p_now
    )
  when matched and (
    e.subtitle, e.starts_at, e.ends_at, e.venue, e.metafields, e.per_user_limit, e.deleted_at
  ) is distinct from (
    n.subtitle, n.starts_at, n.ends_at, n.venue, n.metafields_left, n.per_user_limit, n.deleted_at
  ) or n.has_body and (
    e.shop, e.title, e.description, e.category, e.status, e.images
  ) is distinct from (
    n.shop, n.body ->> 'title', n.description, n.category, n.status, n.images
  ) then
    update set
      shop = case when n.has_body then n.shop else e.shop end,
      title = case when n.has_body then n.body ->> 'title' else e.title end,
      description = case when n.has_body then n.description else e.description end,
      category = case when n.has_body then n.category else e.category end,
      status = case when n.has_body then n.status else e.status end,
      images = case when n.has_body then n.images else e.images end,
      subtitle = n.subtitle,
      starts_at = n.starts_at,
      ends_at = n.ends_at,
      venue = n.venue,
      metafields = n.metafields_left,
      per_user_limit = n.per_user_limit,
      deleted_at = n.deleted_at,
      version = e.version + 1,
      updated_at = p_now;

  update onsale.shopify_products p set event_id = e.id
  from onsale.events e
  where p.product_id = any (v_touched) and p.event_id is null and e.shopify_product_id = p.product_id;

  select array_agg(e.id) into edited
  from onsale.events e
  left join unnest(v_event_ids, v_versions) as b (event_id, version) on b.event_id = e.id
  where e.shopify_product_id = any (v_touched) and e.version is distinct from b.version;
end;
$$;
comment on function api.apply_shopify_products(onsale.delivery_fact[], timestamptz) is
  'Keeps the latest version of each product and makes the events from them; tells what was news and what was edited';
