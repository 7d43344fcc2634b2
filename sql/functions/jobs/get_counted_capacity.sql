-- How many units of a ticket of Shopify's there are in all channels, sold ones included: what the mirror shows, and what jobs did
-- that are done and that it does not show yet. An untracked ticket counts with what it had while it was tracked. Null: there is
-- no such ticket. While tickets sell it is off by what is on its way: Shopify may tell of a level before the order that lowered it.
-- A piece of update_capacity_seen and update_capacity_delta. One statement, and so one snapshot: what the mirror shows and
-- which jobs it shows belong together.
create or replace function api.get_counted_capacity(p_event_id bigint, p_ticket_id bigint, p_now timestamptz)
returns bigint
language sql
stable
as $$
  select
    s.base - s.taken + s.sold + coalesce(d.capacity, 0) + coalesce((
      select sum(coalesce(j.result ->> 'delta', j.request ->> 'delta')::bigint)
      from onsale.jobs j
      where j.event_id = p_event_id and j.ticket_id = p_ticket_id
        and j.kind in ('update_capacity', 'move_allotment') and j.state = 'done' and j.confirmed_at is null
        and j.superseded_by is null
        and not exists (select from api.list_shown_jobs(p_now) n where n.job_id = j.id)
    ), 0)::bigint
  from onsale.stock s
  left join onsale.stock d on d.event_id = s.event_id and d.ticket_id = s.ticket_id and d.channel = 'direct'
  where s.event_id = p_event_id and s.ticket_id = p_ticket_id and s.channel = 'shopify'
$$;
comment on function api.get_counted_capacity(bigint, bigint, timestamptz) is
  'Units of a ticket of Shopify''s in all channels, with what jobs did that the mirror does not show yet';
