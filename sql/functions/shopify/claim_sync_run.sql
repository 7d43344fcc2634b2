-- Takes the one place in which snapshots are made, for the caller's session: a run of this purpose that was stopped goes
-- on, else a new one begins and staged_records is emptied of whatever another run has left.
-- Outcomes: claimed  a new run
--           resumed  the run that was stopped
--           busy     another session is at it: nothing was done
-- The place is an advisory lock of the session, so it is free again as soon as the process has died. A run that was stopped
-- more than p_keep ago is given up: Shopify keeps its files no longer. After a crash of the server staged_records is empty
-- (it is unlogged): what was loaded is then loaded again.
-- Locks: the place, then sync_runs.
create or replace function api.claim_sync_run(
  p_purpose text,
  p_shop text,
  p_kinds text[],
  p_orders_since timestamptz,
  p_keep interval,
  p_now timestamptz default clock_timestamp()
)
returns table (outcome text, run_id bigint)
language plpgsql
volatile
as $$
declare
  v_run_id bigint;
begin
  if not pg_try_advisory_lock(hashtext('onsale sync')) then
    return query values ('busy', null::bigint);
    return;
  end if;

  update onsale.sync_runs r set
    state = 'failed',
    reason = case
      when r.started_at < p_now - p_keep then 'It was stopped, and not taken up again in time'
      when r.shop <> p_shop then 'It was stopped, and the next one was of another shop'
      else 'It was stopped, and another one has begun'
    end,
    ended_at = p_now,
    updated_at = p_now
  where r.state in ('loading', 'loaded')
    and (r.purpose <> p_purpose or r.shop <> p_shop or r.started_at < p_now - p_keep);

  select r.id into v_run_id
  from onsale.sync_runs r
  where r.state in ('loading', 'loaded')
  order by r.id desc
  limit 1;

  if v_run_id is not null then
    if not exists (select from onsale.staged_records s where s.run_id = v_run_id) then
      update onsale.sync_parts p set
        loaded_bytes = 0,
        loaded_lines = 0,
        loaded_at = null,
        staged_count = 0,
        fault_count = 0,
        faults = '[]',
        applied_line = 0,
        lane_lines = array_fill(0::bigint, array[cardinality(p.lane_lines)]),
        applied_at = null
      where p.run_id = v_run_id;
      update onsale.sync_runs r set state = 'loading', updated_at = p_now where r.id = v_run_id;
    end if;
    return query values ('resumed', v_run_id);
    return;
  end if;

  truncate onsale.staged_records;
  insert into onsale.sync_runs (purpose, shop, orders_since, started_at, updated_at)
  values (p_purpose, p_shop, p_orders_since, p_now, p_now)
  returning id into strict v_run_id;
  -- What takes longest has two lanes.
  insert into onsale.sync_parts (run_id, kind, lane_lines)
  select v_run_id, u.kind, case u.kind when 'products' then '{0,0}' else '{0}' end::bigint[]
  from unnest(p_kinds) as u (kind);
  return query values ('claimed', v_run_id);
end;
$$;
comment on function api.claim_sync_run(text, text, text[], timestamptz, interval, timestamptz) is
  'Takes the place in which snapshots are made: outcome (claimed, resumed, busy) and the run';
