-- What a refund of a payment takes. is_due: the money came in, and was not given back: by nobody, an admin included
-- (update_orders). No row: no such payment of the event.
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
    p.status = 'SUCCESS' and p.refunded_at is null
  from onsale.payments p
  where p.event_id = p_event_id and p.id = p_payment_id
$$;
comment on function api.get_refund(bigint, bigint) is 'What a refund of a payment takes, and whether it is due; no row: no such payment';
