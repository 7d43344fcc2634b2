-- One snapshot with its files, as the service goes by it and admins see it; null: there is none.
create or replace function api.get_sync_run(p_id bigint)
returns json
language sql
stable
as $$
  select c.card from api.list_sync_cards(array[p_id]) c
$$;
comment on function api.get_sync_run(bigint) is 'One snapshot with its files as JSON; null: there is none';
