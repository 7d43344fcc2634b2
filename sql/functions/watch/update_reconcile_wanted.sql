-- Asks for a reconciliation as soon as a process comes to it; p_repairs_max null: as many as usual. A second call before it has
-- begun takes the place of the first. Locks: reconcile_schedule.
create or replace function api.update_reconcile_wanted(p_actor text, p_is_dry_run boolean, p_repairs_max integer)
returns void
language sql
volatile
security definer
set search_path = ''
as $$
  update onsale.reconcile_schedule s set wanted_by = p_actor, is_dry_run = p_is_dry_run, repairs_max = p_repairs_max
$$;
comment on function api.update_reconcile_wanted(text, boolean, integer) is
  'Asks for a reconciliation as soon as a process comes to it';
