-- Events with unpaid orders whose time is over, at most p_limit: what a sweeper expires so that shown counts follow.
-- Walks from event to event over those with unpaid orders at all.
create or replace function api.list_expired_sales(p_limit integer, p_now timestamptz default clock_timestamp())
returns table (event_id bigint)
language sql
stable
security definer
set search_path = ''
-- Only the index of what is PENDING has this order.
set enable_seqscan = off
set enable_sort = off
set enable_incremental_sort = off
as $$
  with recursive waiting as (
    (
      select o.event_id, o.expires_at
      from onsale.orders o
      where o.status = 'PENDING'
      order by o.event_id, o.expires_at
      limit 1
    )
    union all
    select n.event_id, n.expires_at
    from waiting w
    cross join lateral (
      select o.event_id, o.expires_at
      from onsale.orders o
      where o.status = 'PENDING' and o.event_id > w.event_id
      order by o.event_id, o.expires_at
      limit 1
    ) n
  )
  select w.event_id from waiting w where w.expires_at <= p_now limit p_limit
$$;
comment on function api.list_expired_sales(integer, timestamptz) is 'Events with unpaid orders whose time is over';
