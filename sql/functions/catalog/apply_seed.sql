-- Fills the mirror with made-up events, numbered p_first up to p_first + p_count - 1, for benchmarks and plans: the
-- same number always makes the same event, near p_now. Each is a Shopify product with its variants, items, levels
-- and, where it sells, one order, so that verify() finds nothing. Only the owner may call it (`bun run seed`).
-- Locks: what it inserts. A second call with the same numbers violates the keys of the products.
create or replace function api.apply_seed(
  p_first bigint,
  p_count integer,
  p_shop text,
  p_now timestamptz default clock_timestamp()
)
returns bigint
language sql
volatile
as $$
  with words as (
    select
      array['Velvet', 'Silver', 'Midnight', 'Golden', 'Electric', 'Broken', 'Hollow', 'Crimson', 'Distant', 'Wild',
        'Paper', 'Northern', 'Secret', 'Burning', 'Quiet', 'Lunar', 'Savage', 'Gentle', 'Neon', 'Frozen', 'Lucky',
        'Hidden', 'Royal', 'Restless', 'Marble', 'Cosmic', 'Rusty', 'Amber', 'Sleepy', 'Proud'] as qualities,
      array['Foxes', 'Lanterns', 'Rivers', 'Machines', 'Orchestra', 'Wolves', 'Sparrows', 'Giants', 'Mirrors',
        'Collective', 'Sailors', 'Ghosts', 'Tigers', 'Gardens', 'Comets', 'Dancers', 'Thieves', 'Prophets', 'Kings',
        'Strangers', 'Ensemble', 'Quartet', 'Pilots', 'Echoes', 'Shadows', 'Bandits', 'Poets', 'Saints', 'Engines',
        'Choir', 'Horizons', 'Meteors', 'Falcons', 'Pioneers', 'Trio', 'Voices', 'Wanderers', 'Brothers'] as things,
      array['Ada', 'Björn', 'Chloé', 'Dario', 'Elif', 'Frida', 'Gaël', 'Hanna', 'Igor', 'Jürgen', 'Kaja', 'Léo',
        'Marta', 'Noémie', 'Oskar', 'Paula', 'Quentin', 'Renée', 'Søren', 'Tomás', 'Uschi', 'Vera', 'Wanda',
        'Xavier', 'Yara', 'Zoë'] as first_names,
      array['Almeida', 'Bergström', 'Castellanos', 'Dvořák', 'Eriksen', 'Fontaine', 'García', 'Hoffmann', 'Ivanova',
        'Jansen', 'Kowalski', 'Lindqvist', 'Moreau', 'Nuñez', 'Okafor', 'Petrović', 'Quiroga', 'Rossi', 'Schröder',
        'Tanaka', 'Ulrich', 'Vasquez', 'Winter', 'Yılmaz', 'Zimmermann'] as last_names,
      array['Tour', 'Live', 'Unplugged', 'Anniversary Show', 'Night', 'Album Release', 'Farewell Tour', 'Sessions',
        'Gala', 'Open Air', 'Special', 'Premiere', 'Jubilee', 'Matinee', 'Winter Tour', 'Summer Tour'] as formats,
      array['Concert', 'Festival', 'Theatre', 'Comedy', 'Club', 'Classical', 'Jazz', 'Sports', 'Exhibition', 'Family',
        'Conference', 'Cinema', 'Dance', 'Literature', 'Workshop', 'Musical'] as categories,
      array['Grand', 'Old', 'Royal', 'City', 'Harbour', 'Central', 'Riverside', 'Park', 'Union', 'Crystal', 'Castle',
        'Market', 'Eagle', 'Station', 'Garden'] as venue_qualities,
      array['Hall', 'Arena', 'Theatre', 'Club', 'Stage', 'Opera', 'Stadium', 'Palace', 'Warehouse', 'Pavilion',
        'Forum', 'Academy'] as venue_kinds,
      array['Berlin', 'München', 'Hamburg', 'Köln', 'Zürich', 'Wien', 'Paris', 'Besançon', 'Lyon', 'Madrid', 'Málaga',
        'Barcelona', 'Lisboa', 'São Paulo', 'Kraków', 'Warszawa', 'Praha', 'Malmö', 'København', 'Oslo', 'Helsinki',
        'Amsterdam', 'Utrecht', 'Bruxelles', 'Liège', 'Dublin', 'London', 'Glasgow', 'Manchester', 'Milano', 'Roma',
        'Torino', 'Athína', 'Budapest', 'Ljubljana', 'Zagreb', 'Tallinn', 'Rīga', 'Vilnius', 'Reykjavík'] as cities,
      array['An evening of songs that took ten years to write.', 'The doors open an hour before the show.',
        'With a full band, strings and a choir.', 'Critics called the last season unforgettable.',
        'Seats are assigned in the order of booking.', 'Bring your friends, leave your phones.',
        'A rare chance to see the original cast together.', 'Drinks and small dishes are served in the foyer.',
        'Children under twelve enter with an adult.', 'The programme lasts about two hours with one interval.',
        'New material meets the classics everybody knows.', 'Wheelchair places can be booked by telephone.',
        'Part of the proceeds goes to the local music school.', 'The opening act is a surprise.',
        'Recorded live for radio and television.', 'Free cloakroom for every ticket holder.'] as sentences,
      array['General admission', 'Balcony', 'Front row', 'VIP'] as ticket_names
  ), drawn as materialized (
    -- Independent draws per event out of its number: each h is uniform from 0 to 2^31 - 1.
    select n,
      hashint8extended(n, 1) & 2147483647 as h1, hashint8extended(n, 2) & 2147483647 as h2,
      hashint8extended(n, 3) & 2147483647 as h3, hashint8extended(n, 4) & 2147483647 as h4,
      hashint8extended(n, 5) & 2147483647 as h5, hashint8extended(n, 6) & 2147483647 as h6,
      hashint8extended(n, 7) & 2147483647 as h7, hashint8extended(n, 8) & 2147483647 as h8
    from generate_series(p_first, p_first + p_count - 1) as n
  ), made as materialized (
    select
      n, 9000000000000 + n as product_id, h7,
      case when h1 % 3 = 0
        then w.first_names[1 + h2 % 26] || ' ' || w.last_names[1 + h3 % 25]
        else 'The ' || w.qualities[1 + h2 % 30] || ' ' || w.things[1 + h3 % 38]
      end || ': ' || w.qualities[1 + h4 % 30] || ' ' || w.formats[1 + h5 % 16] as title,
      case when h4 % 4 = 0 then 'with ' || w.first_names[1 + h5 % 26] || ' ' || w.last_names[1 + h6 % 25] end as subtitle,
      -- Squared, so that some categories are large and some small.
      w.categories[1 + ((h6 % 1000) * (h6 % 1000) * 16 / 1000000)] as category,
      '<p>' || w.sentences[1 + h1 % 16] || ' ' || w.sentences[1 + h2 % 16] || '</p><p>'
        || w.sentences[1 + h3 % 16] || ' ' || w.sentences[1 + h4 % 16] || '</p>' as description,
      case when h8 % 100 < 94 then 'active' when h8 % 100 < 96 then 'draft' when h8 % 100 < 98 then 'archived'
        else 'unlisted' end::onsale.event_status as status,
      -- One in twenty is over, one in a hundred has no date yet, some run for days.
      case when h7 % 100 > 0 then
        date_trunc('hour', p_now) - interval '30 days' + (h7 % 14400) * interval '1 hour' end as starts_at,
      case when h5 % 10 = 0 then interval '3 hours' when h5 % 100 = 1 then interval '20 days' end as runs,
      jsonb_build_object(
        'name', w.venue_qualities[1 + h5 % 15] || ' ' || w.venue_kinds[1 + h4 % 12],
        'city', w.cities[1 + h6 % 40]
      ) as venue,
      1 + h3 % 4 as ticket_count,
      case when h7 % 14400 < 1440 then h2 % 100 else -1 end as sold_percent
    from drawn d
    cross join words w
  ), events as (
    insert into onsale.events (
      shopify_product_id, shop, title, subtitle, description, category, status, starts_at, ends_at, venue, images, currency
    )
    select m.product_id, p_shop, m.title, m.subtitle, m.description, lower(m.category), m.status,
      m.starts_at, m.starts_at + m.runs, m.venue,
      jsonb_build_array(jsonb_build_object(
        'url', 'https://cdn.shopify.com/s/files/seed/' || m.h7 % 1000 || '.jpg', 'alt', m.title,
        'width', 1200, 'height', 800
      )),
      k.currency
    from made m
    cross join onsale.settings k
    order by m.n
    returning id, shopify_product_id
  ), products as (
    insert into onsale.shopify_products (product_id, event_id, shop, stamp, source_status, product_type, variant_ids)
    select m.product_id, e.id, p_shop, row(p_now, 0, '')::onsale.stamp, m.status, m.category,
      array(select 40000000000000 + m.n * 10 + k from generate_series(1, m.ticket_count) as k)
    from made m
    join events e on e.shopify_product_id = m.product_id
  ), revisions as (
    insert into onsale.event_revisions (event_id, revision) select e.id, 1 from events e
  ), variants as materialized (
    select
      m.n, e.id as event_id, k, 40000000000000 + m.n * 10 + k as variant_id, 50000000000000 + m.n * 10 + k as item_id,
      m.product_id, w.ticket_names[k] as name, 1500 + (m.h7 % 40) * 250 + k * 1000 as price_cents,
      c.capacity, case when m.sold_percent >= 95 then c.capacity when m.sold_percent > 0
        then c.capacity * m.sold_percent / 100 else 0 end as sold
    from made m
    join events e on e.shopify_product_id = m.product_id
    cross join generate_series(1, m.ticket_count) as k
    cross join lateral (select 20 * (1 + (m.h7 + 17 * k) % 50) as capacity) c
    cross join words w
  ), tickets as (
    insert into onsale.tickets (event_id, shopify_variant_id, name, ticket_type, sku, price_cents, position)
    select v.event_id, v.variant_id, v.name, lower(v.name), 'SEED-' || v.n || '-' || v.k, v.price_cents, v.k
    from variants v
    order by v.event_id, v.k
    returning id, event_id, shopify_variant_id
  ), facts as (
    insert into onsale.shopify_variants (
      variant_id, product_id, event_id, ticket_id, inventory_item_id, inventory_quantity, stamp
    )
    select v.variant_id, v.product_id, t.event_id, t.id, v.item_id, v.capacity - v.sold, row(p_now, 0, '')::onsale.stamp
    from variants v
    join tickets t on t.shopify_variant_id = v.variant_id
  ), items as (
    insert into onsale.inventory_items (inventory_item_id, tracked, stamp)
    select v.item_id, true, row(p_now, 0, '')::onsale.stamp from variants v
  ), levels as (
    insert into onsale.inventory_levels (inventory_item_id, location_id, available, is_disconnected, stamp)
    select v.item_id, 7000000000001, v.capacity - v.sold, false, row(p_now, 0, '')::onsale.stamp from variants v
  ), stocks as (
    insert into onsale.stock (event_id, ticket_id, channel, capacity, sold, base, base_at, taken)
    select t.event_id, t.id, 'shopify', v.capacity, v.sold, v.capacity - v.sold, p_now, 0
    from variants v
    join tickets t on t.shopify_variant_id = v.variant_id
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
  select count(*) from events
$$;
comment on function api.apply_seed(bigint, integer, text, timestamptz) is
  'Inserts made-up events with consistent facts and counters; returns how many';
