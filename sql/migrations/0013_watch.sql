-- What keeps the mirror and the shop together beside webhooks: subscriptions that are watched, looks at single records, and
-- reconciliation.

alter table onsale.settings add column is_connected boolean not null default false;
comment on column onsale.settings.is_connected is 'The shop can be asked (Admin API): what it should be asked is queued';

create table onsale.subscription_watch (
  is_only boolean primary key default true check (is_only),
  url text check (length(url) between 1 and 1000),
  claimed_at timestamptz not null default '-infinity',
  completed_at timestamptz,
  fault_count integer check (fault_count >= 0)
);
comment on table onsale.subscription_watch is
  'One row: where the shop was told to send its webhooks, and how the newest look at its subscriptions came out';
comment on column onsale.subscription_watch.url is 'Null: it was told nothing, and nothing is watched';
comment on column onsale.subscription_watch.fault_count is 'Subscriptions that were missing or wrong, and were mended; null: no look has ended yet';
insert into onsale.subscription_watch default values;

-- Looks: jobs that ask the shop for one record. One that has not begun is enough for whatever is heard meanwhile; beside one that
-- is under way another may stand, because it may have read too early.
create unique index jobs_look_once on onsale.jobs (kind, subject)
  where kind in ('look_order', 'look_level') and state = 'queued' and attempts = 0;
create index jobs_looks on onsale.jobs (subject, created_at) where kind in ('look_order', 'look_level');
create index jobs_looks_done on onsale.jobs (updated_at) where kind in ('look_order', 'look_level') and state = 'done';

-- Lines come in about the order of their time, so a summary of each few pages finds the newest, and costs an order next to nothing.
create index shopify_order_lines_created_at on onsale.shopify_order_lines
  using brin (created_at) with (pages_per_range = 32, autosummarize = on);

-- Reconciliation: the shop as a whole (a snapshot, 0011) held against the mirror.
create table onsale.reconcile_schedule (
  is_only boolean primary key default true check (is_only),
  claimed_at timestamptz not null default clock_timestamp(),
  wanted_by text,
  is_dry_run boolean not null default false,
  repairs_max integer check (repairs_max > 0)
);
comment on table onsale.reconcile_schedule is 'One row: when the newest scheduled reconciliation was begun, and whether somebody wants one now';
comment on column onsale.reconcile_schedule.wanted_by is 'Who asked for one that has not begun; null: nobody';
insert into onsale.reconcile_schedule default values;

create table onsale.reconciliations (
  id bigint generated always as identity primary key,
  run_id bigint not null unique,
  started_by text not null,
  is_dry_run boolean not null,
  repairs_max integer not null check (repairs_max >= 0),
  grace interval not null,
  started_at timestamptz not null,
  ended_at timestamptz,
  compared_count bigint not null default 0,
  reason text
);
comment on table onsale.reconciliations is 'One row: a comparison of the mirror with a snapshot of the shop';
comment on column onsale.reconciliations.run_id is 'The snapshot: onsale.sync_runs';
comment on column onsale.reconciliations.grace is 'What changed in the shop so shortly ago may still be told by its webhook';
comment on column onsale.reconciliations.reason is 'Why it ended early; null: it did not';

create table onsale.differences (
  id bigint generated always as identity primary key,
  reconciliation_id bigint not null references onsale.reconciliations (id) on delete cascade,
  kind text not null check (kind in ('product', 'item', 'level', 'order')),
  key text not null,
  cause text not null check (cause in ('late', 'lost', 'ours', 'theirs')),
  evidence jsonb not null,
  topic text not null,
  body jsonb,
  description text,
  outcome text check (outcome in ('repaired', 'overtaken', 'failed')),
  repaired_at timestamptz,
  unique (reconciliation_id, kind, key)
);
comment on table onsale.differences is 'One row: a record that the mirror has otherwise than the shop';
comment on column onsale.differences.key is 'Shopify''s id; of a level the item''s and the location''s';
comment on column onsale.differences.cause is
  'late: its webhook may still come; lost: it did not; ours: a write of ours is under way; theirs: told, and yet something else';
comment on column onsale.differences.evidence is 'What both sides have, and since when: {there, here, fields}; there null: the shop has it no more';
comment on column onsale.differences.topic is 'The webhook that would have told it, with its body; the body goes when the reconciliation ends';
comment on column onsale.differences.outcome is
  'repaired: the mirror has it from the snapshot; overtaken: it knew better by then; failed: kept as a failed delivery; null: left alone';
