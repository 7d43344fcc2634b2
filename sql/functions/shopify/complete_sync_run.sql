-- Ends a snapshot: with its report, or (p_reason) as failed. Its records are thrown away. What has ended stays as it ended.
-- Locks: sync_runs, then staged_records as a whole: nobody else has them, for the caller has the place (claim_sync_run).
create or replace function api.complete_sync_run(
  p_id bigint,
  p_report jsonb,
  p_reason text default null,
  p_now timestamptz default clock_timestamp()
)
returns void
language plpgsql
volatile
as $$
begin
  update onsale.sync_runs r set
    state = case when p_reason is null then 'done' else 'failed' end,
    report = p_report,
    reason = p_reason,
    ended_at = p_now,
    updated_at = p_now
  where r.id = p_id and r.state in ('loading', 'loaded');
  if found then
    truncate onsale.staged_records;
  end if;
end;
$$;
comment on function api.complete_sync_run(bigint, jsonb, text, timestamptz) is
  'Ends a snapshot with its report, or as failed; its records are thrown away';
