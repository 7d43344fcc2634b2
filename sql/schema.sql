-- What the migrations make. Written by `bun run schema`, compared in tests; nobody runs it.

create type onsale.channel as enum ('shopify', 'direct');

create type onsale.delivery_fact as (
  ordinal integer,
  kind text,
  shop text,
  delivery_id text collate "C",
  body jsonb,
  description text,
  stamp onsale.stamp
);

create type onsale.delivery_outcome as enum ('applied', 'stale', 'ignored', 'failed');

create type onsale.delivery_result as (
  ordinal integer,
  outcome text,
  reason text
);

create type onsale.event_status as enum ('draft', 'active', 'archived', 'unlisted');

create type onsale.job_state as enum ('queued', 'running', 'waiting', 'done', 'failed', 'dead');

create type onsale.line_change as (
  variant_id bigint,
  created_at timestamp with time zone,
  quantity bigint,
  current_quantity bigint
);

create type onsale.move_step as enum ('taking', 'putting_back', 'giving', 'done', 'refused');

create type onsale.order_status as enum ('open', 'closed', 'cancelled', 'deleted');

create type onsale.payment_status as enum ('PENDING', 'SUCCESS', 'FAILED');

create type onsale.role as enum ('USER', 'ADMIN');

create type onsale.sale_status as enum ('PENDING', 'PAID', 'CANCELLED', 'EXPIRED', 'FAILED', 'REFUND_DUE', 'REFUNDED');

create type onsale.stamp as (
  updated_at timestamp with time zone,
  triggered_ns bigint,
  delivery_id text collate "C"
);
comment on type onsale.stamp is 'Version of a fact: compared field by field (record comparison), so any two facts have a newer one';

