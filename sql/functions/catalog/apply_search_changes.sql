-- Writes the bitmaps of search anew for one block of events, the one in which the most has changed since, and takes its
-- changes off the list; a block that has grown by half is cut. One block a call: a transaction of a few
-- tenths of a second, which nobody waits for. The caller repeats until nothing is left.
-- Returns how many changes were taken off: 0 where there were fewer than p_changes_min, null where another call is at it.
--
-- No lock keeps the writers of events out. Changes are read before the events, so that the bitmaps know at least what
-- the changes tell; one that was committed in between, or bears another count when it is to go, stays on the list, and its
-- event is looked at itself until the next call.
-- An event that ends before it starts stays on the list too: of all others in a block, those to come are not over.
-- Locks: an advisory one, tried; search_changes that nobody holds.
create or replace function api.apply_search_changes(
  p_changes_min integer default 1,
  p_block_events integer default 8192
)
returns integer
language plpgsql
volatile
security definer
set search_path = ''
-- The words of a block are gathered in memory; and a plan knows the ends of its range.
set work_mem = '64MB'
set plan_cache_mode = force_custom_plan
set jit = off
as $$
declare
  v_gone bigint[];
  v_gone_edits integer[];
  v_change_count integer;
  v_from timestamptz;
  v_until timestamptz;
  v_cut timestamptz;
  v_seen bigint[];
  v_seen_edits integer[];
  v_ids bigint[];
  v_starts timestamptz[];
  v_size integer;
  v_none bit varying;
