-- Ends a reconciliation; p_reason: why before its end, null where it came to it. What it would have written is thrown away. A
-- second call changes nothing. Locks: reconciliations, differences.
create or replace function api.complete_reconciliation(
  p_id bigint,
  p_reason text default null,
  p_now timestamptz default clock_timestamp()
)
returns void
language sql
volatile
as $$
  update onsale.differences d set body = null, description = null where d.reconciliation_id = p_id;
  update onsale.reconciliations r set ended_at = p_now, reason = p_reason where r.id = p_id and r.ended_at is null;
$$;
comment on function api.complete_reconciliation(bigint, text, timestamptz) is 'Ends a reconciliation';
