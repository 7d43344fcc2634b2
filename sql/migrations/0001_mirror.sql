-- The mirror of a Shopify shop: its facts as they were last told, the catalogue made from them, the
-- counters, and the record of deliveries. Only migrations touch this schema; functions live in `api`.
--
-- Three families of tables:
--   facts      shopify_*, inventory_*      the latest version of what Shopify said, keyed by Shopify's ids
--   catalogue  events, tickets             what a visitor sees, keyed by our ids
--   counters   stock, event_revisions      the rows that burn during an on-sale: narrow and HOT-updatable

-- When a fact was true. Two facts of one record are compared by the record's own updated_at, then by the
-- moment Shopify triggered the delivery (nanoseconds since 1970; 0 where the header was absent), then by the
-- delivery's id, so that of any two one is newer, whatever the order of arrival.
create type onsale.stamp as (
  updated_at timestamptz,
  triggered_ns bigint,
  delivery_id text collate "C"
);
comment on type onsale.stamp is
  'Version of a fact: compared field by field (record comparison), so any two facts have a newer one';

create type onsale.event_status as enum ('draft', 'active', 'archived', 'unlisted');
create type onsale.channel as enum ('shopify', 'direct');
create type onsale.order_status as enum ('open', 'closed', 'cancelled', 'deleted');
create type onsale.delivery_outcome as enum ('applied', 'stale', 'ignored', 'failed');

-- One signed delivery on its way through apply_deliveries, its body parsed once.
create type onsale.delivery_fact as (
  ordinal integer,
  kind text,
  shop text,
  delivery_id text collate "C",
  body jsonb,
  description text,
  stamp onsale.stamp
);

-- What one order changed at one variant: its lines now less its lines before.
create type onsale.line_change as (
  variant_id bigint,
  created_at timestamptz,
  quantity bigint,
  current_quantity bigint
);

create type onsale.delivery_result as (
  ordinal integer,
  outcome text,
  reason text
);

-- Case and accents folded. Immutable because the dictionary is named; unaccent(text) alone looks it up in the
-- search path and so cannot stand in a generated column.
create function onsale.fold_text(p_text text) returns text
language sql
immutable
parallel safe
strict
return lower(public.unaccent('public.unaccent'::regdictionary, p_text));

-- What is searched in: folded, and punctuation turned into blanks. PostgreSQL's parser takes AC/DC, rock.pop or
-- a@b as one token (a file, a host, an address), and then "dc" is not found.
create function onsale.get_search_text(p_text text) returns text
language sql
immutable
parallel safe
strict
return translate(onsale.fold_text(p_text), E'!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~', repeat(' ', 32));

create table onsale.settings (
  is_only boolean primary key default true check (is_only),
  currency text not null default 'EUR' check (currency ~ '^[A-Z]{3}$'),
  event_tag text,
  event_type text,
  counts_test_orders boolean not null default true,
  keep_bodies_hours integer not null default 0 check (keep_bodies_hours >= 0),
  uninstalled_at timestamptz
);
comment on table onsale.settings is
  'One row: what the deployment decided about the shop. Written by update_settings at start, read by every batch';
comment on column onsale.settings.event_tag is 'Only products with this tag are events; null: every product';
comment on column onsale.settings.event_type is 'Only products of this product_type are events; null: every product';
comment on column onsale.settings.uninstalled_at is 'Set when Shopify said that the app was uninstalled';
insert into onsale.settings default values;

-- Facts -----------------------------------------------------------------------------------------------------

create table onsale.shopify_orders (
  order_id bigint primary key,
  shop text not null,
  status onsale.order_status not null,
  is_test boolean not null,
  created_at timestamptz,
  customer_id bigint,
  stamp onsale.stamp not null
) with (fillfactor = 80);
comment on table onsale.shopify_orders is
  'One row: the latest version of one Shopify order. A deleted order stays as an empty tombstone';
