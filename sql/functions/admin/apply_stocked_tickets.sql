-- Makes tickets of an event with their counters in the direct channel, in the order of the list. Part of apply_direct_event
-- and apply_direct_ticket, which hold the event. A capacity that is absent or null is unbounded; without a position a ticket
-- comes last. Returns their ids in the order of the list. A second call makes them again.
-- Locks: none beyond the new rows.
create or replace function api.apply_stocked_tickets(
  p_event_id bigint,
  p_tickets jsonb,
  p_actor text,
  p_now timestamptz
)
returns bigint[]
language plpgsql
volatile
as $$
declare
  v_entry record;
  v_ticket onsale.tickets;
  v_position integer;
  v_ticket_ids bigint[] := '{}';
begin
  select coalesce(max(t.position), 0) into strict v_position
  from onsale.tickets t
  where t.event_id = p_event_id and not t.is_removed;

  for v_entry in
    select r.*
    from jsonb_array_elements(p_tickets) with ordinality as n (entry, nth)
    cross join lateral jsonb_to_record(n.entry) as r (
      name text, sku text, ticket_type text, price_cents bigint, compare_at_price_cents bigint, capacity bigint,
      position integer, sale_starts_at timestamptz, sale_ends_at timestamptz, is_visible boolean
    )
    order by n.nth
  loop
    v_entry.position := coalesce(v_entry.position, v_position + 1);
    v_position := greatest(v_position, v_entry.position);
    insert into onsale.tickets (
      event_id, name, sku, ticket_type, price_cents, compare_at_price_cents, position, sale_starts_at, sale_ends_at,
      is_visible, created_at, updated_at
    )
    values (
      p_event_id, v_entry.name, v_entry.sku, v_entry.ticket_type, v_entry.price_cents, v_entry.compare_at_price_cents,
      v_entry.position, v_entry.sale_starts_at, v_entry.sale_ends_at,
      coalesce(v_entry.is_visible, true), p_now, p_now
    )
    returning * into strict v_ticket;
    insert into onsale.stock (event_id, ticket_id, channel, capacity)
    values (p_event_id, v_ticket.id, 'direct', v_entry.capacity);
    perform api.apply_audit_entry(
      p_actor, 'ticket.create', 'ticket ' || v_ticket.id, null,
      to_jsonb(v_ticket) || jsonb_build_object('capacity', v_entry.capacity), p_now
    );
    v_ticket_ids := v_ticket_ids || v_ticket.id;
  end loop;
  return v_ticket_ids;
end;
$$;
comment on function api.apply_stocked_tickets(bigint, jsonb, text, timestamptz) is
  'Makes tickets of an event with their counters in the direct channel; returns their ids';
