-- Admits the bearers of codes at the door. One row per code, in input order, which is the order in which they count.
-- admitted          from this call on it is used: checked_in_at is p_now
-- already_admitted  somebody came in with it before, at checked_in_at; also the second time in one batch: what a second call meets
-- unknown           there is no such code; every id is null
-- not_paid          its order was cancelled or is to be given back: the code admits nobody
-- p_actors says who let each in. No entry in the audit log: the unit itself tells who and when.
-- Locks: the sales of the events (advisory; of several in the order of their hashes), so that no order is cancelled meanwhile,
-- then the units.
create or replace function api.apply_checkins(
  p_codes uuid[],
  p_actors text[],
  p_now timestamptz default clock_timestamp()
)
returns table (
  ordinal integer,
  outcome text,
  event_id bigint,
  ticket_id bigint,
  order_id bigint,
  checked_in_at text
)
language plpgsql
volatile
security definer
set search_path = ''
-- As in place_orders: looked up by key, whatever the statistics say.
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
#variable_conflict use_column
begin
  -- By hash: two events may share one, and then their own order would not be the order of the locks.
  perform pg_advisory_xact_lock(hashtext('onsale sales'), e.hash)
  from (
    select distinct hashint8(u.event_id) as hash
    from onsale.ticket_units u
    where u.code = any (p_codes)
    order by 1
  ) e;

  -- A statement of its own, and so a snapshot that sees what was committed before the locks were had.
  return query
    with asked as materialized (
      select n.nth, n.code, n.actor, row_number() over (partition by n.code order by n.nth) = 1 as is_first
      from unnest(p_codes, p_actors) with ordinality as n (code, actor, nth)
    ), known as materialized (
      select u.code, u.event_id, u.ticket_id, u.order_id, u.is_void, u.checked_in_at
      from onsale.ticket_units u
      where u.code = any (p_codes)
    ), written as (
      update onsale.ticket_units u set checked_in_at = p_now, checked_in_by = a.actor
      from asked a
      where a.is_first and u.code = a.code and u.checked_in_at is null and not u.is_void
      returning u.code
    )
    select
      a.nth::integer,
      case
        when k.code is null then 'unknown'
        when k.is_void then 'not_paid'
        when w.code is not null and a.is_first then 'admitted'
        else 'already_admitted'
      end,
      k.event_id,
      k.ticket_id,
      k.order_id,
      api.get_utc_text(case when w.code is not null then p_now else k.checked_in_at end)
    from asked a
    left join known k on k.code = a.code
    left join written w on w.code = a.code
    order by a.nth;
end;
$$;
comment on function api.apply_checkins(uuid[], text[], timestamptz) is
  'Admits the bearers of codes, each code once; one row per code in input order';
