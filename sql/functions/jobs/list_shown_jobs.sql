-- Jobs that are done and that the mirror shows by now: what confirms them. A piece of apply_job_confirmations and
-- update_capacity_delta, so that both mean the same. The facts must be as new as what Shopify answered
-- (result.shopify_updated_at, to the second; null: nothing had to be changed there):
-- an event by its product, a ticket by its variant, a deletion by its tombstone, a stock by the level of the job's location, else
-- by whatever the ticket's base is made of. What is deleted meanwhile shows nothing more, and is shown.
-- The second does not tell a level from before the change apart, and the change may be dated a moment after the level: up to
-- 2 s before, a level counts once the capacity is the one that was asked for, or 5 s after the job was done.
-- ticket_id, event_id: what the mirror knows it by. Neither definer nor SET, so that it is inlined; whoever calls forbids all
-- plans but look-ups by key: of what is open the planner knows nothing, and would read whole tables for a handful of jobs.
create or replace function api.list_shown_jobs(p_now timestamptz)
returns table (job_id bigint, event_id bigint, ticket_id bigint)
language sql
stable
parallel safe
as $$
  select j.id, p.event_id, t.id
  from onsale.jobs j
  cross join lateral (
    select
      date_trunc('second', api.get_instant(j.result ->> 'shopify_updated_at')) as changed_at,
      substring(j.result ->> 'shopify_product_id' from '^[0-9]{1,18}$')::bigint as product_id,
      substring(
        coalesce(j.result ->> 'shopify_variant_id', j.request ->> 'shopify_variant_id') from '^[0-9]{1,18}$'
      )::bigint as variant_id,
      substring(
        coalesce(j.result ->> 'location_id', j.request ->> 'location_id') from '^[0-9]{1,18}$'
      )::bigint as location_id
    -- Read once for all the places below.
    offset 0
  ) n
  left join onsale.events e on e.id = j.event_id
  left join onsale.shopify_products p on p.product_id = coalesce(e.shopify_product_id, n.product_id)
  left join onsale.shopify_variants v on v.variant_id = n.variant_id
  left join onsale.tickets t on t.id = coalesce(j.ticket_id, v.ticket_id)
  left join onsale.stock s on s.event_id = t.event_id and s.ticket_id = t.id and s.channel = 'shopify'
  left join onsale.stock d on d.event_id = t.event_id and d.ticket_id = t.id and d.channel = 'direct'
  left join onsale.inventory_levels l
    on l.inventory_item_id = v.inventory_item_id and l.location_id = n.location_id
  where j.state = 'done' and j.confirmed_at is null and j.superseded_by is null
    and (j.event_id is not null or j.kind = 'create_event')
    and (p.deleted_at is not null or case
      when j.kind = 'create_event' then
        p.event_id is not null and (p.stamp).updated_at >= coalesce(n.changed_at, '-infinity')
      when j.kind = 'delete_event' then false
      when j.kind = 'delete_ticket' then t.is_removed
      when n.changed_at is null then true
      when j.kind = 'create_ticket' then v.ticket_id is not null or (p.stamp).updated_at > n.changed_at
      when t.is_removed then true
      when j.kind = 'update_ticket' then (v.stamp).updated_at >= n.changed_at
      when j.kind = 'update_capacity' and j.request ->> 'capacity' is null then s.capacity is null
      when j.kind in ('update_capacity', 'move_allotment') then
        coalesce((l.stamp).updated_at, s.base_at) > n.changed_at
        or s.base_at > n.changed_at + interval '5 seconds'
        or coalesce((l.stamp).updated_at, s.base_at) >= n.changed_at - interval '2 seconds'
          and (
            s.capacity + coalesce(d.capacity, 0) = (j.request ->> 'capacity')::bigint
            or p_now > j.updated_at + interval '5 seconds'
          )
      else (p.stamp).updated_at >= n.changed_at
    end)
$$;
comment on function api.list_shown_jobs(timestamptz) is
  'Jobs that are done, not confirmed, and whose change the mirror shows by now';
