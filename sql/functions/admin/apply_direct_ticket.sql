-- Adds a ticket to an event of the direct channel alone, from the body that the caller has checked; what it lets through is
-- refused by the constraints. Capacity absent or null: unbounded; without a position it comes last. Always one row.
-- applied     ticket_id is the new one
-- not_found   no such event, or it was deleted
-- not_direct  an event of Shopify, which another flow writes
-- A second call adds a second ticket. Locks: the event, event_revisions, catalogue.
create or replace function api.apply_direct_ticket(
  p_event_id bigint,
  p_ticket jsonb,
  p_actor text,
  p_now timestamptz default clock_timestamp()
)
returns table (outcome text, ticket_id bigint)
language plpgsql
volatile
rows 1
security definer
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_event onsale.events;
begin
  select e.* into v_event from onsale.events e
  where e.id = p_event_id and e.deleted_at is null
  for no key update;
  outcome := case
    when v_event.id is null then 'not_found'
    when v_event.shopify_product_id is not null then 'not_direct'
    else 'applied'
  end;
  if outcome = 'applied' then
    ticket_id := (api.apply_stocked_tickets(p_event_id, jsonb_build_array(p_ticket), p_actor, p_now))[1];
    perform api.update_revisions(array[p_event_id], '{}', '{}');
  end if;
  return next;
end;
$$;
comment on function api.apply_direct_ticket(bigint, jsonb, text, timestamptz) is
  'Adds a ticket to an event of the direct channel alone';
