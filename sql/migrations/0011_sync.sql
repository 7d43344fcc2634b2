-- The shop as a whole, at one moment: the first sync reads it into the mirror, reconciliation compares the mirror with it.
-- Shopify writes it into files (bulk operations); their records are staged here and then applied as if they had been told.

create table onsale.sync_runs (
  id bigint generated always as identity primary key,
  purpose text not null check (purpose in ('sync', 'reconcile')),
  state text not null default 'loading' check (state in ('loading', 'loaded', 'done', 'failed')),
  shop text not null,
  orders_since timestamptz not null,
  started_at timestamptz not null,
  updated_at timestamptz not null,
  ended_at timestamptz,
  reason text,
  report jsonb
);
comment on table onsale.sync_runs is
  'One row: a snapshot of the shop. Only the newest one has records in staged_records';
comment on column onsale.sync_runs.purpose is 'sync: applied as a whole; reconcile: compared first';
comment on column onsale.sync_runs.state is
  'loading: asked for, and copied into staged_records; loaded: all of it is there; done; failed: given up (reason)';
comment on column onsale.sync_runs.orders_since is 'Orders created before that are not in it';
comment on column onsale.sync_runs.started_at is
  'Before the first record was read: the moment that its facts are dated by, where their own updated_at does not decide';
create index sync_runs_started_at on onsale.sync_runs (started_at desc);

create table onsale.sync_parts (
  run_id bigint not null references onsale.sync_runs (id),
  kind text not null check (kind in ('products', 'inventory', 'orders')),
  operation_id text,
  file_bytes bigint,
  object_count bigint,
  loaded_bytes bigint not null default 0,
  loaded_lines bigint not null default 0,
  loaded_at timestamptz,
  staged_count bigint not null default 0,
  fault_count bigint not null default 0,
  faults jsonb not null default '[]',
  applied_line bigint not null default 0,
  applied_at timestamptz,
  read_count bigint not null default 0,
  news_count bigint not null default 0,
  primary key (run_id, kind)
);
comment on table onsale.sync_parts is 'One row: one file of a snapshot, and how far it has come';
comment on column onsale.sync_parts.operation_id is
  'gid of Shopify''s bulk operation; null: not asked for. Its url is asked for anew, never kept: whoever has it can read the file';
comment on column onsale.sync_parts.loaded_bytes is 'Of the file, up to the end of a line: where a run that was stopped goes on';
comment on column onsale.sync_parts.staged_count is 'Records that the lines held';
comment on column onsale.sync_parts.faults is 'The first of those lines and records that could not be used: [{line, reason}]';
comment on column onsale.sync_parts.applied_line is 'Records up to this line were applied, with what belongs to them';
comment on column onsale.sync_parts.read_count is 'Facts that were applied, news or not';
comment on column onsale.sync_parts.news_count is 'Facts that were newer than what the mirror knew';

-- Not in the write-ahead log: after a crash of the server it is empty, and loaded again.
create unlogged table onsale.staged_records (
  run_id bigint not null,
  kind text not null,
  line bigint not null,
  id bigint not null,
  parent_id bigint,
  body jsonb not null,
  description text,
  primary key (run_id, kind, line)
) with (autovacuum_enabled = off);
comment on table onsale.staged_records is
  'One row: one line of a snapshot''s file, in the words of webhooks, its children apart. list_staged_facts puts them together';
comment on column onsale.staged_records.kind is
  'product (its children: variant, metafield, image), item (its children: level), order (its children: order_line)';
comment on column onsale.staged_records.line is 'Of its file, from 1; children come after their parent, not always at once';
comment on column onsale.staged_records.id is
  'Shopify''s number: of the product, variant, item, order or line; of a level the location''s; else 0';
comment on column onsale.staged_records.parent_id is 'Of a child: the number of its product, item or order';
comment on column onsale.staged_records.body is 'What a webhook''s body says of it, ids as text; without what stands in other columns';
comment on column onsale.staged_records.description is 'Of a product: its description, sanitised';
create index staged_records_parent on onsale.staged_records (parent_id, kind) where parent_id is not null;
