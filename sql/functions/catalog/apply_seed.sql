-- Fills the mirror with made-up events, numbered p_first up to p_first + p_count - 1, for benchmarks and plans: the
-- same number always makes the same event, near p_now. Each is a Shopify product with its variants, items, levels
-- and, where it sells, one order, so that verify() finds nothing. Only the owner may call it (`bun run seed`).
-- In every ten thousand the 1st and the 500th run at p_now, every 50th (so that 500th, too) is sold out, and 25 numbers
-- later one is sold out of the first of its kinds of ticket; the others run or sell by chance.
-- Locks: what it inserts, and where a word is new the advisory lock of search_words. A second call with the same
-- numbers violates the keys of the products.
--
-- Ids are drawn beforehand, so that no insert has to be joined with what an earlier one returned. Where the login may
-- turn triggers off (a superuser), they are: the foreign keys would look up what the same statement has just made,
-- ticket by ticket (190 µs of processor time an event with them, 140 without). Without that right all is checked.
create or replace function api.apply_seed(
  p_first bigint,
  p_count integer,
  p_shop text,
  p_now timestamptz default clock_timestamp()
)
returns bigint
language plpgsql
volatile
as $$
declare
  v_is_trusted constant boolean := has_parameter_privilege('session_replication_role', 'set');
  v_role constant text := current_setting('session_replication_role');
  v_words text[];
  v_count bigint;
