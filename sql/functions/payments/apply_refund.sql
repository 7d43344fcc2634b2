-- Stores that a provider gave the money of a payment back. An order that is REFUND_DUE is REFUNDED when none of its payments is left
-- to be given back; one that was paid twice stays what it is. Always one row.
-- refunded   stored
-- unchanged  it was stored before
-- not_found  no such payment of the event that had succeeded
-- Where an admin has said meanwhile that the money went back, the provider's name for it is added.
-- Locks: the event's sales (advisory, by event), then those of expire_orders and update_orders.
create or replace function api.apply_refund(
  p_event_id bigint,
  p_payment_id bigint,
  p_provider_refund_id text,
  p_now timestamptz default clock_timestamp()
)
returns table (outcome text, order_status text)
language plpgsql
volatile
rows 1
security definer
set search_path = ''
-- As in place_orders: looked up by key, whatever the statistics say.
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  v_payment onsale.payments;
begin
  perform api.expire_orders(p_event_id, p_now);

  select p.* into v_payment from onsale.payments p
  where p.event_id = p_event_id and p.id = p_payment_id and p.status = 'SUCCESS';
  outcome := case
    when v_payment.id is null then 'not_found'
    when v_payment.provider_refund_id is not null then 'unchanged'
    else 'refunded'
  end;
  if outcome = 'refunded' then
    update onsale.payments p set
      refunded_at = coalesce(p.refunded_at, p_now),
      provider_refund_id = p_provider_refund_id,
      updated_at = p_now
    where p.event_id = p_event_id and p.id = p_payment_id;
    if exists (
      select from onsale.orders o
      where o.event_id = p_event_id and o.id = v_payment.order_id and o.status = 'REFUND_DUE'
    ) and not exists (
      select from onsale.payments p
      where p.event_id = p_event_id and p.order_id = v_payment.order_id and p.status = 'SUCCESS' and p.refunded_at is null
    ) then
      perform api.update_orders(
        p_event_id, array[v_payment.order_id], array['REFUNDED'::onsale.sale_status], 'payment', p_now
      );
    end if;
  end if;
  select o.status::text into order_status from onsale.orders o
  where o.event_id = p_event_id and o.id = v_payment.order_id;
  return next;
end;
$$;
comment on function api.apply_refund(bigint, bigint, text, timestamptz) is
  'Stores that a provider gave the money of a payment back; the order is REFUNDED when none is left to give';
