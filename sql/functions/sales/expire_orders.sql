-- Expires the unpaid orders of one event whose time is over; their units are free. What is free does not wait for this:
-- every function that gives units away calls it first, and by that has the lock on the event's sales until its end. A second
-- call finds nothing to do.
-- Returns how many. Locks: the event's sales (advisory, by event), then those of update_orders.
create or replace function api.expire_orders(p_event_id bigint, p_now timestamptz default clock_timestamp())
returns integer
language plpgsql
volatile
security definer
set search_path = ''
-- As in place_orders: looked up by key, whatever the statistics say.
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set enable_sort = off
set enable_incremental_sort = off
set enable_bitmapscan = off
as $$
declare
  v_order_ids bigint[];
begin
  perform pg_advisory_xact_lock(hashtext('onsale sales'), hashint8(p_event_id));
  select array_agg(n.id) into v_order_ids
  from (
    -- In this order no index will do but that of what is PENDING: by the key all orders of the event were read, for 20 ms a
    -- batch after 20,000 of them.
    select o.id
    from onsale.orders o
    where o.event_id = p_event_id and o.status = 'PENDING' and o.expires_at <= p_now
    order by o.event_id, o.expires_at
    offset 0
  ) n;
  if v_order_ids is null then
    return 0;
  end if;
  perform api.update_orders(
    p_event_id, v_order_ids, array_fill('EXPIRED'::onsale.sale_status, array[cardinality(v_order_ids)]), 'clock', p_now
  );
  return cardinality(v_order_ids);
end;
$$;
comment on function api.expire_orders(bigint, timestamptz) is 'Expires the unpaid orders of an event whose time is over; returns how many';
