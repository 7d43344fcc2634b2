-- The hits of a search, or all events of a list, in the order of their start (p_is_descending: from the last): p_limit of
-- them from p_offset on, with their starts, and how many there are in all.
--   p_words, p_groups      the words to be found, each with the number of its group (from 1): an event must hold one of
--                          every group. Empty: any event
--   p_query                the same as a tsquery; null: any event
--   p_category, p_from, p_to, p_over_from, p_running_at
--                          as list_upcoming_events and list_running_events take them: both together are looked through
--   p_after_at, p_after_id only what follows this position in that order; null: from the beginning
--   p_count_min            what must be counted: hit_count is exact below, and may be any greater number from there on
-- Bitmaps tell of the events to come, block by block in the order asked for, until the page is found and enough is
-- counted. Then what was edited since they were written, and what runs now (a handful, or a season of exhibitions):
-- these events are looked at themselves.
create or replace function api.list_hits(
  p_words text[],
  p_groups integer[],
  p_query tsquery,
  p_category text,
  p_from timestamptz,
  p_to timestamptz,
  p_over_from timestamptz,
  p_running_at timestamptz,
  p_is_descending boolean,
  p_after_at timestamptz,
  p_after_id bigint,
  p_offset integer,
  p_limit integer,
  p_count_min integer,
  out ids bigint[],
  out starts timestamptz[],
  out hit_count bigint
)
returns record
language plpgsql
stable
-- Rows are found by key, whatever statistics say of tables that were empty a moment ago.
set plan_cache_mode = force_generic_plan
set enable_hashjoin = off
set enable_mergejoin = off
set enable_seqscan = off
set jit = off
as $$
declare
  v_words constant text[] := case when p_category is null then p_words else p_words || (U&'\0001' || p_category) end;
  v_groups constant integer[] := case when p_category is null then p_groups else p_groups || 0 end;
  v_group_count integer;
  v_lone_words text[];
  v_shared_words text[];
  v_shared_groups integer[];
  v_low constant timestamptz := case when p_is_descending then p_from else greatest(p_from, p_after_at) end;
  v_high constant timestamptz := case when p_is_descending then least(p_to, p_after_at) else p_to end;
  -- The instants next to them, as far as an instant has one.
  v_below_low constant timestamptz :=
    case when v_low = 'infinity' then '294276-12-31Z' else v_low - interval '1 microsecond' end;
  v_below_high constant timestamptz :=
    case when v_high = 'infinity' then '294276-12-31Z' else v_high - interval '1 microsecond' end;
  v_live_ids bigint[];
  v_live_starts timestamptz[];
  v_live_count integer;
  v_changed_blocks timestamptz[];
  v_masked_bits bit varying[];
  v_need_from integer;
  v_need_until constant integer := case when p_limit > 0 then p_offset + p_limit else 0 end;
  v_block_first constant timestamptz := (
    select max(b.from_at) from onsale.search_blocks b where b.from_at <= v_low
  );
  v_first timestamptz;
  v_last timestamptz;
  v_batch integer := 8;
  v_block_count integer := 0;
  v_batch_count integer;
  v_found integer := 0;
  -- The blocks with hits, each with the first slot of its bitmap.
  v_blocks timestamptz[] := '{}';
  v_slots_from integer[] := '{}';
  v_bits bit varying[] := '{}';
  v_hit_counts integer[] := '{}';
  v_met record;
