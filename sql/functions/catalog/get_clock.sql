-- What a process must know when it begins to listen: from this instant on no commit escapes it. Also tells one
-- database from another, so that caches shared through Redis do not mix.
create or replace function api.get_clock()
returns table (now timestamptz, catalogue_revision bigint, database_id text)
language sql
volatile
security definer
set search_path = ''
as $$
  select
    clock_timestamp(),
    c.revision,
    d.oid || '.' || d.datname
  from onsale.catalogue c
  join pg_catalog.pg_database d on d.datname = current_database()
$$;
comment on function api.get_clock() is 'The database''s clock, the revision of the catalogue, and which database it is';
