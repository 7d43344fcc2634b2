-- Edits a ticket of an event of the direct channel alone: of p_changes the fields that are there, null clears. How many there
-- are is said to update_direct_capacity. Always one row.
-- updated           current_version is the new one; where nothing differs nothing is written and it stays
-- not_found         no such ticket, or it or its event was deleted
-- not_direct        of an event of Shopify, which another flow writes
-- version_conflict  it is not at p_version but at current_version: what a second call with the same version meets
-- Commits between two batches of orders: they read a price more than once and must find the same.
-- Locks: those of claim_direct_ticket, the event's sales (advisory, by event), event_revisions, catalogue.
create or replace function api.update_direct_ticket(
  p_ticket_id bigint,
  p_version integer,
  p_changes jsonb,
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
  v_new onsale.tickets;
begin
  select c.* into strict v_claim from api.claim_direct_ticket(p_ticket_id, p_version) c;
  v_ticket := v_claim.ticket;
  outcome := coalesce(v_claim.refusal, 'updated');
  current_version := v_ticket.version;
  if v_claim.refusal is not null then
    return next;
    return;
  end if;

  -- Takes what is there and leaves the rest of the row as it is.
  select r.* into strict v_new from jsonb_populate_record(v_ticket, (
    select coalesce(jsonb_object_agg(c.key, c.value), '{}')
    from jsonb_each(p_changes) c
    where c.key in (
      'name', 'sku', 'ticket_type', 'price_cents', 'compare_at_price_cents', 'position', 'sale_starts_at', 'sale_ends_at',
      'is_visible'
    )
  )) r;
  if api.apply_audit_entry(
    p_actor, 'ticket.update', 'ticket ' || p_ticket_id, to_jsonb(v_ticket), to_jsonb(v_new), p_now
  ) then
    update onsale.tickets t set
      name = v_new.name,
      sku = v_new.sku,
      ticket_type = v_new.ticket_type,
      price_cents = v_new.price_cents,
      compare_at_price_cents = v_new.compare_at_price_cents,
      position = v_new.position,
      sale_starts_at = v_new.sale_starts_at,
      sale_ends_at = v_new.sale_ends_at,
      is_visible = v_new.is_visible,
      version = t.version + 1,
      updated_at = p_now
    where t.id = p_ticket_id
    returning t.version into strict current_version;
    perform pg_advisory_xact_lock(hashtext('onsale sales'), hashint8(v_ticket.event_id));
    perform api.update_revisions(array[v_ticket.event_id], '{}', '{}');
  end if;
  return next;
end;
$$;
comment on function api.update_direct_ticket(bigint, integer, jsonb, text, timestamptz) is
  'Edits a ticket of an event of the direct channel alone where it is at the version that the caller names';