begin
  if not pg_try_advisory_xact_lock(hashtext('onsale search blocks')) then
    return null;
  end if;

  -- Enough to see where they are: a filling leaves a million.
  with changes as (
    select c.event_id, c.edit_count, e.id is not null as is_public, e.sort_starts_at
    from onsale.search_changes c
    left join onsale.events e on e.id = c.event_id and e.status = 'active' and e.deleted_at is null
    where e.id is null or e.over_at >= e.sort_starts_at
    limit greatest(p_changes_min, 1000)
  )
  select
    count(*),
    coalesce(array_agg(c.event_id) filter (where not c.is_public), '{}'),
    coalesce(array_agg(c.edit_count) filter (where not c.is_public), '{}'),
    mode() within group (order by b.from_at)
  into strict v_change_count, v_gone, v_gone_edits, v_from
  from changes c
  left join lateral (
    select max(b.from_at) as from_at from onsale.search_blocks b where b.from_at <= c.sort_starts_at
  ) b on true;
  if v_change_count < greatest(p_changes_min, 1) then
    return 0;
  end if;

  if v_from is null then
    v_ids := '{}';
    v_seen := '{}';
    v_seen_edits := '{}';
  else
    select min(b.from_at) into v_until from onsale.search_blocks b where b.from_at > v_from;
    -- Grown by half? Then the next block begins where this one is full, but events of one instant stay together.
    perform from api.list_blockable_events(v_from, v_until) e offset p_block_events + p_block_events / 2 limit 1;
    if found then
      select e.sort_starts_at into strict v_cut
      from api.list_blockable_events(v_from, v_until) e
      order by e.sort_starts_at, e.id
      offset p_block_events
      limit 1;
      -- Each by a look into the index: a bulk load leaves a block of a million.
      if v_cut = (
        select e.sort_starts_at from api.list_blockable_events(v_from, v_until) e order by e.sort_starts_at, e.id limit 1
      ) then
        v_cut := (
          select e.sort_starts_at
          from api.list_blockable_events(v_from, v_until) e
          where e.sort_starts_at > v_cut
          order by e.sort_starts_at, e.id
          limit 1
        );
      end if;
    end if;
    if v_cut is not null then
      -- What this block knows of the next one's events goes on as it is, under another name.
      v_until := v_cut;
      insert into onsale.search_blocks (from_at, until_at, event_count, live_bits, event_ids, starts_at)
      select
        v_cut, greatest(b.until_at, v_cut), b.event_count,
        b.live_bits & (repeat('0', n.before) || repeat('1', b.event_count - n.before))::bit varying,
        b.event_ids, b.starts_at
      from onsale.search_blocks b
      cross join lateral (
        select count(*)::integer as before from unnest(b.starts_at) as o (starts_at) where o.starts_at < v_cut
      ) n
      where b.from_at = v_from;
      update onsale.search_bitmaps m set from_at = v_cut where m.from_at = v_from;
      update onsale.search_slots s set from_at = v_cut where s.from_at = v_from and s.starts_at >= v_cut;
    end if;

    select coalesce(array_agg(c.event_id), '{}'), coalesce(array_agg(c.edit_count), '{}') into strict v_seen, v_seen_edits
    from api.list_blockable_events(v_from, v_until) e
    cross join lateral (
      -- By its key and nothing else, here and below: after a bulk load no statistics know of the rows, and a plan that walks
      -- the list for each event takes minutes.
      select c.event_id, c.edit_count from onsale.search_changes c where c.event_id = e.id offset 0
    ) c;
    select
      coalesce(array_agg(e.id order by e.sort_starts_at, e.id), '{}'),
      coalesce(array_agg(e.sort_starts_at order by e.sort_starts_at, e.id), '{}')
    into strict v_ids, v_starts
    from api.list_blockable_events(v_from, v_until) e;
  end if;

  -- What leaves another block, or the catalogue, is no longer alive there.
  with lost as (
    delete from onsale.search_slots s
    where s.event_id = any (v_gone || v_ids) and s.from_at is distinct from v_from
    returning s.from_at, s.slot
  )
  update onsale.search_blocks b set live_bits = api.get_bits(b.live_bits, l.slots, 0)
  from (select l.from_at, array_agg(l.slot) as slots from lost l group by l.from_at) l
  where b.from_at = l.from_at;

  if v_from is not null then
    v_size := cardinality(v_ids);
    v_none := repeat('0', v_size);
    delete from onsale.search_slots s
    where s.from_at = v_from and not exists (select from unnest(v_ids) as n (event_id) where n.event_id = s.event_id);
    insert into onsale.search_slots as s (event_id, from_at, slot, starts_at)
    select n.event_id, v_from, n.nth - 1, n.starts_at
    from unnest(v_ids, v_starts) with ordinality as n (event_id, starts_at, nth)
    on conflict (event_id) do update set from_at = v_from, slot = excluded.slot, starts_at = excluded.starts_at
    where (s.from_at, s.slot, s.starts_at) <> (v_from, excluded.slot, excluded.starts_at);

    update onsale.search_blocks b set
      until_at = coalesce(v_starts[v_size], b.from_at),
      event_count = v_size,
      live_bits = repeat('1', v_size)::bit varying,
      event_ids = v_ids,
      starts_at = v_starts
    where b.from_at = v_from;

    delete from onsale.search_bitmaps m where m.from_at = v_from;
    -- 4 bytes a slot or v_size / 8 in all; and few slots are quickly made bits.
    insert into onsale.search_bitmaps (word, from_at, bits, slots)
    select
      w.word,
      v_from,
      case when cardinality(w.slots) > 32 then api.get_bits(v_none, w.slots, 1) end,
      case when cardinality(w.slots) <= 32 then w.slots end
    from (
      select u.word, array_agg(n.nth::integer - 1) as slots
      from unnest(v_ids) with ordinality as n (event_id, nth)
      join onsale.events e on e.id = n.event_id
      cross join lateral (
        select t.word from unnest(tsvector_to_array(e.search)) as t (word)
        union all
        select U&'\0001' || e.category where length(e.category) <= 200
      ) as u (word)
      group by u.word
    ) w;
  end if;

  with taken as (
    select c.event_id
    from (
      select t.event_id, t.edit_count
      from unnest(v_seen || v_gone, v_seen_edits || v_gone_edits) as t (event_id, edit_count)
      order by t.event_id
    ) t
    cross join lateral (
      select c.event_id
      from onsale.search_changes c
      where c.event_id = t.event_id and c.edit_count = t.edit_count
      for update skip locked
    ) c
  )
  delete from onsale.search_changes c where c.event_id = any (array(select t.event_id from taken t));
  get diagnostics v_change_count = row_count;
  return v_change_count;
end;
$$;
comment on function api.apply_search_changes(integer, integer) is
  'Writes the bitmaps of one block of events anew; returns how many changes are thereby in them, null: another call is at it';
