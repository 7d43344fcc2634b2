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
