-- Applies results of payments of one event, as the provider tells them: late, repeated and in any order. One row per
-- result, in input order, which is the order in which they count; order_status is its order's after that result.
-- applied          the payment has that status now
-- duplicate        it had it already
-- stale            not a success, and the payment has a result already: nothing changes
-- unknown_payment  no such payment of the event
-- mismatch         not of that order, at another provider, or another amount or currency (null: not told): nothing changes but
--                  the audit log, action payment.mismatch
-- A failure keeps the hold until it expires, and a success after it wins. A success pays its order: one that is PENDING, and
-- one that is EXPIRED, FAILED or CANCELLED where all its units are left at this moment, of an event and tickets that are
-- still there; where they are not, it is REFUND_DUE. An order that money came in for already stays what it is, the audit
-- log says payment.double, and that money is given back (place_refund_jobs).
-- What has expired is EXPIRED before any of it. Results are the parallel arrays.
-- A piece of apply_payment_deliveries. Locks: the event's sales (advisory, by event), then those of update_orders.
create or replace function api.apply_payment_results(
  p_event_id bigint,
  p_providers text[],
  p_payment_ids bigint[],
  p_order_ids bigint[],
  p_statuses text[],
  p_amounts bigint[],
  p_currencies text[],
  p_now timestamptz default clock_timestamp()
)
returns table (ordinal integer, outcome text, order_status text)
language plpgsql
volatile
-- As in place_orders: looked up by key, whatever the statistics say.
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  v_payment onsale.payments;
  v_status onsale.payment_status;
  v_old_status onsale.sale_status;
  v_new_status onsale.sale_status;
  v_is_left boolean;
  -- What was PENDING and is paid in this batch. That takes nothing from what is left, so it is written once at the end.
  v_paid_ids bigint[] := '{}';
begin
  perform api.expire_orders(p_event_id, p_now);

  -- One after the other, because each takes from what is left for the next.
  for v_nth in 1..cardinality(p_payment_ids) loop
    ordinal := v_nth;
    v_status := p_statuses[v_nth]::onsale.payment_status;
    select p.* into v_payment from onsale.payments p where p.event_id = p_event_id and p.id = p_payment_ids[v_nth];
    select o.status into v_old_status from onsale.orders o where o.event_id = p_event_id and o.id = v_payment.order_id;
    if v_payment.order_id = any (v_paid_ids) then
      v_old_status := 'PAID';
    end if;
    v_new_status := v_old_status;
    outcome := case
      when v_payment.id is null then 'unknown_payment'
      when v_payment.order_id is distinct from p_order_ids[v_nth]
        or v_payment.provider <> p_providers[v_nth]
        or v_payment.amount_cents <> p_amounts[v_nth]
        or v_payment.currency <> upper(p_currencies[v_nth]) then 'mismatch'
      when v_payment.status = v_status then 'duplicate'
      when v_status = 'SUCCESS' or v_payment.status = 'PENDING' then 'applied'
      else 'stale'
    end;

    if outcome = 'mismatch' then
      insert into onsale.audit_log (at, actor, action, subject, before, after)
      values (
        p_now, 'payment', 'payment.mismatch', 'order ' || v_payment.order_id,
        jsonb_build_object(
          'payment_id', v_payment.id, 'order_id', v_payment.order_id, 'provider', v_payment.provider,
          'status', v_payment.status, 'amount_cents', v_payment.amount_cents, 'currency', v_payment.currency
        ),
        jsonb_build_object(
          'payment_id', v_payment.id, 'order_id', p_order_ids[v_nth], 'provider', p_providers[v_nth],
          'status', v_status, 'amount_cents', p_amounts[v_nth], 'currency', p_currencies[v_nth]
        )
      );
    elsif outcome = 'applied' then
      update onsale.payments p set status = v_status, updated_at = p_now
      where p.event_id = p_event_id and p.id = v_payment.id;
    end if;

    if outcome = 'applied' and v_status = 'SUCCESS' then
      -- What a PENDING order holds is its own; a ticket without a bound always has more.
      select bool_and(
        e.id is not null and t.id is not null and s.ticket_id is not null and coalesce(s.available >= i.quantity, true)
      ) into strict v_is_left
      from onsale.order_items i
      left join onsale.events e on e.id = i.event_id and e.deleted_at is null
      left join onsale.tickets t on t.event_id = i.event_id and t.id = i.ticket_id and not t.is_removed
      left join onsale.stock s on s.event_id = i.event_id and s.ticket_id = i.ticket_id and s.channel = 'direct'
      where i.event_id = p_event_id and i.order_id = v_payment.order_id;
      v_new_status := case when v_old_status = 'PENDING' or v_is_left then 'PAID' else 'REFUND_DUE' end;
      -- Of those that need money: it has come in with this result.
      if exists (
        select from onsale.sale_transitions t
        where t.from_status = v_old_status and t.to_status = v_new_status and 'payment' = any (t.actors)
          and t.needs_paid is distinct from false
      ) then
        if v_old_status = 'PENDING' then
          v_paid_ids := v_paid_ids || v_payment.order_id;
        else
          perform api.update_orders(p_event_id, array[v_payment.order_id], array[v_new_status], 'payment', p_now);
        end if;
      else
        v_new_status := v_old_status;
        insert into onsale.audit_log (at, actor, action, subject, before, after)
        values (
          p_now, 'payment', 'payment.double', 'order ' || v_payment.order_id,
          jsonb_build_object('status', v_old_status),
          jsonb_build_object(
            'status', v_old_status, 'payment_id', v_payment.id,
            'amount_cents', v_payment.amount_cents, 'currency', v_payment.currency
          )
        );
        perform api.place_refund_jobs(p_event_id, array[v_payment.id], 'payment', p_now);
      end if;
    end if;

    order_status := v_new_status;
    return next;
  end loop;

  perform api.update_orders(
    p_event_id, v_paid_ids, array_fill('PAID'::onsale.sale_status, array[cardinality(v_paid_ids)]), 'payment', p_now
  );
end;
$$;
comment on function api.apply_payment_results(bigint, text[], bigint[], bigint[], text[], bigint[], text[], timestamptz) is
  'Applies results of payments of one event; one row per result in input order, with its outcome and its order''s status';
