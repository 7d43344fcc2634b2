-- Gives the next reconciliation to one caller: the one that somebody wants, else (p_every not null) the scheduled one where the
-- newest was claimed p_every ago or longer. At most one row: who wants it, whether it repairs, and how much (null: as usual).
-- None while a sync is wanted that has not ended: where that broke off, its snapshot would be thrown away.
-- Locks: reconcile_schedule, only where one is due; of two that come at once the second waits for the first and gets nothing.
create or replace function api.claim_reconciliation(
  p_every interval,
  p_now timestamptz default clock_timestamp()
)
returns table (wanted_by text, is_dry_run boolean, repairs_max integer)
language plpgsql
volatile
rows 1
security definer
set search_path = ''
as $$
declare
  v_due onsale.reconcile_schedule;
begin
  select s.* into v_due
  from onsale.reconcile_schedule s
  where (s.wanted_by is not null or s.claimed_at <= p_now - p_every)
    and not exists (select from onsale.wanted_syncs w where w.state <> 'failed')
  for update;
  if not found then
    return;
  end if;
  update onsale.reconcile_schedule s set claimed_at = p_now, wanted_by = null, is_dry_run = false, repairs_max = null;
  return query values (coalesce(v_due.wanted_by, 'schedule'), v_due.is_dry_run, v_due.repairs_max);
end;
$$;
comment on function api.claim_reconciliation(interval, timestamptz) is
  'Gives the next reconciliation that is wanted or due to one caller; no row: none is';