comment on column onsale.shopify_orders.customer_id is
  'All that is kept of the customer; null once he asked to be forgotten';
create index shopify_orders_customer_id on onsale.shopify_orders (customer_id) where customer_id is not null;

-- No foreign key to shopify_orders: lines are written only beside their order, under its row lock, and the key
-- check would cost one lookup a line on the hottest path. verify() looks for orphans instead.
create table onsale.shopify_order_lines (
  order_id bigint not null,
  line_id bigint not null,
  variant_id bigint,
  quantity integer not null check (quantity >= 0),
  current_quantity integer not null check (current_quantity >= 0),
  created_at timestamptz not null,
  primary key (order_id, line_id)
) with (fillfactor = 90);
comment on table onsale.shopify_order_lines is 'One row: one line of the latest version of an order that is not deleted';
comment on column onsale.shopify_order_lines.variant_id is
  'Shopify''s id, known or not: the line counts as soon as the variant''s ticket exists';
comment on column onsale.shopify_order_lines.quantity is 'Units ordered, whatever became of them';
comment on column onsale.shopify_order_lines.current_quantity is
  'Units still wanted after edits and refunds; 0 in a cancelled order';
comment on column onsale.shopify_order_lines.created_at is 'The order''s created_at, here for the index';
create index shopify_order_lines_variant_id_created_at
  on onsale.shopify_order_lines (variant_id, created_at) where variant_id is not null;

create table onsale.shopify_products (
  product_id bigint primary key,
  event_id bigint,
  shop text not null default '',
  stamp onsale.stamp not null default row('-infinity', 0, '')::onsale.stamp,
  source_status onsale.event_status,
  product_type text,
  tags text[] not null default '{}',
  variant_ids bigint[] not null default '{}',
  metafields jsonb,
  metafields_stamp onsale.stamp not null default row('-infinity', 0, '')::onsale.stamp,
  deleted_at timestamptz
) with (fillfactor = 70);
comment on table onsale.shopify_products is
  'One row: the latest version of one Shopify product, as far as the mirror needs it to decide';
comment on column onsale.shopify_products.event_id is 'Null until a body has come (a deletion may come first)';
comment on column onsale.shopify_products.variant_ids is
  'All variants of the newest body (variant_gids): only the first 100 come in full';
comment on column onsale.shopify_products.metafields is
  'Of the newest body that carried metafields, which need not be the newest body';

create table onsale.shopify_variants (
  variant_id bigint primary key,
  product_id bigint,
  event_id bigint,
  ticket_id bigint,
  inventory_item_id bigint unique,
  inventory_quantity integer,
  is_unmanaged boolean not null default false,
  stamp onsale.stamp not null default row('-infinity', 0, '')::onsale.stamp,
  metafields_stamp onsale.stamp not null default row('-infinity', 0, '')::onsale.stamp
) with (fillfactor = 70);
comment on table onsale.shopify_variants is
  'One row: a variant that a product or an order named. ticket_id is null until its product has come';
comment on column onsale.shopify_variants.inventory_quantity is
  'Total over all locations, as of stamp; null where no body told';
comment on column onsale.shopify_variants.is_unmanaged is
  'inventory_management was present and null: the shop does not track this variant';
create index shopify_variants_product_id on onsale.shopify_variants (product_id);

create table onsale.inventory_items (
  inventory_item_id bigint primary key,
  tracked boolean,
  stamp onsale.stamp not null default row('-infinity', 0, '')::onsale.stamp,
  is_deleted boolean not null default false
);
comment on table onsale.inventory_items is
  'One row: an inventory item that a product, a level or an item delivery named. tracked null: never told';

create table onsale.inventory_levels (
  inventory_item_id bigint not null,
  location_id bigint not null,
  available integer not null,
  is_disconnected boolean not null,
  stamp onsale.stamp not null,
  primary key (inventory_item_id, location_id)
) with (fillfactor = 70);
comment on table onsale.inventory_levels is
  'One row: the latest level of one item at one location; a disconnected location stays as a tombstone of 0';

