-- Begins a reconciliation with a snapshot, or begins it anew where it was stopped: what it had found and not repaired is
-- forgotten, and compared again. Of older ones the 50 newest are kept. Answers its id.
-- Locks: reconciliations, differences.
create or replace function api.place_reconciliation(
  p_run_id bigint,
  p_is_dry_run boolean,
  p_repairs_max integer,
  p_grace interval,
  p_actor text,
  p_now timestamptz default clock_timestamp()
)
returns bigint
language plpgsql
volatile
as $$
declare
  v_id bigint;
begin
  insert into onsale.reconciliations as r (run_id, started_by, is_dry_run, repairs_max, grace, started_at)
  values (p_run_id, p_actor, p_is_dry_run, p_repairs_max, p_grace, p_now)
  on conflict (run_id) do update set
    started_by = excluded.started_by,
    is_dry_run = excluded.is_dry_run,
    repairs_max = excluded.repairs_max,
    grace = excluded.grace,
    compared_count = 0
  returning r.id into strict v_id;

  delete from onsale.differences d where d.reconciliation_id = v_id and d.outcome is null;
  delete from onsale.reconciliations r
  where r.id in (select o.id from onsale.reconciliations o order by o.id desc offset 50);
  return v_id;
end;
$$;
comment on function api.place_reconciliation(bigint, boolean, integer, interval, text, timestamptz) is
  'Begins a reconciliation with a snapshot, or begins it anew where it was stopped';
