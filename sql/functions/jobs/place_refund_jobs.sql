-- Owes the money of payments back: one job of kind refund per payment that has succeeded and is not refunded. A payment that has
-- its job already gets no second one, whoever asks. A piece of update_orders and apply_payment_results.
-- Locks: none; whoever calls has the lock on the event's sales.
create or replace function api.place_refund_jobs(p_event_id bigint, p_payment_ids bigint[], p_created_by text, p_now timestamptz)
returns void
language sql
volatile
as $$
  insert into onsale.jobs (kind, subject, request, next_attempt_at, created_by, created_at, updated_at)
  select
    'refund', 'payment ' || p.id,
    jsonb_build_object('event_id', p.event_id, 'order_id', p.order_id, 'payment_id', p.id),
    p_now, p_created_by, p_now, p_now
  from onsale.payments p
  where p.event_id = p_event_id and p.id = any (p_payment_ids) and p.status = 'SUCCESS' and p.refunded_at is null
  order by p.id
  on conflict (kind, subject) where kind in ('refund', 'start_payment') do nothing
$$;
comment on function api.place_refund_jobs(bigint, bigint[], text, timestamptz) is
  'Owes the money of payments back: one refund job each, never a second one';
