-- Gives orders of one event another status and lets everything that follows from it follow: what they hold and what is sold,
-- what their buyers have, their tickets' codes, money to be given back, the audit log. The one place that knows what a status
-- means: PENDING holds its units, PAID has sold them, any other has none. Codes are made on the way to PAID and void on the way from it.
-- Whoever calls has the lock on the event's sales, has checked that the change is allowed (sale_transitions) and, for an
-- order that had no units, that they are left: otherwise the constraint of stock refuses all.
-- Orders are named once each. Locks: orders by id, stock, jobs or payments, event_revisions.
create or replace function api.update_orders(
  p_event_id bigint,
  p_order_ids bigint[],
  p_statuses onsale.sale_status[],
  p_actor text,
  p_now timestamptz
)
returns void
language plpgsql
volatile
as $$
#variable_conflict use_column
declare
  v_old_statuses onsale.sale_status[];
  v_flipped boolean;
  v_changed boolean;
begin
  if coalesce(cardinality(p_order_ids), 0) = 0 then
    return;
  end if;

  select array_agg(o.status order by u.nth) into strict v_old_statuses
  from unnest(p_order_ids) with ordinality as u (order_id, nth)
  join onsale.orders o on o.event_id = p_event_id and o.id = u.order_id;

  update onsale.orders o set
    status = n.status,
    -- Whoever says that it is paid, or that money is to be given back, says that all of it came in.
    paid_cents = case when n.status in ('PAID', 'REFUND_DUE') then o.total_cents else o.paid_cents end,
    version = o.version + 1,
    updated_at = p_now
  from unnest(p_order_ids, p_statuses) as n (order_id, status)
  where o.event_id = p_event_id and o.id = n.order_id;

  insert into onsale.audit_log (at, actor, action, subject, before, after)
  select
    p_now, p_actor, 'order.status', 'order ' || n.order_id,
    jsonb_build_object('status', n.old_status), jsonb_build_object('status', n.status)
  from unnest(p_order_ids, v_old_statuses, p_statuses) as n (order_id, old_status, status);

  with deltas as (
    select
      i.ticket_id,
      sum(case n.status when 'PENDING' then i.quantity else 0 end - case n.old_status when 'PENDING' then i.quantity else 0 end) as held,
      sum(case n.status when 'PAID' then i.quantity else 0 end - case n.old_status when 'PAID' then i.quantity else 0 end) as sold
    from unnest(p_order_ids, v_old_statuses, p_statuses) as n (order_id, old_status, status)
    join onsale.order_items i on i.event_id = p_event_id and i.order_id = n.order_id
    group by i.ticket_id
    order by i.ticket_id
  ), written as (
    update onsale.stock s set held = s.held + d.held, sold = s.sold + d.sold
    from deltas d
    where s.event_id = p_event_id and s.ticket_id = d.ticket_id and s.channel = 'direct' and (d.held <> 0 or d.sold <> 0)
    returning s.available, d.held + d.sold as taken
  )
  -- Nothing was left before, or nothing is left now.
  select
    coalesce(bool_or((w.available <= 0) <> (w.available + w.taken <= 0)), false),
    count(*) > 0
  into strict v_flipped, v_changed
  from written w;

  update onsale.user_event_quota q set unit_count = q.unit_count + d.unit_count
  from (
    select
      o.user_id,
      sum(
        case when n.status in ('PENDING', 'PAID') then o.unit_count else 0 end
          - case when n.old_status in ('PENDING', 'PAID') then o.unit_count else 0 end
      ) as unit_count
    from unnest(p_order_ids, v_old_statuses, p_statuses) as n (order_id, old_status, status)
    join onsale.orders o on o.event_id = p_event_id and o.id = n.order_id
    group by o.user_id
  ) d
  where q.event_id = p_event_id and q.user_id = d.user_id and d.unit_count <> 0;

  -- A code that was void once stays void: its bearer may have passed it on.
  insert into onsale.ticket_units as u (event_id, order_id, ticket_id, nth)
  select i.event_id, i.order_id, i.ticket_id, k.nth
  from unnest(p_order_ids, v_old_statuses, p_statuses) as n (order_id, old_status, status)
  join onsale.order_items i on i.event_id = p_event_id and i.order_id = n.order_id
  cross join lateral generate_series(1, i.quantity) as k (nth)
  where n.status = 'PAID' and n.old_status <> 'PAID'
  on conflict (event_id, order_id, ticket_id, nth) do update
    set code = gen_random_uuid(), is_void = false, checked_in_at = null, checked_in_by = null;
  update onsale.ticket_units u set is_void = true
  from unnest(p_order_ids, v_old_statuses, p_statuses) as n (order_id, old_status, status)
  where n.status <> 'PAID' and n.old_status = 'PAID' and u.event_id = p_event_id and u.order_id = n.order_id;

  if 'REFUND_DUE' = any (p_statuses) then
    perform api.place_refund_jobs(
      p_event_id,
      array(
        select p.id
        from unnest(p_order_ids, p_statuses) as n (order_id, status)
        join onsale.payments p on p.event_id = p_event_id and p.order_id = n.order_id
        where n.status = 'REFUND_DUE'
      ),
      p_actor, p_now
    );
  end if;

  -- Whoever says REFUNDED says that all that came in so far went back: what comes in later is owed by itself.
  if 'REFUNDED' = any (p_statuses) then
    update onsale.payments p set refunded_at = p_now, updated_at = p_now
    from unnest(p_order_ids, p_statuses) as n (order_id, status)
    where n.status = 'REFUNDED' and p.event_id = p_event_id and p.order_id = n.order_id
      and p.status = 'SUCCESS' and p.refunded_at is null;
  end if;

  if v_changed then
    perform api.update_revisions('{}', case when v_flipped then array[p_event_id] else '{}' end, array[p_event_id]);
  end if;
end;
$$;
comment on function api.update_orders(bigint, bigint[], onsale.sale_status[], text, timestamptz) is
  'Gives orders of one event another status, with all that follows for counters, quotas, codes and the audit log';
