-- The event of each payment: one row per id, in input order, so that results can be grouped by event. Null: unknown.
create or replace function api.list_payment_events(p_payment_ids bigint[])
returns table (ordinal integer, event_id bigint)
language sql
stable
security definer
set search_path = ''
set enable_seqscan = off
as $$
  select u.nth::integer, p.event_id
  from unnest(p_payment_ids) with ordinality as u (payment_id, nth)
  left join onsale.payments p on p.id = u.payment_id
  order by u.nth
$$;
comment on function api.list_payment_events(bigint[]) is 'The event of each payment, one row per id in input order';