create table onsale.redactions (
  kind text not null check (kind in ('customer', 'order', 'shop')),
  key text not null collate "C",
  redacted_at timestamptz not null,
  primary key (kind, key)
);
comment on table onsale.redactions is
  'One row: a customer, the customer of an order, or all customers of a shop, never to be stored again, even by a late delivery';
comment on column onsale.redactions.key is 'Shopify''s id, or the domain of the shop';

-- Catalogue -------------------------------------------------------------------------------------------------

create table onsale.events (
  id bigint generated always as identity primary key,
  shopify_product_id bigint unique,
  shop text not null default '',
  title text not null,
  subtitle text,
  description text,
  category text,
  status onsale.event_status not null,
  starts_at timestamptz,
  ends_at timestamptz,
  venue jsonb,
  images jsonb not null default '[]',
  metafields jsonb not null default '{}',
  per_user_limit integer default 2 check (per_user_limit > 0),
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  deleted_at timestamptz,
  version integer not null default 1,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  sort_starts_at timestamptz not null generated always as (coalesce(starts_at, 'infinity')) stored,
  over_at timestamptz not null generated always as (coalesce(ends_at, starts_at, 'infinity')) stored,
  title_key text not null generated always as (left(onsale.fold_text(title), 200)) stored,
  search tsvector not null generated always as (
    setweight(to_tsvector('pg_catalog.simple', left(onsale.get_search_text(title), 1000)), 'A')
    || setweight(to_tsvector('pg_catalog.simple', left(onsale.get_search_text(coalesce(subtitle, '')), 1000)), 'B')
    || setweight(to_tsvector('pg_catalog.simple', left(onsale.get_search_text(
         coalesce(venue ->> 'name', '') || ' ' || coalesce(venue ->> 'city', '') || ' ' || coalesce(category, '')
       ), 1000)), 'C')
    || setweight(to_tsvector('pg_catalog.simple', left(onsale.get_search_text(
         regexp_replace(coalesce(description, ''), '<[^>]*>', ' ', 'g')
       ), 20000)), 'D')
  ) stored
);
comment on table onsale.events is
  'One row: an event a visitor may see: a Shopify product, or an event of the direct channel alone (no product id)';
comment on column onsale.events.status is 'Shopify''s, but archived where the product is no event (settings)';
comment on column onsale.events.per_user_limit is 'Units one user may own in the direct channel; null: no limit';
comment on column onsale.events.version is 'Counts edits of the catalogue: what a PATCH must name';
comment on column onsale.events.over_at is 'From then on the event has ended; infinity without a date';

create table onsale.tickets (
  id bigint generated always as identity primary key,
  event_id bigint not null references onsale.events (id),
  shopify_variant_id bigint unique,
  name text,
  ticket_type text,
  sku text,
  price_cents bigint not null check (price_cents >= 0),
  compare_at_price_cents bigint check (compare_at_price_cents >= 0),
  position integer not null default 1,
  is_oversell_allowed boolean not null default false,
  is_visible boolean not null default true,
  is_removed boolean not null default false,
  features jsonb not null default '[]',
  restrictions jsonb not null default '{}',
  sale_starts_at timestamptz,
  sale_ends_at timestamptz,
  version integer not null default 1,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  unique (event_id, id)
);
comment on table onsale.tickets is 'One row: a kind of ticket of an event: a Shopify variant, or one of the direct channel alone';
comment on column onsale.tickets.name is 'Null: the ticket goes by its event''s title (Shopify''s "Default Title")';
comment on column onsale.tickets.is_removed is 'The newest body of the product no longer lists the variant';

-- Counters --------------------------------------------------------------------------------------------------