begin
  -- What the trigger of events does, once for all: its words are known.
  select array_agg(u.word order by u.word collate "C") into v_words
  from api.get_seed_words() w
  cross join unnest(tsvector_to_array(to_tsvector('pg_catalog.simple', onsale.get_search_text(array_to_string(
    w.qualities || w.things || w.first_names || w.last_names || w.formats || w.categories || w.venue_qualities
      || w.venue_kinds || w.cities || w.sentences, ' '
  ))))) as u (word)
  where not exists (select from onsale.search_words s where s.word = u.word collate "C");
  if v_words is not null then
    perform pg_advisory_xact_lock(hashtext('onsale search words'));
    insert into onsale.search_words (word)
    select u.word from unnest(v_words) as u (word)
    on conflict do nothing;
  end if;

  if v_is_trusted then
    perform set_config('session_replication_role', 'replica', true);
  end if;

  with drawn as materialized (
    -- Independent draws per event out of its number: each h is uniform from 0 to 2^31 - 1.
    select n,
      hashint8extended(n, 1) & 2147483647 as h1, hashint8extended(n, 2) & 2147483647 as h2,
      hashint8extended(n, 3) & 2147483647 as h3, hashint8extended(n, 4) & 2147483647 as h4,
      hashint8extended(n, 5) & 2147483647 as h5, hashint8extended(n, 6) & 2147483647 as h6,
      hashint8extended(n, 7) & 2147483647 as h7, hashint8extended(n, 8) & 2147483647 as h8,
      n % 10000 in (1, 500) as is_running, n % 50 = 0 as is_sold_out, n % 50 = 25 as is_partly_sold_out
    from generate_series(p_first, p_first + p_count - 1) as n
  ), made as materialized (
    select
      d.n, nextval('onsale.events_id_seq') as event_id, 9000000000000 + d.n as product_id, d.h7,
      case when d.h1 % 3 = 0
        then w.first_names[1 + d.h2 % 26] || ' ' || w.last_names[1 + d.h3 % 25]
        else 'The ' || w.qualities[1 + d.h2 % 30] || ' ' || w.things[1 + d.h3 % 38]
      end || ': ' || w.qualities[1 + d.h4 % 30] || ' ' || w.formats[1 + d.h5 % 16] as title,
      case when d.h4 % 4 = 0
        then 'with ' || w.first_names[1 + d.h5 % 26] || ' ' || w.last_names[1 + d.h6 % 25] end as subtitle,
      -- Squared, so that some categories are large and some small.
      w.categories[1 + ((d.h6 % 1000) * (d.h6 % 1000) * 16 / 1000000)] as category,
      '<p>' || w.sentences[1 + d.h1 % 16] || ' ' || w.sentences[1 + d.h2 % 16] || '</p><p>'
        || w.sentences[1 + d.h3 % 16] || ' ' || w.sentences[1 + d.h4 % 16] || '</p>' as description,
      case
        when d.is_running or d.is_sold_out or d.is_partly_sold_out or d.h8 % 100 < 94 then 'active'
        when d.h8 % 100 < 96 then 'draft'
        when d.h8 % 100 < 98 then 'archived'
        else 'unlisted'
      end::onsale.event_status as status,
      -- One in twenty is over, one in a hundred has no date yet, some run for days.
      case
        when d.is_running then date_trunc('hour', p_now) - (1 + d.h7 % 240) * interval '1 hour'
        when d.h7 % 100 > 0 then
          date_trunc('hour', p_now) - interval '30 days' + (d.h7 % 14400) * interval '1 hour'
      end as starts_at,
      case
        when d.is_running or d.h5 % 100 = 1 then interval '20 days'
        when d.h5 % 10 = 0 then interval '3 hours'
      end as runs,
      jsonb_build_object(
        'name', w.venue_qualities[1 + d.h5 % 15] || ' ' || w.venue_kinds[1 + d.h4 % 12],
        'city', w.cities[1 + d.h6 % 40]
      ) as venue,
      case when d.is_partly_sold_out then 2 + d.h3 % 3 else 1 + d.h3 % 4 end as ticket_count,
      case when d.is_partly_sold_out then 1 end as sold_out_position,
      case when d.is_sold_out then 100 when d.h7 % 14400 < 1440 then d.h2 % 100 else 0 end as sold_percent,
      k.currency, row(p_now, 0, '')::onsale.stamp as stamp
    from drawn d
    cross join api.get_seed_words() w
    cross join onsale.settings k
  ), events as (
    insert into onsale.events (
      id, shopify_product_id, shop, title, subtitle, description, category, status, starts_at, ends_at, venue, images,
      currency
    )
    overriding system value
    select m.event_id, m.product_id, p_shop, m.title, m.subtitle, m.description, lower(m.category), m.status,
      m.starts_at, m.starts_at + m.runs, m.venue,
      jsonb_build_array(jsonb_build_object(
        'url', 'https://cdn.shopify.com/s/files/seed/' || m.h7 % 1000 || '.jpg', 'alt', m.title,
        'width', 1200, 'height', 800
      )),
      m.currency
    from made m
  ), products as (
    insert into onsale.shopify_products (product_id, event_id, shop, stamp, source_status, product_type, variant_ids)
    select m.product_id, m.event_id, p_shop, m.stamp, m.status, m.category,
      array(select 40000000000000 + m.n * 10 + k from generate_series(1, m.ticket_count) as k)
    from made m
  ), revisions as (
    insert into onsale.event_revisions (event_id, revision) select m.event_id, 1 from made m
  ), variants as materialized (
    select
      m.n, m.event_id, nextval('onsale.tickets_id_seq') as ticket_id, m.product_id, k as position,
      40000000000000 + m.n * 10 + k as variant_id, 50000000000000 + m.n * 10 + k as item_id,
      w.ticket_names[k] as name, 1500 + (m.h7 % 40) * 250 + k * 1000 as price_cents, c.capacity,
      c.capacity * case when k = m.sold_out_position then 100 else m.sold_percent end / 100 as sold, m.stamp
    from made m
    cross join generate_series(1, m.ticket_count) as k
    cross join lateral (select 20 * (1 + (m.h7 + 17 * k) % 50) as capacity) c
    cross join api.get_seed_words() w
  ), tickets as (
    insert into onsale.tickets (
      id, event_id, shopify_variant_id, name, ticket_type, sku, price_cents, position
    )
    overriding system value
    select v.ticket_id, v.event_id, v.variant_id, v.name, lower(v.name), 'SEED-' || v.n || '-' || v.position,
      v.price_cents, v.position
    from variants v
  ), facts as (
    insert into onsale.shopify_variants (
      variant_id, product_id, event_id, ticket_id, inventory_item_id, inventory_quantity, stamp
    )
    select v.variant_id, v.product_id, v.event_id, v.ticket_id, v.item_id, v.capacity - v.sold, v.stamp
    from variants v
  ), items as (
    insert into onsale.inventory_items (inventory_item_id, tracked, stamp)
    select v.item_id, true, v.stamp from variants v
  ), levels as (
    insert into onsale.inventory_levels (inventory_item_id, location_id, available, is_disconnected, stamp)
    select v.item_id, 7000000000001, v.capacity - v.sold, false, v.stamp from variants v
  ), stocks as (
    insert into onsale.stock (event_id, ticket_id, channel, capacity, sold, base, base_at, taken)
    select v.event_id, v.ticket_id, 'shopify', v.capacity, v.sold, v.capacity - v.sold, p_now, 0
    from variants v
  ), orders as (
    insert into onsale.shopify_orders (order_id, shop, status, is_test, created_at, stamp)
    select distinct 6000000000000 + v.n, p_shop, 'open'::onsale.order_status, false, p_now - interval '1 day',
      row(p_now - interval '1 day', 0, '')::onsale.stamp
    from variants v
    where v.sold > 0
  ), lines as (
    insert into onsale.shopify_order_lines (order_id, line_id, variant_id, quantity, current_quantity, created_at)
    select 6000000000000 + v.n, v.variant_id, v.variant_id, v.sold, v.sold, p_now - interval '1 day'
    from variants v
    where v.sold > 0
  )
  select count(*) into v_count from made;

  if v_is_trusted then
    perform set_config('session_replication_role', v_role, true);
  end if;
  return v_count;
end;
$$;
comment on function api.apply_seed(bigint, integer, text, timestamptz) is
  'Inserts made-up events with consistent facts and counters; returns how many';