begin
  -- Groups of one word need no union.
  select
    count(distinct g.nth),
    array_agg(g.word) filter (where g.word_count = 1),
    array_agg(g.word) filter (where g.word_count > 1),
    array_agg(g.nth) filter (where g.word_count > 1)
  into strict v_group_count, v_lone_words, v_shared_words, v_shared_groups
  from (
    select w.word, w.nth, count(*) over (partition by w.nth) as word_count from unnest(v_words, v_groups) as w (word, nth)
  ) g;

  select
    coalesce(array_agg(e.id), '{}'), coalesce(array_agg(e.sort_starts_at), '{}'), count(*)
  into strict v_live_ids, v_live_starts, v_live_count
  from (
    select c.event_id as id, c.starts_at as sort_starts_at
    from onsale.search_changes c
    where c.search is not null
      and c.starts_at >= p_from and c.starts_at <= p_to and c.over_at >= p_over_from
      and (p_category is null or c.category = p_category)
      and (p_query is null or c.search @@ p_query)
    union all
    select e.id, e.sort_starts_at
    from onsale.search_changes c
    cross join lateral (
      -- By its key and nothing else: after a bulk load no statistics know of the rows.
      select e.id, e.sort_starts_at
      from onsale.events e
      where e.id = c.event_id
        and coalesce(
          e.status = 'active' and e.deleted_at is null
            and e.sort_starts_at >= p_from and e.sort_starts_at <= p_to and e.over_at >= p_over_from
            and (p_category is null or e.category = p_category)
            and (p_query is null or e.search @@ p_query),
          false
        )
      offset 0
    ) e
    where c.search is null
    union all
    -- Without words the index tells them alone.
    select e.id, e.sort_starts_at
    from api.list_running_events(p_category, case when p_query is null then p_running_at end, p_to) e
    union all
    select e.id, e.sort_starts_at
    from api.list_running_events(p_category, case when p_query is not null then p_running_at end, p_to) e
    where e.search @@ p_query
  ) e
  where p_after_at is null
    or case when p_is_descending then (e.sort_starts_at, e.id) < (p_after_at, p_after_id)
      else (e.sort_starts_at, e.id) > (p_after_at, p_after_id) end;
  -- Wherever these come in between, the hits before this one are before the page.
  v_need_from := greatest(p_offset - v_live_count, 0);

  select array_agg(c.from_at), array_agg(api.get_bits(b.live_bits, c.slots, 0)) into strict v_changed_blocks, v_masked_bits
  from (
    select s.from_at, array_agg(s.slot) as slots
    from onsale.search_changes c
    cross join lateral (
      select s.from_at, s.slot from onsale.search_slots s where s.event_id = c.event_id offset 0
    ) s
    where s.from_at >= v_block_first and s.from_at <= v_high
    group by s.from_at
  ) c
  join onsale.search_blocks b on b.from_at = c.from_at;

  while v_found < v_need_until or v_found + v_live_count < p_count_min loop
    if p_is_descending then
      select min(n.from_at), max(n.from_at), count(*) into strict v_first, v_last, v_batch_count
      from (
        select b.from_at
        from onsale.search_blocks b
        where b.from_at >= v_block_first and b.from_at <= v_high and (v_first is null or b.from_at < v_first)
        order by b.from_at desc
        limit v_batch
      ) n;
    else
      select min(n.from_at), max(n.from_at), count(*) into strict v_first, v_last, v_batch_count
      from (
        select b.from_at
        from onsale.search_blocks b
        where b.from_at >= coalesce(v_last, v_block_first) and b.from_at <= v_high and b.from_at is distinct from v_last
        order by b.from_at
        limit v_batch
      ) n;
    end if;
    exit when v_batch_count = 0;

    -- Rows are compared as a whole, so that no plan prefers the index of blocks, which holds all words of each; and each word
    -- is looked up by itself: with random_page_cost at its default all words of all blocks were read, for 15 ms.
    with bitmaps as (
      select
        b.from_at,
        coalesce(v_masked_bits[array_position(v_changed_blocks, b.from_at)], b.live_bits) as bits,
        case when v_low > b.from_at then width_bucket(v_below_low, b.starts_at) else 0 end
          + case when v_low = p_after_at and not p_is_descending then width_bucket(p_after_id, b.event_ids[
            width_bucket(v_below_low, b.starts_at) + 1 : width_bucket(v_low, b.starts_at)
          ]) else 0 end as slot_from,
        case
          when v_high > b.until_at then b.event_count
          when v_high = p_after_at and p_is_descending then width_bucket(v_below_high, b.starts_at)
            + width_bucket(p_after_id - 1, b.event_ids[
              width_bucket(v_below_high, b.starts_at) + 1 : width_bucket(v_high, b.starts_at)
            ])
          else width_bucket(v_high, b.starts_at)
        end as slot_until
      from onsale.search_blocks b
      where b.from_at >= v_first and b.from_at <= v_last
      union all
      select
        m.from_at,
        coalesce(m.bits, (
          select api.get_bits(b.live_bits & ~ b.live_bits, m.slots, 1) from onsale.search_blocks b where b.from_at = m.from_at
        )),
        null, null
      from unnest(v_lone_words) as w (word)
      cross join lateral (
        select m.from_at, m.bits, m.slots
        from onsale.search_bitmaps m
        where (m.word, m.from_at) >= (w.word, v_first) and (m.word, m.from_at) <= (w.word, v_last)
        offset 0
      ) m
      union all
      select
        m.from_at,
        bit_or(coalesce(m.bits, (
          select api.get_bits(b.live_bits & ~ b.live_bits, m.slots, 1) from onsale.search_blocks b where b.from_at = m.from_at
        ))),
        null, null
      from unnest(v_shared_words, v_shared_groups) as w (word, nth)
      cross join lateral (
        select m.from_at, m.bits, m.slots
        from onsale.search_bitmaps m
        where (m.word, m.from_at) >= (w.word, v_first) and (m.word, m.from_at) <= (w.word, v_last)
        offset 0
      ) m
      group by m.from_at, w.nth
    ), blocks as (
      select
        m.from_at, max(m.slot_from) as slot_from,
        substring(bit_and(m.bits) from max(m.slot_from) + 1 for greatest(max(m.slot_until) - max(m.slot_from), 0)) as bits
      from bitmaps m
      group by m.from_at
      having count(*) = v_group_count + 1
    )
    -- What is only counted is not kept.
    select
      coalesce(sum(h.hit_count), 0) as hit_count,
      array_agg(h.from_at) filter (where h.is_kept) as blocks,
      array_agg(h.slot_from) filter (where h.is_kept) as slots_from,
      array_agg(h.bits) filter (where h.is_kept) as bits,
      array_agg(h.hit_count) filter (where h.is_kept) as hit_counts
    into strict v_met
    from (
      select b.*, c.hit_count, c.hit_count > 0 and v_found < v_need_until as is_kept
      from blocks b
      cross join lateral (select bit_count(b.bits)::integer as hit_count offset 0) c
    ) h;

    v_blocks := v_blocks || v_met.blocks;
    v_slots_from := v_slots_from || v_met.slots_from;
    v_bits := v_bits || v_met.bits;
    v_hit_counts := v_hit_counts || v_met.hit_counts;
    v_found := v_found + v_met.hit_count;
    -- As many more as should do, if there are as many hits in them.
    v_block_count := v_block_count + v_batch_count;
    v_batch := least(
      1.1 * v_block_count * (greatest(v_need_until, p_count_min) - v_found) / greatest(v_found, 1), 10000
    ) + 1;
  end loop;

  hit_count := v_found + v_live_count;
  if p_limit = 0 then
    return;
  end if;

  with met as materialized (
    select
      m.*,
      greatest(v_need_from - m.found_count + m.hit_count, 0)::integer as unwanted,
      least(v_need_until - m.found_count + m.hit_count, m.hit_count)::integer as wanted
    from (
      select m.*, sum(m.hit_count) over (
        order by case when not p_is_descending then m.from_at end, case when p_is_descending then m.from_at end desc
      ) as found_count
      from unnest(v_blocks, v_slots_from, v_bits, v_hit_counts) as m (from_at, slot_from, bits, hit_count)
    ) m
  ), chosen as materialized (
    -- Of a block with very many hits only so much as should hold those of the page is taken apart.
    select
      m.from_at, m.unwanted, m.wanted,
      case when p.is_enough and p_is_descending then m.slot_from + length(m.bits) - p.length else m.slot_from end as slot_from,
      case when not p.is_enough then m.bits when p_is_descending then p.ending else p.beginning end as bits
    from met m
    cross join lateral (
      select l.length, m.wanted <= bit_count(case when p_is_descending then l.ending else l.beginning end) as is_enough,
        l.beginning, l.ending
      from (
        select l.length, substring(m.bits for l.length) as beginning,
          substring(m.bits from length(m.bits) - l.length + 1) as ending
        from (select least(length(m.bits), 64 + length(m.bits) * 5 / 4 * m.wanted / m.hit_count) as length) l
      ) l
    ) p
    where m.unwanted < m.wanted
  ), hits as (
    select s.event_id as id, s.starts_at
    from chosen c
    cross join lateral (
      select h.slot
      from api.list_slots(c.bits) h
      order by case when p_is_descending then - h.slot else h.slot end
      limit c.wanted - c.unwanted offset c.unwanted
    ) h
    join onsale.search_slots s on s.from_at = c.from_at and s.slot = c.slot_from + h.slot
    union all
    select * from unnest(v_live_ids, v_live_starts) as l (id, starts_at)
  )
  select array_agg(n.id order by n.place), array_agg(n.starts_at order by n.place) into strict ids, starts
  from (
    select
      h.id, h.starts_at,
      case when p_is_descending then count(*) over () + 1 - h.nth else h.nth end
        + (select least(coalesce(sum(m.hit_count), 0), v_need_from) from met m) as place
    from (select h.*, row_number() over (order by h.starts_at, h.id) as nth from hits h) h
  ) n
  where n.place > p_offset and n.place <= v_need_until;
end;
$$;
comment on function api.list_hits(
  text[], integer[], tsquery, text, timestamptz, timestamptz, timestamptz, timestamptz, boolean, timestamptz, bigint,
  integer, integer, integer
) is 'The hits of a search by the start of the events, and how many there are';
