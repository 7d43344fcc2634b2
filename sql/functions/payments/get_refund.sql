-- What a refund of a payment takes. is_due: the money came in, was not given back, and nobody has said of the order that it was
-- (REFUNDED by an admin). No row: no such payment of the event.
create or replace function api.get_refund(p_event_id bigint, p_payment_id bigint)
returns table (provider text, provider_payment_id text, amount_cents bigint, currency text, is_due boolean)
language sql
stable
rows 1
security definer
set search_path = ''
as $$
  select
    p.provider, p.provider_payment_id, p.amount_cents, p.currency,
    p.status = 'SUCCESS' and p.refunded_at is null and o.status is distinct from 'REFUNDED'
  from onsale.payments p
  left join onsale.orders o on o.event_id = p.event_id and o.id = p.order_id
  where p.event_id = p_event_id and p.id = p_payment_id
$$;
comment on function api.get_refund(bigint, bigint) is 'What a refund of a payment takes, and whether it is due; no row: no such payment';
