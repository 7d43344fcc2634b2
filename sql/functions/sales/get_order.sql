-- One order as JSON; null where there is none, or not of the user in p_user_id (null: anybody's). An unpaid order whose time
-- is over is shown as EXPIRED from that instant on, also where nobody has tidied it yet. event_id tells where it is.
create or replace function api.get_order(
  p_order_id bigint,
  p_user_id bigint,
  p_now timestamptz default clock_timestamp()
)
returns table (event_id bigint, body json)
language plpgsql
volatile
rows 1
security definer
set search_path = ''
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  v_event_id bigint;
  v_is_over boolean;
begin
  select o.event_id, o.status = 'PENDING' and o.expires_at <= p_now into v_event_id, v_is_over
  from onsale.orders o
  where o.id = p_order_id and (p_user_id is null or o.user_id = p_user_id);
  if v_is_over then
    perform api.expire_orders(v_event_id, p_now);
  end if;
  return query
    select v_event_id, c.card from (values (1)) as one (n) left join api.list_order_cards(v_event_id, array[p_order_id], false) c on true
    where v_event_id is not null;
end;
$$;
comment on function api.get_order(bigint, bigint, timestamptz) is 'An order as JSON, and of which event; no row: nobody''s, or not the user''s';
