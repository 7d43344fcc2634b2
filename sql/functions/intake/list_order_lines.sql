-- The lines of an order's body as they count: what a cancelled order wants is nothing. Inlined where it is read.
create or replace function api.list_order_lines(p_body jsonb)
returns table (line_id bigint, variant_id bigint, quantity integer, current_quantity integer)
language sql
stable
parallel safe
as $$
  select
    l.id,
    l.variant_id,
    l.quantity,
    case
      when p_body ->> 'cancelled_at' is not null then 0
      else coalesce(l.current_quantity, greatest(0, l.quantity - (
        -- Bodies from before 2024-01 carry no current_quantity: what was refunded is no longer wanted.
        select coalesce(sum((i.item ->> 'quantity')::integer), 0)::integer
        from jsonb_path_query(p_body, '$.refunds[*].refund_line_items[*]') as i (item)
        where (i.item ->> 'line_item_id')::bigint = l.id
      )))
    end
  from jsonb_to_recordset(p_body -> 'line_items')
    as l (id bigint, variant_id bigint, quantity integer, current_quantity integer)
$$;
comment on function api.list_order_lines(jsonb) is
  'The lines of an order''s body: line, variant, units ordered, units still wanted (0 where it is cancelled)';
