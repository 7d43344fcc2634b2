-- Queues a change of an event of Shopify's, or of one of its tickets, that an admin wants there. Here nothing changes but the
-- pending changes: the mirror follows when Shopify tells. Always one row.
-- p_kind: update_event, publish_event, unpublish_event, delete_event, create_ticket (of p_event_id); update_ticket, delete_ticket,
-- update_capacity (of p_ticket_id). p_details: {changes}, {ticket, location_id}, {capacity, location_id}, or {}; it is checked.
-- queued               job_id is the job, behind all others of the event
-- replayed             the same request was queued before under this token, as job_id
-- conflict             another request was queued under this token, as job_id
-- not_found            no such event or ticket, or it was deleted
-- not_shopify          of the direct channel alone, which other functions write
-- version_conflict     it is not at p_version (null: any) but at current_version
-- has_live_orders      what is to be deleted was sold or is held in the direct channel. Unpaid orders whose time is over do not
--                      count. One that comes later is not prevented: Shopify has it deleted when it gets to it
-- capacity_below_sold  capacity_min are sold in Shopify or are the direct channel's: fewer there cannot be
-- Locks: the client's token (advisory), the event, jobs, event_revisions.
create or replace function api.place_shopify_write(
  p_kind text,
  p_event_id bigint,
  p_ticket_id bigint,
  p_version integer,
  p_details jsonb,
  p_actor text,
  p_client_token text default null,
  p_client_digest text default null,
  p_now timestamptz default clock_timestamp()
)
returns table (outcome text, job_id bigint, current_version integer, capacity_min bigint)
language plpgsql
volatile
rows 1
security definer
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_event onsale.events;
  v_ticket onsale.tickets;
  v_item_id bigint;
begin
  select c.outcome, c.job_id into strict outcome, job_id
  from api.claim_client_token(p_actor, p_client_token, p_client_digest) c;
  if outcome is not null then
    return next;
    return;
  end if;

  select e.* into v_event from onsale.events e
  where e.deleted_at is null
    and e.id = coalesce(p_event_id, (select t.event_id from onsale.tickets t where t.id = p_ticket_id))
  for no key update;
  select t.* into v_ticket from onsale.tickets t
  where t.id = p_ticket_id and t.event_id = v_event.id and not t.is_removed;
  current_version := case when p_ticket_id is null then v_event.version else v_ticket.version end;
  outcome := case
    when current_version is null then 'not_found'
    when v_event.shopify_product_id is null or p_ticket_id is not null and v_ticket.shopify_variant_id is null then 'not_shopify'
    when current_version <> p_version then 'version_conflict'
    else 'queued'
  end;
  if outcome <> 'queued' then
    return next;
    return;
  end if;

  if p_kind in ('delete_event', 'delete_ticket') then
    if exists (
      select
      from onsale.orders o
      join onsale.order_items i on i.event_id = o.event_id and i.order_id = o.id
      where o.event_id = v_event.id
        and (o.status = 'PAID' or o.status = 'PENDING' and o.expires_at > p_now)
        and (p_ticket_id is null or i.ticket_id = p_ticket_id)
    ) then
      outcome := 'has_live_orders';
    end if;
  elsif p_kind = 'update_capacity' then
    select coalesce(sum(case when s.channel = 'shopify' then s.sold else s.capacity end), 0) into strict capacity_min
    from onsale.stock s
    where s.event_id = v_event.id and s.ticket_id = p_ticket_id;
    if (p_details ->> 'capacity')::bigint < capacity_min then
      outcome := 'capacity_below_sold';
    end if;
  end if;
  if outcome <> 'queued' then
    return next;
    return;
  end if;

  select v.inventory_item_id into v_item_id from onsale.shopify_variants v where v.variant_id = v_ticket.shopify_variant_id;
  job_id := api.place_event_job(
    p_kind, 'event ' || v_event.id, v_event.id, p_ticket_id,
    jsonb_build_object('shopify_product_id', v_event.shopify_product_id::text)
      || case when p_ticket_id is not null
        then jsonb_build_object('shopify_variant_id', v_ticket.shopify_variant_id::text) else '{}' end
      || case when p_kind in ('create_ticket', 'update_ticket')
        then jsonb_build_object('currency', v_event.currency) else '{}' end
      || case when p_kind = 'update_capacity'
        then jsonb_build_object('ticket_id', p_ticket_id, 'inventory_item_id', v_item_id::text, 'delta', null)
        else '{}' end
      || p_details,
    p_actor, p_client_token, p_client_digest, p_now
  );
  return next;
end;
$$;
comment on function api.place_shopify_write(text, bigint, bigint, integer, jsonb, text, text, text, timestamptz) is
  'Queues a change of an event of Shopify''s or of one of its tickets';