-- The row that burns. No index beside the primary key and half-full pages, so that every update stays on its
-- page (HOT). Shopify's channel is a mirror: it may be oversold, and its capacity follows base - taken + sold.
create table onsale.stock (
  event_id bigint not null,
  ticket_id bigint not null,
  channel onsale.channel not null,
  capacity bigint,
  held bigint not null default 0,
  sold bigint not null default 0,
  available bigint generated always as (capacity - held - sold) stored,
  base bigint,
  base_at timestamptz,
  taken bigint,
  primary key (event_id, ticket_id, channel),
  foreign key (event_id, ticket_id) references onsale.tickets (event_id, id),
  constraint stock_direct_never_oversells check (
    channel <> 'direct' or (held >= 0 and sold >= 0 and (capacity is null or held + sold <= capacity))
  ),
  constraint stock_shopify_remembers_its_base check (
    channel <> 'shopify' or (held = 0 and sold >= 0 and base is not null and base_at is not null and taken >= 0)
  ),
  constraint stock_shopify_adds_up check (
    channel <> 'shopify' or capacity is null or capacity = base - taken + sold
  )
) with (fillfactor = 50);
comment on table onsale.stock is 'One row: the counters of one ticket in one channel';
comment on column onsale.stock.capacity is 'Null: not tracked, unlimited';
comment on column onsale.stock.available is 'May be negative in the mirror; shown as 0 then. Null: unlimited';
comment on column onsale.stock.base is 'Shopify: units left as of base_at (levels, or the product''s own total)';
comment on column onsale.stock.taken is
  'Shopify: units of orders created more than 2 s after base_at, which the base cannot contain';

create table onsale.event_revisions (
  event_id bigint primary key references onsale.events (id),
  revision bigint not null
) with (fillfactor = 50);
comment on table onsale.event_revisions is
  'One row: how often what is visible of an event has changed, counts included. Beside events because it burns';

create table onsale.catalogue (
  is_only boolean primary key default true check (is_only),
  revision bigint not null
) with (fillfactor = 50);
comment on table onsale.catalogue is
  'One row: how often the catalogue as a whole was edited: what lists are made from, mere counts apart';
insert into onsale.catalogue (revision) values (0);

-- Deliveries ------------------------------------------------------------------------------------------------

create table onsale.deliveries (
  shop text not null collate "C",
  delivery_id text not null collate "C",
  topic text not null,
  received_at timestamptz not null,
  outcome onsale.delivery_outcome not null,
  primary key (shop, delivery_id)
) with (fillfactor = 90);
comment on table onsale.deliveries is
  'One row: a webhook delivery that was answered 200. Its id is the X-Shopify-Webhook-Id, else the body''s SHA-256';
create index deliveries_received_at on onsale.deliveries (received_at);

create table onsale.failed_deliveries (
  shop text not null collate "C",
  delivery_id text not null collate "C",
  topic text not null,
  triggered_ns bigint not null,
  event_id text,
  api_version text,
  body bytea not null,
  sqlstate text,
  reason text not null,
  attempts integer not null default 1,
  is_dead boolean not null default false,
  failed_at timestamptz not null,
  next_attempt_at timestamptz not null,
  primary key (shop, delivery_id)
);
comment on table onsale.failed_deliveries is
  'One row: a signed delivery that could not be applied, kept as it came until it is applied, discarded or too old';
comment on column onsale.failed_deliveries.is_dead is 'The last automatic attempt has failed: a person must look';
create index failed_deliveries_next_attempt_at on onsale.failed_deliveries (next_attempt_at) where not is_dead;
create index failed_deliveries_failed_at on onsale.failed_deliveries (failed_at);

create table onsale.delivery_bodies (
  shop text not null collate "C",
  delivery_id text not null collate "C",
  triggered_ns bigint not null,
  body bytea not null,
  received_at timestamptz not null,
  primary key (shop, delivery_id)
);
comment on table onsale.delivery_bodies is
  'One row: the raw bytes of an applied delivery, kept for replay where KEEP_BODIES_HOURS asks for it';
create index delivery_bodies_received_at on onsale.delivery_bodies (received_at);
