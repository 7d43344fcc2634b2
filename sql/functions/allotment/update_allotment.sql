-- Changes how many units of a Shopify ticket the direct channel may sell, by a delta: with the first one it begins to sell it.
-- Part of claim_allotment_move and apply_allotment_answer, which hold the ticket and the lock on the event's sales, and have
-- seen that what is sold and held stays. A second call changes it again.
-- Locks: stock, event_revisions.
create or replace function api.update_allotment(
  p_event_id bigint,
  p_ticket_id bigint,
  p_delta bigint,
  p_actor text,
  p_now timestamptz
)
returns void
language plpgsql
volatile
as $$
declare
  v_capacity bigint;
  v_available bigint;
begin
  if p_delta = 0 then
    return;
  end if;
  insert into onsale.stock (event_id, ticket_id, channel, capacity)
  values (p_event_id, p_ticket_id, 'direct', 0)
  on conflict do nothing;
  update onsale.stock s set capacity = s.capacity + p_delta
  where s.event_id = p_event_id and s.ticket_id = p_ticket_id and s.channel = 'direct'
  returning s.capacity, s.available into strict v_capacity, v_available;
  update onsale.tickets t set
    version = t.version + 1,
    updated_at = p_now
  where t.id = p_ticket_id;
  perform api.apply_audit_entry(
    p_actor, 'ticket.allotment', 'ticket ' || p_ticket_id,
    jsonb_build_object('allotment', v_capacity - p_delta), jsonb_build_object('allotment', v_capacity), p_now
  );
  perform api.update_revisions(
    '{}', case when (v_available > 0) <> (v_available - p_delta > 0) then array[p_event_id] else '{}' end, array[p_event_id]
  );
end;
$$;
comment on function api.update_allotment(bigint, bigint, bigint, text, timestamptz) is
  'Changes by a delta how many units of a Shopify ticket the direct channel may sell';