CREATE OR REPLACE FUNCTION onsale.fold_text(p_text text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
RETURN lower(unaccent('unaccent'::regdictionary, p_text));

CREATE OR REPLACE FUNCTION onsale.get_search_text(p_text text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
RETURN regexp_replace(onsale.fold_text(p_text), '[]!"#$%&''()*+,./:;<=>?@[\\^_`{|}~-]'::text, ' '::text, 'g'::text);

CREATE OR REPLACE FUNCTION onsale.keep_search_changes()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
declare
  v_is_told boolean;
begin
  if tg_op = 'DELETE' then
    insert into onsale.search_changes as c (event_id)
    select o.id
    from old_events o
    where o.status = 'active' and o.deleted_at is null
    order by o.id
    on conflict (event_id) do update set edit_count = c.edit_count + 1, search = null;
  elsif tg_op = 'INSERT' then
    select count(*) <= 1000 into strict v_is_told from new_events;
    insert into onsale.search_changes as c (event_id, category, starts_at, over_at, search)
    select n.id, n.category, n.sort_starts_at, n.over_at, case when v_is_told then n.search end
    from new_events n
    where n.status = 'active' and n.deleted_at is null
    order by n.id
    on conflict (event_id) do update set
      edit_count = c.edit_count + 1,
      category = excluded.category,
      starts_at = excluded.starts_at,
      over_at = excluded.over_at,
      search = excluded.search;
  else
    select count(*) <= 1000 into strict v_is_told from new_events;
    insert into onsale.search_changes as c (event_id, category, starts_at, over_at, search)
    select n.id, n.category, n.sort_starts_at, n.over_at,
      case when v_is_told and n.status = 'active' and n.deleted_at is null then n.search end
    from new_events n
    join old_events o on o.id = n.id
    where (n.status = 'active' and n.deleted_at is null or o.status = 'active' and o.deleted_at is null)
      and (n.search, n.category, n.sort_starts_at, n.over_at, n.status, n.deleted_at)
        is distinct from (o.search, o.category, o.sort_starts_at, o.over_at, o.status, o.deleted_at)
    order by n.id
    on conflict (event_id) do update set
      edit_count = c.edit_count + 1,
      category = excluded.category,
      starts_at = excluded.starts_at,
      over_at = excluded.over_at,
      search = excluded.search;
  end if;
  return null;
end;
$function$;

CREATE OR REPLACE FUNCTION onsale.keep_search_words()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
declare
  v_words text[];
begin
  select array_agg(distinct u.word) into v_words
  from new_events e
  cross join lateral unnest(tsvector_to_array(e.search)) as u (word)
  where length(u.word) <= 40
    and not exists (select from onsale.search_words w where w.word = u.word collate "C");
  if v_words is not null then
    perform pg_advisory_xact_lock(hashtext('onsale search words'));
    insert into onsale.search_words (word)
    select u.word from unnest(v_words) as u (word)
    on conflict do nothing;
  end if;
  return null;
end;
$function$;

create table onsale.allotment_moves (
  job_id bigint not null,
  event_id bigint not null,
  ticket_id bigint not null,
  inventory_item_id bigint not null,
  location_id bigint not null,
  delta bigint not null,
  step onsale.move_step not null,
  missing bigint not null default 0,
  moved bigint not null default 0,
  call_key uuid not null default gen_random_uuid(),
  asked_at timestamp with time zone,
  unclear_at timestamp with time zone,
  told_at timestamp with time zone,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone not null,
  constraint allotment_moves_pkey PRIMARY KEY (job_id),
  constraint allotment_moves_check CHECK (((missing >= 0) AND (missing <= GREATEST(delta, (0)::bigint)))),
  constraint allotment_moves_check1 CHECK (((moved >= LEAST(delta, (0)::bigint)) AND (moved <= GREATEST(delta, (0)::bigint)))),
  constraint allotment_moves_delta_check CHECK ((delta <> 0))
);
comment on table onsale.allotment_moves is 'One row: units of a ticket on their way between Shopify and the direct channel, or moved; written by its job';
comment on column onsale.allotment_moves.delta is 'Units that are to come here; negative: that are to go back to Shopify';
comment on column onsale.allotment_moves.step is 'taking: Shopify is asked for the units; putting_back: it had less, and is given what was missing; giving: they have left here and Shopify is to take them; done; refused: Shopify took nothing, nothing is moved';
comment on column onsale.allotment_moves.missing is 'Units asked for that Shopify did not have: it stood that far below zero';
comment on column onsale.allotment_moves.moved is 'By how much the capacity of the direct channel was changed: of all moves of a ticket the sum is that capacity';
comment on column onsale.allotment_moves.call_key is 'Names the call of this step at Shopify, however often it is made';
comment on column onsale.allotment_moves.asked_at is 'When the call of this step was first about to be made; null: never';
comment on column onsale.allotment_moves.unclear_at is 'Since then a person has to look: the call was made, and its answer was not had while Shopify knew the key';
comment on column onsale.allotment_moves.told_at is 'When Shopify made its newest change, as it says';
CREATE INDEX allotment_moves_ticket_id ON onsale.allotment_moves USING btree (event_id, ticket_id);

create table onsale.api_keys (
  id bigint not null generated always as identity,
  name text not null,
  key_hash bytea not null,
  scopes text[] not null,
  created_by bigint not null,
  created_at timestamp with time zone not null default clock_timestamp(),
  used_at timestamp with time zone,
  revoked_at timestamp with time zone,
  constraint api_keys_pkey PRIMARY KEY (id),
  constraint api_keys_created_by_fkey FOREIGN KEY (created_by) REFERENCES onsale.users(id),
  constraint api_keys_key_hash_check CHECK ((length(key_hash) = 32)),
  constraint api_keys_key_hash_key UNIQUE (key_hash),
  constraint api_keys_name_check CHECK (((length(name) >= 1) AND (length(name) <= 100))),
  constraint api_keys_scopes_check CHECK ((cardinality(scopes) > 0))
);
comment on table onsale.api_keys is 'One row: a key for a machine; the key itself is shown once and not kept';
comment on column onsale.api_keys.key_hash is 'SHA-256';

create table onsale.audit_log (
  id bigint not null generated always as identity,
  at timestamp with time zone not null default clock_timestamp(),
  actor text not null,
  action text not null,
  subject text not null,
  before jsonb,
  after jsonb,
  constraint audit_log_pkey PRIMARY KEY (id)
);
comment on table onsale.audit_log is 'One row: who changed what, from what to what';
comment on column onsale.audit_log.actor is 'user 7, key 3, payment, clock, command';
comment on column onsale.audit_log.subject is 'order 9, event 42, ticket 7, user 7, key 3';
CREATE INDEX audit_log_subject ON onsale.audit_log USING btree (subject, id DESC);

create table onsale.catalogue (
  is_only boolean not null default true,
  revision bigint not null,
  constraint catalogue_pkey PRIMARY KEY (is_only),
  constraint catalogue_is_only_check CHECK (is_only)
) with (fillfactor=50);
comment on table onsale.catalogue is 'One row: how often the catalogue as a whole was edited: what lists are made from, mere counts apart';

create table onsale.deliveries (
  shop text collate "C" not null,
  delivery_id text collate "C" not null,
  topic text not null,
  received_at timestamp with time zone not null,
  outcome onsale.delivery_outcome not null,
  constraint deliveries_pkey PRIMARY KEY (shop, delivery_id)
) with (fillfactor=90);
comment on table onsale.deliveries is 'One row: a webhook delivery that was answered 200. Its id is the X-Shopify-Webhook-Id, else the body''s SHA-256';
CREATE INDEX deliveries_received_at ON onsale.deliveries USING btree (received_at);

create table onsale.delivery_bodies (
  shop text collate "C" not null,
  delivery_id text collate "C" not null,
  triggered_ns bigint not null,
  body bytea not null,
  received_at timestamp with time zone not null,
  constraint delivery_bodies_pkey PRIMARY KEY (shop, delivery_id)
);
comment on table onsale.delivery_bodies is 'One row: the raw bytes of an applied delivery, kept for replay where KEEP_BODIES_HOURS asks for it';
CREATE INDEX delivery_bodies_received_at ON onsale.delivery_bodies USING btree (received_at);

create table onsale.differences (
  id bigint not null generated always as identity,
  reconciliation_id bigint not null,
  kind text not null,
  key text not null,
  cause text not null,
  evidence jsonb not null,
  topic text not null,
  body jsonb,
  description text,
  outcome text,
  repaired_at timestamp with time zone,
  constraint differences_pkey PRIMARY KEY (id),
  constraint differences_cause_check CHECK ((cause = ANY (ARRAY['late'::text, 'lost'::text, 'ours'::text, 'theirs'::text]))),
  constraint differences_kind_check CHECK ((kind = ANY (ARRAY['product'::text, 'item'::text, 'level'::text, 'order'::text]))),
  constraint differences_outcome_check CHECK ((outcome = ANY (ARRAY['repaired'::text, 'overtaken'::text, 'failed'::text]))),
  constraint differences_reconciliation_id_fkey FOREIGN KEY (reconciliation_id) REFERENCES onsale.reconciliations(id) ON DELETE CASCADE,
  constraint differences_reconciliation_id_kind_key_key UNIQUE (reconciliation_id, kind, key)
);
comment on table onsale.differences is 'One row: a record that the mirror has otherwise than the shop';
comment on column onsale.differences.key is 'Shopify''s id; of a level the item''s and the location''s';
comment on column onsale.differences.cause is 'late: its webhook may still come; lost: it did not; ours: a write of ours is under way; theirs: told, and yet something else';
comment on column onsale.differences.evidence is 'What both sides have, and since when: {there, here, fields}; there null: the shop has it no more';
comment on column onsale.differences.topic is 'The webhook that would have told it, with its body; the body goes when the reconciliation ends';
comment on column onsale.differences.outcome is 'repaired: the mirror has it from the snapshot; overtaken: it knew better by then; failed: kept as a failed delivery; null: left alone';

create table onsale.event_revisions (
  event_id bigint not null,
  revision bigint not null,
  constraint event_revisions_pkey PRIMARY KEY (event_id),
  constraint event_revisions_event_id_fkey FOREIGN KEY (event_id) REFERENCES onsale.events(id)
) with (fillfactor=50);
comment on table onsale.event_revisions is 'One row: how often what is visible of an event has changed, counts included. Beside events because it burns';

create table onsale.events (
  id bigint not null generated always as identity,
  shopify_product_id bigint,
  shop text not null default ''::text,
  title text not null,
  subtitle text,
  description text,
  category text,
  status onsale.event_status not null,
  starts_at timestamp with time zone,
  ends_at timestamp with time zone,
  venue jsonb,
  images jsonb not null default '[]'::jsonb,
  metafields jsonb not null default '{}'::jsonb,
  per_user_limit integer default 2,
  currency text not null,
  deleted_at timestamp with time zone,
  version integer not null default 1,
  created_at timestamp with time zone not null default clock_timestamp(),
  updated_at timestamp with time zone not null default clock_timestamp(),
  sort_starts_at timestamp with time zone not null generated always as (COALESCE(starts_at, 'infinity'::timestamp with time zone)) stored,
  over_at timestamp with time zone not null generated always as (COALESCE(ends_at, starts_at, 'infinity'::timestamp with time zone)) stored,
  title_key text not null generated always as ("left"(onsale.fold_text(title), 200)) stored,
  search tsvector not null generated always as ((((setweight(to_tsvector('simple'::regconfig, "left"(onsale.get_search_text(title), 1000)), 'A'::"char") || setweight(to_tsvector('simple'::regconfig, "left"(onsale.get_search_text(COALESCE(subtitle, ''::text)), 1000)), 'B'::"char")) || setweight(to_tsvector('simple'::regconfig, "left"(onsale.get_search_text(((((COALESCE((venue ->> 'name'::text), ''::text) || ' '::text) || COALESCE((venue ->> 'city'::text), ''::text)) || ' '::text) || COALESCE(category, ''::text))), 1000)), 'C'::"char")) || setweight(to_tsvector('simple'::regconfig, "left"(onsale.get_search_text(regexp_replace(COALESCE(description, ''::text), '<[^>]*>'::text, ' '::text, 'g'::text)), 20000)), 'D'::"char"))) stored,
  is_sales_paused boolean not null default false,
  constraint events_pkey PRIMARY KEY (id),
  constraint events_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
  constraint events_per_user_limit_check CHECK ((per_user_limit > 0)),
  constraint events_shopify_product_id_key UNIQUE (shopify_product_id)
);
comment on table onsale.events is 'One row: an event a visitor may see: a Shopify product, or an event of the direct channel alone (no product id)';
comment on column onsale.events.status is 'Shopify''s, but archived where the product is no event (settings)';
comment on column onsale.events.per_user_limit is 'Units one user may own in the direct channel; null: no limit';
comment on column onsale.events.version is 'Counts edits of the catalogue: what a PATCH must name';
comment on column onsale.events.over_at is 'From then on the event has ended; infinity without a date';
comment on column onsale.events.is_sales_paused is 'True: the direct channel takes no orders of it for now';
CREATE INDEX events_public_by_category ON onsale.events USING btree (category, sort_starts_at, id) INCLUDE (over_at) WHERE ((status = 'active'::onsale.event_status) AND (deleted_at IS NULL));
CREATE INDEX events_public_by_end ON onsale.events USING btree (over_at) WHERE ((status = 'active'::onsale.event_status) AND (deleted_at IS NULL));
CREATE INDEX events_public_by_start ON onsale.events USING btree (sort_starts_at, id) INCLUDE (over_at) WHERE ((status = 'active'::onsale.event_status) AND (deleted_at IS NULL));
CREATE INDEX events_public_by_title ON onsale.events USING btree (title_key COLLATE "C", id) INCLUDE (category, sort_starts_at, over_at) WHERE ((status = 'active'::onsale.event_status) AND (deleted_at IS NULL));
CREATE INDEX events_public_running ON onsale.events USING gist (tstzrange(starts_at, ends_at, '[]'::text)) INCLUDE (starts_at, ends_at, sort_starts_at, id, category) WHERE ((status = 'active'::onsale.event_status) AND (deleted_at IS NULL) AND (ends_at > starts_at));
CREATE TRIGGER events_deleted_keep_search_changes AFTER DELETE ON onsale.events REFERENCING OLD TABLE AS old_events FOR EACH STATEMENT EXECUTE FUNCTION onsale.keep_search_changes();
CREATE TRIGGER events_inserted_keep_search_changes AFTER INSERT ON onsale.events REFERENCING NEW TABLE AS new_events FOR EACH STATEMENT EXECUTE FUNCTION onsale.keep_search_changes();
CREATE TRIGGER events_inserted_keep_search_words AFTER INSERT ON onsale.events REFERENCING NEW TABLE AS new_events FOR EACH STATEMENT EXECUTE FUNCTION onsale.keep_search_words();
CREATE TRIGGER events_updated_keep_search_changes AFTER UPDATE ON onsale.events REFERENCING OLD TABLE AS old_events NEW TABLE AS new_events FOR EACH STATEMENT EXECUTE FUNCTION onsale.keep_search_changes();
CREATE TRIGGER events_updated_keep_search_words AFTER UPDATE ON onsale.events REFERENCING NEW TABLE AS new_events FOR EACH STATEMENT EXECUTE FUNCTION onsale.keep_search_words();

create table onsale.failed_deliveries (
  shop text collate "C" not null,
  delivery_id text collate "C" not null,
  topic text not null,
  triggered_ns bigint not null,
  event_id text,
  api_version text,
  body bytea not null,
  sqlstate text,
  reason text not null,
  attempts integer not null default 1,
  is_dead boolean not null default false,
  failed_at timestamp with time zone not null,
  next_attempt_at timestamp with time zone not null,
  constraint failed_deliveries_pkey PRIMARY KEY (shop, delivery_id)
);
comment on table onsale.failed_deliveries is 'One row: a signed delivery that could not be applied, kept as it came until it is applied, discarded or too old';
comment on column onsale.failed_deliveries.is_dead is 'The last automatic attempt has failed: a person must look';
CREATE INDEX failed_deliveries_failed_at ON onsale.failed_deliveries USING btree (failed_at);
CREATE INDEX failed_deliveries_next_attempt_at ON onsale.failed_deliveries USING btree (next_attempt_at) WHERE (NOT is_dead);

create table onsale.inventory_items (
  inventory_item_id bigint not null,
  tracked boolean,
  stamp onsale.stamp not null default ROW('-infinity'::timestamp with time zone, (0)::bigint, ''::text)::onsale.stamp,
  is_deleted boolean not null default false,
  constraint inventory_items_pkey PRIMARY KEY (inventory_item_id)
);
comment on table onsale.inventory_items is 'One row: an inventory item that a product, a level or an item delivery named. tracked null: never told';

create table onsale.inventory_levels (
  inventory_item_id bigint not null,
  location_id bigint not null,
  available integer not null,
  is_disconnected boolean not null,
  stamp onsale.stamp not null,
  constraint inventory_levels_pkey PRIMARY KEY (inventory_item_id, location_id)
) with (fillfactor=70);
comment on table onsale.inventory_levels is 'One row: the latest level of one item at one location; a disconnected location stays as a tombstone of 0';

create table onsale.jobs (
  id bigint not null generated always as identity,
  kind text not null,
  subject text not null,
  request jsonb not null,
  idempotency_key uuid not null default gen_random_uuid(),
  state onsale.job_state not null default 'queued'::onsale.job_state,
  attempts integer not null default 0,
  next_attempt_at timestamp with time zone not null,
  result jsonb,
  errors jsonb not null default '[]'::jsonb,
  created_by text not null,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone not null,
  confirmed_at timestamp with time zone,
  event_id bigint,
  ticket_id bigint,
  superseded_by bigint,
  client_token text,
  client_digest text,
  constraint jobs_pkey PRIMARY KEY (id),
  constraint jobs_client_token_check CHECK (((length(client_token) >= 1) AND (length(client_token) <= 128))),
  constraint jobs_kind_check CHECK (((length(kind) >= 1) AND (length(kind) <= 50))),
  constraint jobs_subject_check CHECK (((length(subject) >= 1) AND (length(subject) <= 100)))
) with (fillfactor=80);
comment on table onsale.jobs is 'One row: a call to somebody else''s service, with what came of it';
comment on column onsale.jobs.subject is 'What it is about (payment 7): of the jobs of one subject only the first that is not ended may begin';
comment on column onsale.jobs.idempotency_key is 'Names the call at the far side, however often it is made';
comment on column onsale.jobs.state is 'queued: never tried; running: leased to a worker; waiting: tried, and to be tried again; done; failed: refused for good, or discarded; dead: given up';
comment on column onsale.jobs.next_attempt_at is 'Not before then; of one that is running: when its lease ends and another worker may take it';
comment on column onsale.jobs.errors is 'Of the last attempt: [{message, field}]';
comment on column onsale.jobs.confirmed_at is 'When the mirror showed that it is so; null where nobody waits for that, as with what is no change of an event';
comment on column onsale.jobs.event_id is 'The event that it changes in Shopify; null: none, or one that the mirror does not show yet (create_event)';
comment on column onsale.jobs.ticket_id is 'The ticket that it changes in Shopify; null: none, or one that the mirror does not show yet';
comment on column onsale.jobs.superseded_by is 'The job that does this, too: this one was never begun, and is done';
comment on column onsale.jobs.client_token is 'By which whoever asked names the request, to send it again without doing it twice';
comment on column onsale.jobs.client_digest is 'Of the request under that token: another one is refused';
CREATE INDEX jobs_due ON onsale.jobs USING btree (next_attempt_at) WHERE (state = ANY (ARRAY['queued'::onsale.job_state, 'running'::onsale.job_state, 'waiting'::onsale.job_state]));
CREATE INDEX jobs_looks ON onsale.jobs USING btree (subject, created_at) WHERE (kind = ANY (ARRAY['look_order'::text, 'look_level'::text]));
CREATE INDEX jobs_looks_done ON onsale.jobs USING btree (updated_at) WHERE ((kind = ANY (ARRAY['look_order'::text, 'look_level'::text])) AND (state = 'done'::onsale.job_state));
CREATE INDEX jobs_open_subject ON onsale.jobs USING btree (subject, id) WHERE (state = ANY (ARRAY['queued'::onsale.job_state, 'running'::onsale.job_state, 'waiting'::onsale.job_state]));
CREATE INDEX jobs_pending_event ON onsale.jobs USING btree (event_id, id) WHERE ((event_id IS NOT NULL) AND (superseded_by IS NULL) AND (confirmed_at IS NULL) AND (state = ANY (ARRAY['queued'::onsale.job_state, 'running'::onsale.job_state, 'waiting'::onsale.job_state, 'done'::onsale.job_state])));
CREATE INDEX jobs_state ON onsale.jobs USING btree (state, id DESC);
CREATE INDEX jobs_unconfirmed ON onsale.jobs USING btree (id) WHERE ((state = 'done'::onsale.job_state) AND (confirmed_at IS NULL) AND (superseded_by IS NULL) AND ((event_id IS NOT NULL) OR (kind = 'create_event'::text)));
CREATE UNIQUE INDEX jobs_client_token ON onsale.jobs USING btree (created_by, client_token) WHERE (client_token IS NOT NULL);
CREATE UNIQUE INDEX jobs_look_once ON onsale.jobs USING btree (kind, subject) WHERE ((kind = ANY (ARRAY['look_order'::text, 'look_level'::text])) AND (state = 'queued'::onsale.job_state) AND (attempts = 0));
CREATE UNIQUE INDEX jobs_once ON onsale.jobs USING btree (kind, subject) WHERE (kind = ANY (ARRAY['refund'::text, 'start_payment'::text]));

create table onsale.migrations (
  number integer not null,
  name text not null,
  hash text not null,
  applied_at timestamp with time zone not null default now(),
  constraint migrations_pkey PRIMARY KEY (number)
);
comment on table onsale.migrations is 'One row: a file of sql/migrations that has run';

create table onsale.order_items (
  event_id bigint not null,
  order_id bigint not null,
  ticket_id bigint not null,
  quantity integer not null,
  price_cents bigint not null,
  sku text,
  name text not null,
  constraint order_items_pkey PRIMARY KEY (event_id, order_id, ticket_id),
  constraint order_items_price_cents_check CHECK ((price_cents >= 0)),
  constraint order_items_quantity_check CHECK ((quantity > 0))
);
comment on table onsale.order_items is 'One row: so many units of a ticket kind in an order, at the price and name of that moment';

create table onsale.orders (
  event_id bigint not null,
  id bigint not null generated by default as identity,
  user_id bigint not null,
  client_token text not null,
  fingerprint uuid not null,
  status onsale.sale_status not null,
  version integer not null default 1,
  unit_count integer not null,
  total_cents bigint not null,
  paid_cents bigint not null default 0,
  currency text not null,
  expires_at timestamp with time zone,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone not null,
  constraint orders_pkey PRIMARY KEY (event_id, id),
  constraint orders_check CHECK (((expires_at IS NOT NULL) OR (status <> 'PENDING'::onsale.sale_status))),
  constraint orders_client_token_check CHECK (((length(client_token) >= 1) AND (length(client_token) <= 128))),
  constraint orders_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
  constraint orders_event_id_user_id_client_token_key UNIQUE (event_id, user_id, client_token),
  constraint orders_paid_cents_check CHECK ((paid_cents >= 0)),
  constraint orders_total_cents_check CHECK ((total_cents >= 0)),
  constraint orders_unit_count_check CHECK ((unit_count > 0))
) with (fillfactor=80);
comment on table onsale.orders is 'One row: an order of the direct channel, of one event. A booking is an order of one ticket kind';
comment on column onsale.orders.client_token is 'The buyer''s name for the request: it makes one order, however often it is sent';
comment on column onsale.orders.fingerprint is 'MD5 of what was asked for, to know the same request from another one';
comment on column onsale.orders.expires_at is 'Until then its units are held while it is PENDING; from that instant they are free. Null: it was free of charge';
CREATE INDEX orders_id ON onsale.orders USING btree (id);
CREATE INDEX orders_pending ON onsale.orders USING btree (event_id, expires_at) WHERE (status = 'PENDING'::onsale.sale_status);
CREATE INDEX orders_refund_due ON onsale.orders USING btree (updated_at) WHERE (status = 'REFUND_DUE'::onsale.sale_status);
CREATE INDEX orders_user_id ON onsale.orders USING btree (user_id, id DESC);

create table onsale.payments (
  event_id bigint not null,
  id bigint not null generated by default as identity,
  order_id bigint not null,
  provider text not null,
  provider_payment_id text,
  status onsale.payment_status not null default 'PENDING'::onsale.payment_status,
  amount_cents bigint not null,
  currency text not null,
  redirect_url text,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone not null,
  refunded_at timestamp with time zone,
  provider_refund_id text,
  constraint payments_pkey PRIMARY KEY (event_id, id),
  constraint payments_amount_cents_check CHECK ((amount_cents > 0)),
  constraint payments_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
  constraint payments_event_id_provider_provider_payment_id_key UNIQUE (event_id, provider, provider_payment_id),
  constraint payments_provider_check CHECK (((length(provider) >= 1) AND (length(provider) <= 50))),
  constraint payments_provider_payment_id_check CHECK (((length(provider_payment_id) >= 1) AND (length(provider_payment_id) <= 255))),
  constraint payments_provider_refund_id_check CHECK (((length(provider_refund_id) >= 1) AND (length(provider_refund_id) <= 255)))
) with (fillfactor=80);
comment on table onsale.payments is 'One row: an attempt to pay an order of the direct channel, in full';
comment on column onsale.payments.provider_payment_id is 'The provider''s name for it; null until the provider has answered';
comment on column onsale.payments.status is 'PENDING: live, of which an order has one at most. FAILED may still become SUCCESS, SUCCESS stays';
comment on column onsale.payments.redirect_url is 'Where the buyer pays; null until the provider has answered, or where it needs none';
comment on column onsale.payments.refunded_at is 'When the money went back, in full, by the provider or as an admin says; null: it did not';
comment on column onsale.payments.provider_refund_id is 'The provider''s name for the refund; null: it made none';
CREATE INDEX payments_id ON onsale.payments USING btree (id);
CREATE UNIQUE INDEX payments_live ON onsale.payments USING btree (event_id, order_id) WHERE (status = 'PENDING'::onsale.payment_status);

create table onsale.reconcile_schedule (
  is_only boolean not null default true,
  claimed_at timestamp with time zone not null default clock_timestamp(),
  wanted_by text,
  is_dry_run boolean not null default false,
  repairs_max integer,
  constraint reconcile_schedule_pkey PRIMARY KEY (is_only),
  constraint reconcile_schedule_is_only_check CHECK (is_only),
  constraint reconcile_schedule_repairs_max_check CHECK ((repairs_max > 0))
);
comment on table onsale.reconcile_schedule is 'One row: when the newest scheduled reconciliation was begun, and whether somebody wants one now';
comment on column onsale.reconcile_schedule.wanted_by is 'Who asked for one that has not begun; null: nobody';

create table onsale.reconciliations (
  id bigint not null generated always as identity,
  run_id bigint not null,
  started_by text not null,
  is_dry_run boolean not null,
  repairs_max integer not null,
  grace interval not null,
  started_at timestamp with time zone not null,
  ended_at timestamp with time zone,
  compared_count bigint not null default 0,
  reason text,
  constraint reconciliations_pkey PRIMARY KEY (id),
  constraint reconciliations_repairs_max_check CHECK ((repairs_max >= 0)),
  constraint reconciliations_run_id_key UNIQUE (run_id)
);
comment on table onsale.reconciliations is 'One row: a comparison of the mirror with a snapshot of the shop';
comment on column onsale.reconciliations.run_id is 'The snapshot: onsale.sync_runs';
comment on column onsale.reconciliations.grace is 'What changed in the shop so shortly ago may still be told by its webhook';
comment on column onsale.reconciliations.reason is 'Why it ended early; null: it did not';

create table onsale.redactions (
  kind text not null,
  key text collate "C" not null,
  redacted_at timestamp with time zone not null,
  constraint redactions_pkey PRIMARY KEY (kind, key),
  constraint redactions_kind_check CHECK ((kind = ANY (ARRAY['customer'::text, 'order'::text, 'shop'::text])))
);
comment on table onsale.redactions is 'One row: a customer, the customer of an order, or all customers of a shop, never to be stored again, even by a late delivery';
comment on column onsale.redactions.key is 'Shopify''s id, or the domain of the shop';

create table onsale.sale_transitions (
  from_status onsale.sale_status not null,
  to_status onsale.sale_status not null,
  actors text[] not null,
  needs_paid boolean,
  constraint sale_transitions_pkey PRIMARY KEY (from_status, to_status)
);
comment on table onsale.sale_transitions is 'One row: a change of status that an order may make. What is not here is refused';
comment on column onsale.sale_transitions.actors is 'Who may: buyer, admin, payment (a result of the provider), clock';
comment on column onsale.sale_transitions.needs_paid is 'True: only where money came in; false: only where none did; null: either';

create table onsale.search_bitmaps (
  word text collate "C" not null,
  from_at timestamp with time zone not null,
  bits bit varying,
  slots integer[],
  constraint search_bitmaps_pkey PRIMARY KEY (word, from_at),
  constraint search_bitmaps_check CHECK (((bits IS NULL) <> (slots IS NULL)))
);
comment on table onsale.search_bitmaps is 'One row: which events of a block hold a word, or, where the word begins with U+0001, are of the category after it';
comment on column onsale.search_bitmaps.slots is 'Instead of bits, where they are few: counted from 0';
CREATE INDEX search_bitmaps_from_at ON onsale.search_bitmaps USING btree (from_at);

create table onsale.search_blocks (
  from_at timestamp with time zone not null,
  until_at timestamp with time zone not null,
  event_count integer not null,
  live_bits bit varying not null,
  event_ids bigint[] not null,
  starts_at timestamp with time zone[] not null,
  constraint search_blocks_pkey PRIMARY KEY (from_at),
  constraint search_blocks_check CHECK ((length((live_bits)::"bit") = event_count)),
  constraint search_blocks_event_count_check CHECK ((event_count >= 0))
);
comment on table onsale.search_blocks is 'One row: public events that follow each other by (sort_starts_at, id), up to the next block. A slot is a place in it';
comment on column onsale.search_blocks.until_at is 'When the last of them starts; from_at in an empty block';
comment on column onsale.search_blocks.live_bits is '0: the event of the slot has gone, or to another block';
comment on column onsale.search_blocks.starts_at is 'Their sort_starts_at, ascending: a time is found by halves';

create table onsale.search_changes (
  event_id bigint not null,
  edit_count integer not null default 1,
  category text,
  starts_at timestamp with time zone,
  over_at timestamp with time zone,
  search tsvector,
  constraint search_changes_pkey PRIMARY KEY (event_id)
) with (fillfactor=80, toast_tuple_target=8160);
comment on table onsale.search_changes is 'One row: an event that was written since the bitmaps were; they do not count for it';
comment on column onsale.search_changes.edit_count is 'Edits since then: the row may go only if there was none after the bitmaps looked';
comment on column onsale.search_changes.search is 'With the other columns as in the event, where it is public; null: it is not, or must be looked up';

create table onsale.search_slots (
  event_id bigint not null,
  from_at timestamp with time zone not null,
  slot integer not null,
  starts_at timestamp with time zone not null,
  constraint search_slots_pkey PRIMARY KEY (event_id)
) with (fillfactor=80);
comment on table onsale.search_slots is 'One row: where the bitmaps know an event';
CREATE INDEX search_slots_from_at_slot ON onsale.search_slots USING btree (from_at, slot);

create table onsale.search_words (
  word text collate "C" not null,
  constraint search_words_pkey PRIMARY KEY (word)
);
comment on table onsale.search_words is 'One row: a word that occurs, or once occurred, in an event. Beginnings of words and typos are looked up here';
CREATE INDEX search_words_by_trigram ON onsale.search_words USING gin (word gin_trgm_ops);

create table onsale.settings (
  is_only boolean not null default true,
  currency text not null default 'EUR'::text,
  event_tag text,
  event_type text,
  counts_test_orders boolean not null default true,
  keep_bodies_hours integer not null default 0,
  uninstalled_at timestamp with time zone,
  is_connected boolean not null default false,
  constraint settings_pkey PRIMARY KEY (is_only),
  constraint settings_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
  constraint settings_is_only_check CHECK (is_only),
  constraint settings_keep_bodies_hours_check CHECK ((keep_bodies_hours >= 0))
);
comment on table onsale.settings is 'One row: what the deployment decided about the shop. Written by update_settings at start, read by every batch';
comment on column onsale.settings.event_tag is 'Only products with this tag are events; null: every product';
comment on column onsale.settings.event_type is 'Only products of this product_type are events; null: every product';
comment on column onsale.settings.uninstalled_at is 'Set when Shopify said that the app was uninstalled';
comment on column onsale.settings.is_connected is 'The shop can be asked (Admin API): what it should be asked is queued';

create table onsale.shopify_order_lines (
  order_id bigint not null,
  line_id bigint not null,
  variant_id bigint,
  quantity integer not null,
  current_quantity integer not null,
  created_at timestamp with time zone not null,
  constraint shopify_order_lines_pkey PRIMARY KEY (order_id, line_id),
  constraint shopify_order_lines_current_quantity_check CHECK ((current_quantity >= 0)),
  constraint shopify_order_lines_quantity_check CHECK ((quantity >= 0))
) with (fillfactor=90);
comment on table onsale.shopify_order_lines is 'One row: one line of the latest version of an order that is not deleted';
comment on column onsale.shopify_order_lines.variant_id is 'Shopify''s id, known or not: the line counts as soon as the variant''s ticket exists';
comment on column onsale.shopify_order_lines.quantity is 'Units ordered, whatever became of them';
comment on column onsale.shopify_order_lines.current_quantity is 'Units still wanted after edits and refunds; 0 in a cancelled order';
comment on column onsale.shopify_order_lines.created_at is 'The order''s created_at, here for the index';
CREATE INDEX shopify_order_lines_created_at ON onsale.shopify_order_lines USING brin (created_at) WITH (pages_per_range='32', autosummarize='on');
CREATE INDEX shopify_order_lines_variant_id_created_at ON onsale.shopify_order_lines USING btree (variant_id, created_at) WHERE (variant_id IS NOT NULL);

create table onsale.shopify_orders (
  order_id bigint not null,
  shop text not null,
  status onsale.order_status not null,
  is_test boolean not null,
  created_at timestamp with time zone,
  customer_id bigint,
  stamp onsale.stamp not null,
  constraint shopify_orders_pkey PRIMARY KEY (order_id)
) with (fillfactor=80);
comment on table onsale.shopify_orders is 'One row: the latest version of one Shopify order. A deleted order stays as an empty tombstone';
comment on column onsale.shopify_orders.customer_id is 'All that is kept of the customer; null once he asked to be forgotten';
CREATE INDEX shopify_orders_customer_id ON onsale.shopify_orders USING btree (customer_id) WHERE (customer_id IS NOT NULL);

create table onsale.shopify_products (
  product_id bigint not null,
  event_id bigint,
  shop text not null default ''::text,
  stamp onsale.stamp not null default ROW('-infinity'::timestamp with time zone, (0)::bigint, ''::text)::onsale.stamp,
  source_status onsale.event_status,
  product_type text,
  tags text[] not null default '{}'::text[],
  variant_ids bigint[] not null default '{}'::bigint[],
  metafields jsonb,
  metafields_stamp onsale.stamp not null default ROW('-infinity'::timestamp with time zone, (0)::bigint, ''::text)::onsale.stamp,
  deleted_at timestamp with time zone,
  constraint shopify_products_pkey PRIMARY KEY (product_id)
) with (fillfactor=70);
comment on table onsale.shopify_products is 'One row: the latest version of one Shopify product, as far as the mirror needs it to decide';
comment on column onsale.shopify_products.event_id is 'Null until a body has come (a deletion may come first)';
comment on column onsale.shopify_products.variant_ids is 'All variants of the newest body (variant_gids): only the first 100 come in full';
comment on column onsale.shopify_products.metafields is 'Of the newest body that carried metafields, which need not be the newest body';

create table onsale.shopify_variants (
  variant_id bigint not null,
  product_id bigint,
  event_id bigint,
  ticket_id bigint,
  inventory_item_id bigint,
  inventory_quantity integer,
  is_unmanaged boolean not null default false,
  stamp onsale.stamp not null default ROW('-infinity'::timestamp with time zone, (0)::bigint, ''::text)::onsale.stamp,
  metafields_stamp onsale.stamp not null default ROW('-infinity'::timestamp with time zone, (0)::bigint, ''::text)::onsale.stamp,
  constraint shopify_variants_pkey PRIMARY KEY (variant_id),
  constraint shopify_variants_inventory_item_id_key UNIQUE (inventory_item_id)
) with (fillfactor=70);
comment on table onsale.shopify_variants is 'One row: a variant that a product or an order named. ticket_id is null until its product has come';
comment on column onsale.shopify_variants.inventory_quantity is 'Total over all locations, as of stamp; null where no body told';
comment on column onsale.shopify_variants.is_unmanaged is 'inventory_management was present and null: the shop does not track this variant';
CREATE INDEX shopify_variants_product_id ON onsale.shopify_variants USING btree (product_id);

create table onsale.staged_records (
  run_id bigint not null,
  kind text not null,
  line bigint not null,
  id bigint not null,
  parent_id bigint,
  body jsonb not null,
  description text,
  constraint staged_records_pkey PRIMARY KEY (run_id, kind, line)
) with (autovacuum_enabled=off);
comment on table onsale.staged_records is 'One row: one line of a snapshot''s file, in the words of webhooks, its children apart. list_staged_facts puts them together';
comment on column onsale.staged_records.kind is 'product (its children: variant, metafield, image), item (its children: level), order (its children: order_line)';
comment on column onsale.staged_records.line is 'Of its file, from 1; children come after their parent, not always at once';
comment on column onsale.staged_records.id is 'Shopify''s number: of the product, variant, item, order or line; of a level the location''s; else 0';
comment on column onsale.staged_records.parent_id is 'Of a child: the number of its product, item or order';
comment on column onsale.staged_records.body is 'What a webhook''s body says of it, ids as text; without what stands in other columns';
comment on column onsale.staged_records.description is 'Of a product: its description, sanitised';
CREATE INDEX staged_records_parent ON onsale.staged_records USING btree (parent_id, kind) WHERE (parent_id IS NOT NULL);

create table onsale.stock (
  event_id bigint not null,
  ticket_id bigint not null,
  channel onsale.channel not null,
  capacity bigint,
  held bigint not null default 0,
  sold bigint not null default 0,
  available bigint generated always as (((capacity - held) - sold)) stored,
  base bigint,
  base_at timestamp with time zone,
  taken bigint,
  constraint stock_pkey PRIMARY KEY (event_id, ticket_id, channel),
  constraint stock_direct_never_oversells CHECK (((channel <> 'direct'::onsale.channel) OR ((held >= 0) AND (sold >= 0) AND ((capacity IS NULL) OR ((held + sold) <= capacity))))),
  constraint stock_event_id_ticket_id_fkey FOREIGN KEY (event_id, ticket_id) REFERENCES onsale.tickets(event_id, id),
  constraint stock_shopify_adds_up CHECK (((channel <> 'shopify'::onsale.channel) OR (capacity IS NULL) OR (capacity = ((base - taken) + sold)))),
  constraint stock_shopify_remembers_its_base CHECK (((channel <> 'shopify'::onsale.channel) OR ((held = 0) AND (sold >= 0) AND (base IS NOT NULL) AND (base_at IS NOT NULL) AND (taken >= 0))))
) with (fillfactor=50);
comment on table onsale.stock is 'One row: the counters of one ticket in one channel';
comment on column onsale.stock.capacity is 'Null: not tracked, unlimited';
comment on column onsale.stock.available is 'May be negative in the mirror; shown as 0 then. Null: unlimited';
comment on column onsale.stock.base is 'Shopify: units left as of base_at (levels, or the product''s own total)';
comment on column onsale.stock.taken is 'Shopify: units of orders created more than 2 s after base_at, which the base cannot contain';

create table onsale.subscription_watch (
  is_only boolean not null default true,
  url text,
  claimed_at timestamp with time zone not null default '-infinity'::timestamp with time zone,
  completed_at timestamp with time zone,
  fault_count integer,
  constraint subscription_watch_pkey PRIMARY KEY (is_only),
  constraint subscription_watch_fault_count_check CHECK ((fault_count >= 0)),
  constraint subscription_watch_is_only_check CHECK (is_only),
  constraint subscription_watch_url_check CHECK (((length(url) >= 1) AND (length(url) <= 1000)))
);
comment on table onsale.subscription_watch is 'One row: where the shop was told to send its webhooks, and how the newest look at its subscriptions came out';
comment on column onsale.subscription_watch.url is 'Null: it was told nothing, and nothing is watched';
comment on column onsale.subscription_watch.fault_count is 'Subscriptions that were missing or wrong, and were mended; null: no look has ended yet';

create table onsale.sync_parts (
  run_id bigint not null,
  kind text not null,
  operation_id text,
  file_bytes bigint,
  object_count bigint,
  loaded_bytes bigint not null default 0,
  loaded_lines bigint not null default 0,
  loaded_at timestamp with time zone,
  staged_count bigint not null default 0,
  fault_count bigint not null default 0,
  faults jsonb not null default '[]'::jsonb,
  applied_line bigint not null default 0,
  applied_at timestamp with time zone,
  read_count bigint not null default 0,
  news_count bigint not null default 0,
  lane_lines bigint[] not null default '{0}'::bigint[],
  constraint sync_parts_pkey PRIMARY KEY (run_id, kind),
  constraint sync_parts_kind_check CHECK ((kind = ANY (ARRAY['products'::text, 'inventory'::text, 'orders'::text]))),
  constraint sync_parts_run_id_fkey FOREIGN KEY (run_id) REFERENCES onsale.sync_runs(id)
);
comment on table onsale.sync_parts is 'One row: one file of a snapshot, and how far it has come';
comment on column onsale.sync_parts.operation_id is 'gid of Shopify''s bulk operation; null: not asked for. Its url is asked for anew, never kept: whoever has it can read the file';
comment on column onsale.sync_parts.loaded_bytes is 'Of the file, up to the end of a line: where a run that was stopped goes on';
comment on column onsale.sync_parts.staged_count is 'Records that the lines held';
comment on column onsale.sync_parts.faults is 'The first of those lines and records that could not be used: [{line, reason}]';
comment on column onsale.sync_parts.applied_line is 'The farthest line of any lane';
comment on column onsale.sync_parts.read_count is 'Facts that were applied, news or not';
comment on column onsale.sync_parts.news_count is 'Facts that were newer than what the mirror knew';
comment on column onsale.sync_parts.lane_lines is 'By lane: those of its records up to this line were applied, with what belongs to them; null: all of them';

create table onsale.sync_runs (
  id bigint not null generated always as identity,
  purpose text not null,
  state text not null default 'loading'::text,
  shop text not null,
  orders_since timestamp with time zone not null,
  started_at timestamp with time zone not null,
  updated_at timestamp with time zone not null,
  ended_at timestamp with time zone,
  reason text,
  report jsonb,
  constraint sync_runs_pkey PRIMARY KEY (id),
  constraint sync_runs_purpose_check CHECK ((purpose = ANY (ARRAY['sync'::text, 'reconcile'::text]))),
  constraint sync_runs_state_check CHECK ((state = ANY (ARRAY['loading'::text, 'loaded'::text, 'done'::text, 'failed'::text])))
);
comment on table onsale.sync_runs is 'One row: a snapshot of the shop. Only the newest one has records in staged_records';
comment on column onsale.sync_runs.purpose is 'sync: applied as a whole; reconcile: compared first';
comment on column onsale.sync_runs.state is 'loading: asked for, and copied into staged_records; loaded: all of it is there; done; failed: given up (reason)';
comment on column onsale.sync_runs.orders_since is 'Orders created before that are not in it';
comment on column onsale.sync_runs.started_at is 'Before the first record was read: the moment that its facts are dated by, where their own updated_at does not decide';
CREATE INDEX sync_runs_started_at ON onsale.sync_runs USING btree (started_at DESC);

create table onsale.ticket_units (
  event_id bigint not null,
  order_id bigint not null,
  ticket_id bigint not null,
  nth integer not null,
  code uuid not null default gen_random_uuid(),
  checked_in_at timestamp with time zone,
  checked_in_by text,
  is_void boolean not null default false,
  constraint ticket_units_pkey PRIMARY KEY (event_id, order_id, ticket_id, nth),
  constraint ticket_units_nth_check CHECK ((nth > 0))
);
comment on table onsale.ticket_units is 'One row: a ticket that was paid, with the code that admits its bearer';
comment on column onsale.ticket_units.is_void is 'True: its order was cancelled or given back, the code admits nobody';
CREATE INDEX ticket_units_code ON onsale.ticket_units USING btree (code);

create table onsale.tickets (
  id bigint not null generated always as identity,
  event_id bigint not null,
  shopify_variant_id bigint,
  name text,
  ticket_type text,
  sku text,
  price_cents bigint not null,
  compare_at_price_cents bigint,
  "position" integer not null default 1,
  is_oversell_allowed boolean not null default false,
  is_visible boolean not null default true,
  is_removed boolean not null default false,
  features jsonb not null default '[]'::jsonb,
  restrictions jsonb not null default '{}'::jsonb,
  sale_starts_at timestamp with time zone,
  sale_ends_at timestamp with time zone,
  version integer not null default 1,
  created_at timestamp with time zone not null default clock_timestamp(),
  updated_at timestamp with time zone not null default clock_timestamp(),
  constraint tickets_pkey PRIMARY KEY (id),
  constraint tickets_compare_at_price_cents_check CHECK ((compare_at_price_cents >= 0)),
  constraint tickets_event_id_fkey FOREIGN KEY (event_id) REFERENCES onsale.events(id),
  constraint tickets_event_id_id_key UNIQUE (event_id, id),
  constraint tickets_price_cents_check CHECK ((price_cents >= 0)),
  constraint tickets_shopify_variant_id_key UNIQUE (shopify_variant_id)
);
comment on table onsale.tickets is 'One row: a kind of ticket of an event: a Shopify variant, or one of the direct channel alone';
comment on column onsale.tickets.name is 'Null: the ticket goes by its event''s title (Shopify''s "Default Title")';
comment on column onsale.tickets.is_removed is 'The newest body of the product no longer lists the variant';
CREATE INDEX tickets_sku ON onsale.tickets USING btree (sku) WHERE ((sku IS NOT NULL) AND (NOT is_removed));

create table onsale.user_event_quota (
  event_id bigint not null,
  user_id bigint not null,
  unit_count integer not null,
  constraint user_event_quota_pkey PRIMARY KEY (event_id, user_id),
  constraint user_event_quota_unit_count_check CHECK ((unit_count >= 0))
) with (fillfactor=70);
comment on table onsale.user_event_quota is 'One row: units of an event that a user holds or has bought: those of his orders that are PENDING or PAID';

create table onsale.users (
  id bigint not null generated always as identity,
  email text not null,
  password_hash text not null,
  role onsale.role not null default 'USER'::onsale.role,
  token_generation integer not null default 1,
  created_at timestamp with time zone not null default clock_timestamp(),
  updated_at timestamp with time zone not null default clock_timestamp(),
  constraint users_pkey PRIMARY KEY (id),
  constraint users_email_check CHECK (((length(email) >= 3) AND (length(email) <= 254)))
);
comment on table onsale.users is 'One row: somebody who can log in';
comment on column onsale.users.token_generation is 'Named by every token; raised, none that was given before counts';
CREATE UNIQUE INDEX users_email ON onsale.users USING btree (lower(email));

create table onsale.verification (
  is_only boolean not null default true,
  claimed_at timestamp with time zone not null default clock_timestamp(),
  completed_at timestamp with time zone,
  drift_count integer,
  constraint verification_pkey PRIMARY KEY (is_only),
  constraint verification_drift_count_check CHECK ((drift_count >= 0)),
  constraint verification_is_only_check CHECK (is_only)
);
comment on table onsale.verification is 'One row: when the newest scheduled verification was begun, and how the newest that ended came out';
comment on column onsale.verification.completed_at is 'Null: none has ended yet';
comment on column onsale.verification.drift_count is 'Rows that differed from the facts; null: none has ended yet';

create table onsale.wanted_syncs (
  is_only boolean not null default true,
  wanted_by text not null,
  wanted_at timestamp with time zone not null,
  orders_days integer,
  state text not null default 'queued'::text,
  is_wanted_again boolean not null default false,
  attempts integer not null default 0,
  next_attempt_at timestamp with time zone not null,
  reason text,
  constraint wanted_syncs_pkey PRIMARY KEY (is_only),
  constraint wanted_syncs_is_only_check CHECK (is_only),
  constraint wanted_syncs_orders_days_check CHECK ((orders_days > 0)),
  constraint wanted_syncs_state_check CHECK ((state = ANY (ARRAY['queued'::text, 'running'::text, 'waiting'::text, 'failed'::text])))
);
comment on table onsale.wanted_syncs is 'At most one row: the sync that somebody asked for and that has not ended well yet';
comment on column onsale.wanted_syncs.orders_days is 'Orders of so many days; null: as usual';
comment on column onsale.wanted_syncs.state is 'queued: not begun; running: leased to a process; waiting: it broke off, and is to go on; failed: given up (reason)';
comment on column onsale.wanted_syncs.is_wanted_again is 'Somebody asked while it was running: another one begins when it has ended';
comment on column onsale.wanted_syncs.next_attempt_at is 'Not before then; of one that is running: when its lease ends and another process may take it';
comment on column onsale.wanted_syncs.reason is 'Of the last attempt that broke off';

-- Rights beyond those of onsale_owner (onsale_service has none here): 0
