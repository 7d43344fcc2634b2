-- The newest snapshots with their files as JSON, and the sync that somebody asked for and that has not ended well yet, if any:
-- {runs: […], wanted: {…} or null}.
create or replace function api.list_sync_runs(p_limit integer)
returns json
language sql
stable
security definer
set search_path = ''
as $$
  select json_build_object(
    'runs', (
      select coalesce(json_agg(c.card order by c.id desc), '[]')
      from api.list_sync_cards(array(select r.id from onsale.sync_runs r order by r.id desc limit p_limit)) c
    ),
    'wanted', (
      select json_build_object(
        'state', w.state,
        'wanted_by', w.wanted_by,
        'wanted_at', api.get_utc_text(w.wanted_at),
        'orders_days', w.orders_days,
        'is_wanted_again', w.is_wanted_again,
        'attempts', w.attempts,
        'next_attempt_at', case when w.state in ('queued', 'waiting') then api.get_utc_text(w.next_attempt_at) end,
        'reason', w.reason
      )
      from onsale.wanted_syncs w
    )
  )
$$;
comment on function api.list_sync_runs(integer) is
  'The newest snapshots with their files as JSON, and the sync that is wanted';
