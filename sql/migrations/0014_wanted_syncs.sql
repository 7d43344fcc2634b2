-- A sync that an admin asks for: it is wanted until one process of all has brought it to its end.

create table onsale.wanted_syncs (
  is_only boolean primary key default true check (is_only),
  wanted_by text not null,
  wanted_at timestamptz not null,
  orders_days integer check (orders_days > 0),
  state text not null default 'queued' check (state in ('queued', 'running', 'waiting', 'failed')),
  is_wanted_again boolean not null default false,
  attempts integer not null default 0,
  next_attempt_at timestamptz not null,
  reason text
);
comment on table onsale.wanted_syncs is
  'At most one row: the sync that somebody asked for and that has not ended well yet';
comment on column onsale.wanted_syncs.orders_days is 'Orders of so many days; null: as usual';
comment on column onsale.wanted_syncs.state is
  'queued: not begun; running: leased to a process; waiting: it broke off, and is to go on; failed: given up (reason)';
comment on column onsale.wanted_syncs.is_wanted_again is
  'Somebody asked while it was running: another one begins when it has ended';
comment on column onsale.wanted_syncs.next_attempt_at is
  'Not before then; of one that is running: when its lease ends and another process may take it';
comment on column onsale.wanted_syncs.reason is 'Of the last attempt that broke off';
