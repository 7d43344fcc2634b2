-- Asks for a sync as soon as a process comes to it; p_orders_days null: orders of as many days as usual. Always one row.
-- queued     it is going to be done, or done again when the one under way has ended; the audit log says who
-- unchanged  one that waits is the same
-- Locks: wanted_syncs.
create or replace function api.place_wanted_sync(
  p_actor text,
  p_orders_days integer,
  p_now timestamptz default clock_timestamp()
)
returns table (outcome text)
language plpgsql
volatile
rows 1
security definer
set search_path = ''
as $$
begin
  insert into onsale.wanted_syncs as w (wanted_by, wanted_at, orders_days, next_attempt_at)
  values (p_actor, p_now, p_orders_days, p_now)
  on conflict (is_only) do update set
    wanted_by = excluded.wanted_by,
    wanted_at = excluded.wanted_at,
    orders_days = excluded.orders_days,
    state = case w.state when 'running' then 'running' else 'queued' end,
    is_wanted_again = w.state = 'running',
    attempts = case w.state when 'running' then w.attempts else 0 end,
    next_attempt_at = case w.state when 'running' then w.next_attempt_at else p_now end,
    reason = case w.state when 'running' then w.reason end
  where w.state = 'failed' or w.state = 'running' and not w.is_wanted_again;
  if not found then
    return query values ('unchanged');
    return;
  end if;
  insert into onsale.audit_log (at, actor, action, subject, after)
  values (p_now, p_actor, 'sync.want', 'sync', jsonb_strip_nulls(jsonb_build_object('orders_days', p_orders_days)));
  return query values ('queued');
end;
$$;
comment on function api.place_wanted_sync(text, integer, timestamptz) is
  'Asks for a sync as soon as a process comes to it; one that waits is the same';
