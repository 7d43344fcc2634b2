-- Ends a filling by apply_seed: the catalogue counts as edited, and every process reads anew. A second call does the same.
create or replace function api.complete_seed()
returns void
language sql
volatile
as $$
  update onsale.catalogue set revision = revision + 1;
  select pg_notify('onsale_changes', '*');
$$;
comment on function api.complete_seed() is 'Counts made-up events as an edit of the catalogue and tells every process';
