-- Queues a look at the levels of items that were ordered after their newest level, by an order that is 30 s old by now: the
-- level's webhook is late or lost. As in the rule for stock, 2 s between an order and its level count as the same moment.
-- Read are the orders of the last 15 minutes. An item is looked at once for an order: where the shop had nothing newer to say, nothing
-- is lost (the shop does not count it), and where levels never come, twice a minute at most.
-- Answers how many were queued; where the shop cannot be asked, none. A second call writes nothing. Locks: jobs, by subject.
create or replace function api.place_level_looks(
  p_limit integer,
  p_now timestamptz default clock_timestamp()
)
returns integer
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_count integer;
begin
  with ordered as materialized (
    select l.variant_id, max(l.created_at) as newest_at
    from onsale.shopify_order_lines l
    where l.created_at > p_now - interval '15 minutes' and l.created_at <= p_now - interval '30 seconds'
      and l.variant_id is not null and l.quantity > 0
    group by l.variant_id
  )
  insert into onsale.jobs (kind, subject, request, next_attempt_at, created_by, created_at, updated_at)
  select 'look_level', 'item ' || n.item_id, jsonb_build_object('inventory_item_id', n.item_id::text), p_now, 'watch', p_now, p_now
  from (
    select v.inventory_item_id as item_id
    from ordered o
    join onsale.shopify_variants v on v.variant_id = o.variant_id
    left join onsale.inventory_items i on i.inventory_item_id = v.inventory_item_id
    left join lateral (
      select max((k.stamp).updated_at) as newest_at
      from onsale.inventory_levels k
      where k.inventory_item_id = v.inventory_item_id
    ) k on true
    where (select s.is_connected from onsale.settings s)
      and v.ticket_id is not null and v.inventory_item_id is not null and not v.is_unmanaged
      and coalesce(i.tracked, true) and not coalesce(i.is_deleted, false)
      and o.newest_at > coalesce(k.newest_at, '-infinity') + interval '2 seconds'
      and not exists (
        select from onsale.jobs j
        where j.kind in ('look_order', 'look_level') and j.subject = 'item ' || v.inventory_item_id
          and j.created_at > o.newest_at
      )
    order by o.newest_at
    limit p_limit
  ) n
  order by n.item_id
  on conflict (kind, subject) where kind in ('look_order', 'look_level') and state = 'queued' and attempts = 0 do nothing;
  get diagnostics v_count = row_count;
  return v_count;
end;
$$;
comment on function api.place_level_looks(integer, timestamptz) is
  'Queues a look at the levels of items that were ordered after their newest level, 30 s ago or more; how many';
