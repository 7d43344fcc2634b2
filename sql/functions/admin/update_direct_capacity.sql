-- Says how many units there are of a ticket of an event of the direct channel alone; null: unbounded. Always one row.
-- updated              current_version is the new one; where it is so already nothing is written and it stays
-- not_found            no such ticket, or it or its event was deleted
-- not_direct           of an event of Shopify, which another flow writes
-- version_conflict     it is not at p_version but at current_version: what a second call with the same version meets
-- capacity_below_sold  capacity_min are sold or held, and fewer there cannot be. Unpaid orders whose time is over do not
--                      count: they are expired first
-- Locks: those of claim_direct_ticket, then those of expire_orders, stock by ticket, event_revisions.
create or replace function api.update_direct_capacity(
  p_ticket_id bigint,
  p_version integer,
  p_capacity bigint,
  p_actor text,
  p_now timestamptz default clock_timestamp()
)
returns table (outcome text, current_version integer, capacity_min bigint)
language plpgsql
volatile
rows 1
security definer
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_claim record;
  v_ticket onsale.tickets;
  v_stock onsale.stock;
  v_available bigint;
  v_flipped boolean;
begin
  select c.* into strict v_claim from api.claim_direct_ticket(p_ticket_id, p_version) c;
  v_ticket := v_claim.ticket;
  outcome := coalesce(v_claim.refusal, 'updated');
  current_version := v_ticket.version;
  if v_claim.refusal is not null then
    return next;
    return;
  end if;

  perform api.expire_orders(v_ticket.event_id, p_now);
  select s.* into strict v_stock from onsale.stock s
  where s.event_id = v_ticket.event_id and s.ticket_id = p_ticket_id and s.channel = 'direct';
  capacity_min := v_stock.held + v_stock.sold;
  if p_capacity < capacity_min then
    outcome := 'capacity_below_sold';
    return next;
    return;
  end if;

  if api.apply_audit_entry(
    p_actor, 'ticket.capacity', 'ticket ' || p_ticket_id,
    jsonb_build_object('capacity', v_stock.capacity), jsonb_build_object('capacity', p_capacity), p_now
  ) then
    update onsale.tickets t set
      version = t.version + 1,
      updated_at = p_now
    where t.id = p_ticket_id
    returning t.version into strict current_version;
    update onsale.stock s set capacity = p_capacity
    where s.event_id = v_ticket.event_id and s.ticket_id = p_ticket_id and s.channel = 'direct'
    returning s.available into strict v_available;
    -- A count like any other, which lists may show a second late; from or to nothing left is told at once.
    v_flipped := coalesce(v_stock.available > 0, true) <> coalesce(v_available > 0, true);
    perform api.update_revisions(
      '{}', case when v_flipped then array[v_ticket.event_id] else '{}' end, array[v_ticket.event_id]
    );
  end if;
  return next;
end;
$$;
comment on function api.update_direct_capacity(bigint, integer, bigint, text, timestamptz) is
  'Says how many units there are of a ticket of the direct channel alone, never fewer than are sold or held';
