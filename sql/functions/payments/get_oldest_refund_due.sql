-- Since when the oldest order is REFUND_DUE; null: none is.
create or replace function api.get_oldest_refund_due()
returns timestamptz
language sql
stable
security definer
set search_path = ''
set enable_seqscan = off
as $$
  select o.updated_at from onsale.orders o where o.status = 'REFUND_DUE' order by o.updated_at limit 1
$$;
comment on function api.get_oldest_refund_due() is 'Since when the oldest order is REFUND_DUE; null: none is';
