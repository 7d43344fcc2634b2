-- Keeps what became of repairs (repaired, overtaken, failed), and writes an audit entry for each that changed the mirror.
-- A second call changes nothing. Locks: differences.
create or replace function api.complete_repairs(
  p_ids bigint[],
  p_outcomes text[],
  p_now timestamptz default clock_timestamp()
)
returns void
language sql
volatile
as $$
  with ended as (
    update onsale.differences d set outcome = n.outcome, repaired_at = p_now
    from unnest(p_ids, p_outcomes) as n (id, outcome)
    where d.id = n.id and d.outcome is null
    returning d.reconciliation_id, d.kind, d.key, d.cause, d.evidence, d.outcome
  )
  insert into onsale.audit_log (at, actor, action, subject, before, after)
  select
    p_now, r.started_by, 'reconcile.repair', e.kind || ' ' || e.key, nullif(e.evidence -> 'here', 'null'),
    jsonb_build_object('cause', e.cause, 'reconciliation', r.id, 'there', e.evidence -> 'there')
  from ended e
  join onsale.reconciliations r on r.id = e.reconciliation_id
  where e.outcome = 'repaired'
$$;
comment on function api.complete_repairs(bigint[], text[], timestamptz) is
  'Keeps what became of repairs, with an audit entry for each that changed the mirror';
