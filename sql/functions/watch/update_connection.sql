-- Takes over whether the shop can be asked. Called by every process at its start; from then on what is heard and should be asked
-- about is queued, or not. A second call changes nothing. Locks: settings.
create or replace function api.update_connection(p_is_connected boolean)
returns void
language sql
volatile
security definer
set search_path = ''
as $$
  update onsale.settings s set is_connected = p_is_connected where s.is_connected <> p_is_connected
$$;
comment on function api.update_connection(boolean) is 'Takes over whether the shop can be asked (Admin API)';
