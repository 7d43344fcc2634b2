-- Starts attempts to pay orders of one event. Amount and currency are the order's, whoever asks. One row per request, in input
-- order, which is the order in which they count.
-- created      a new attempt; the provider is still to be asked (update_payments)
-- existing     the live attempt of the order again, whichever provider it is at: what a second call meets
-- not_found    no such order of the event, or not of the user in p_user_ids (null: anybody's)
-- not_payable  it is not PENDING, or its time is over; order_status tells what it is
-- Locks: the event's sales (advisory, by event), then those of expire_orders.
create or replace function api.place_payments(
  p_event_id bigint,
  p_order_ids bigint[],
  p_user_ids bigint[],
  p_providers text[],
  p_now timestamptz default clock_timestamp()
)
returns table (
  ordinal integer,
  outcome text,
  order_status text,
  payment_id bigint,
  amount_cents bigint,
  currency text,
  provider text,
  provider_payment_id text,
  redirect_url text
)
language plpgsql
volatile
security definer
set search_path = ''
-- As in place_orders: looked up by key, whatever the statistics say.
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  v_order onsale.orders;
  v_payment onsale.payments;
begin
  perform api.expire_orders(p_event_id, p_now);

  for v_nth in 1..cardinality(p_order_ids) loop
    ordinal := v_nth;
    v_payment := null;
    select o.* into v_order from onsale.orders o
    where o.event_id = p_event_id and o.id = p_order_ids[v_nth]
      and (p_user_ids[v_nth] is null or o.user_id = p_user_ids[v_nth]);
    order_status := v_order.status;
    outcome := case
      when v_order.id is null then 'not_found'
      when v_order.status <> 'PENDING' or v_order.total_cents = 0 then 'not_payable'
      else 'created'
    end;
    if outcome = 'created' then
      select p.* into v_payment from onsale.payments p
      where p.event_id = p_event_id and p.order_id = v_order.id and p.status = 'PENDING';
      if v_payment.id is not null then
        outcome := 'existing';
      else
        insert into onsale.payments (event_id, order_id, provider, amount_cents, currency, created_at, updated_at)
        values (p_event_id, v_order.id, p_providers[v_nth], v_order.total_cents, v_order.currency, p_now, p_now)
        returning * into strict v_payment;
      end if;
    end if;
    payment_id := v_payment.id;
    amount_cents := v_payment.amount_cents;
    currency := v_payment.currency;
    provider := v_payment.provider;
    provider_payment_id := v_payment.provider_payment_id;
    redirect_url := v_payment.redirect_url;
    return next;
  end loop;
end;
$$;
comment on function api.place_payments(bigint, bigint[], bigint[], text[], timestamptz) is
  'Starts attempts to pay orders of one event, or returns those that are live; one row per request in input order';
