-- The newest snapshots with their files as JSON: {runs: […]}.
create or replace function api.list_sync_runs(p_limit integer)
returns json
language sql
stable
security definer
set search_path = ''
as $$
  select json_build_object('runs', coalesce(json_agg(c.card order by c.id desc), '[]'))
  from api.list_sync_cards(array(
    select r.id from onsale.sync_runs r order by r.id desc limit p_limit
  )) c
$$;
comment on function api.list_sync_runs(integer) is 'The newest snapshots with their files as JSON';
