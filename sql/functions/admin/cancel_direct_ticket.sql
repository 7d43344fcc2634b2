-- Takes a ticket out of an event of the direct channel alone; its orders stay for the books. Always one row.
-- cancelled         current_version is the new one
-- not_found         no such ticket, or it or its event was deleted: what a second call meets
-- not_direct        of an event of Shopify, which another flow writes
-- version_conflict  it is not at p_version (null: any) but at current_version
-- has_live_orders   somebody holds or has bought units of it. Unpaid orders whose time is over do not count: they are
--                   expired first
-- Locks: those of claim_direct_ticket, then those of expire_orders, catalogue.
create or replace function api.cancel_direct_ticket(
  p_ticket_id bigint,
  p_version integer,
  p_actor text,
  p_now timestamptz default clock_timestamp()
)
returns table (outcome text, current_version integer)
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
begin
  select c.* into strict v_claim from api.claim_direct_ticket(p_ticket_id, p_version) c;
  v_ticket := v_claim.ticket;
  outcome := coalesce(v_claim.refusal, 'cancelled');
  current_version := v_ticket.version;
  if v_claim.refusal is not null then
    return next;
    return;
  end if;

  perform api.expire_orders(v_ticket.event_id, p_now);
  if exists (
    select
    from onsale.orders o
    join onsale.order_items i on i.event_id = o.event_id and i.order_id = o.id
    where o.event_id = v_ticket.event_id and o.status in ('PENDING', 'PAID') and i.ticket_id = p_ticket_id
  ) then
    outcome := 'has_live_orders';
    return next;
    return;
  end if;

  update onsale.tickets t set
    is_removed = true,
    version = t.version + 1,
    updated_at = p_now
  where t.id = p_ticket_id
  returning t.version into strict current_version;
  perform api.apply_audit_entry(
    p_actor, 'ticket.delete', 'ticket ' || p_ticket_id,
    jsonb_build_object('is_removed', false), jsonb_build_object('is_removed', true), p_now
  );
  perform api.update_revisions(array[v_ticket.event_id], '{}', '{}');
  return next;
end;
$$;
comment on function api.cancel_direct_ticket(bigint, integer, text, timestamptz) is
  'Takes a ticket of which nobody holds or has bought units out of an event of the direct channel alone';
