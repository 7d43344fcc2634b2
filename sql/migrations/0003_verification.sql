-- The schedule of `verify` is a row, because any number of processes on any number of machines share one database, and
-- one of them at a time is enough. Dated now, so that a deployment that has just migrated is not busy with it at once.

create table onsale.verification (
  is_only boolean primary key default true check (is_only),
  claimed_at timestamptz not null default clock_timestamp(),
  completed_at timestamptz,
  drift_count integer check (drift_count >= 0)
);
comment on table onsale.verification is
  'One row: when the newest scheduled verification was begun, and how the newest that ended came out';
comment on column onsale.verification.completed_at is 'Null: none has ended yet';
comment on column onsale.verification.drift_count is 'Rows that differed from the facts; null: none has ended yet';
insert into onsale.verification default values;
