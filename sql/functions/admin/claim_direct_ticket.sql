-- Finds a ticket of an event of the direct channel alone and locks it for an edit. Always one row.
-- refusal is null where it may be edited, or what the edit answers:
-- not_found         no such ticket, or it or its event was deleted; ticket is null then
-- not_direct        of an event of Shopify, which another flow writes
-- version_conflict  it is not at p_version (null: any)
-- Locks: the event, then the ticket, which is read again behind the lock.
create or replace function api.claim_direct_ticket(p_ticket_id bigint, p_version integer)
returns table (refusal text, ticket onsale.tickets)
language plpgsql
volatile
rows 1
as $$
declare
  v_event onsale.events;
begin
  select e.* into v_event
  from onsale.tickets t
  join onsale.events e on e.id = t.event_id
  where t.id = p_ticket_id and e.deleted_at is null
  for no key update of e;
  select t.* into ticket from onsale.tickets t
  where t.id = p_ticket_id and t.event_id = v_event.id and not t.is_removed
  for no key update;
  refusal := case
    when ticket.id is null then 'not_found'
    when v_event.shopify_product_id is not null then 'not_direct'
    when ticket.version <> p_version then 'version_conflict'
  end;
  return next;
end;
$$;
comment on function api.claim_direct_ticket(bigint, integer) is
  'Locks a ticket of an event of the direct channel alone for an edit, or says why it may not be edited';
