-- One channel of a ticket as the wire shows it; null where the channel does not sell it.
create or replace function api.get_stock_card(p_stock onsale.stock)
returns json
language sql
stable
parallel safe
return case when (p_stock).ticket_id is not null then (
  select row_to_json(c)
  from (
    select
      (p_stock).capacity,
      (p_stock).sold,
      (p_stock).held,
      -- greatest() passes over null, which here means unlimited.
      case when (p_stock).available is not null then greatest((p_stock).available, 0) end as available
  ) c
  ) end;
comment on function api.get_stock_card(onsale.stock) is 'The counters of a ticket in one channel as JSON, or null';
