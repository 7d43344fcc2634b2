-- Queues the move of units of a Shopify ticket between Shopify and the direct channel, so that the direct channel has p_units.
-- Always one row.
-- queued                 job_id is the job that moves them; how many that are is decided when it begins
-- replayed               the same request was queued before under this token, as job_id
-- conflict               another request was queued under this token, as job_id
-- not_found              no such ticket, or it or its event was deleted
-- not_shopify            of the direct channel alone: its capacity is what it has
-- not_tracked            Shopify does not count its units, or has not told yet under which name
-- version_conflict       it is not at p_version but at current_version
-- capacity_below_sold    capacity_min are sold or held here, and fewer there cannot be. Unpaid orders whose time is over do not count:
--                        they are expired first
-- p_location_id: where Shopify has the units; null: at the only location there is. A second call without a token queues a second job,
-- which finds nothing to do.
-- Locks: the client's token (advisory), the event, those of expire_orders, jobs, event_revisions.
create or replace function api.place_allotment(
  p_ticket_id bigint,
  p_version integer,
  p_units bigint,
  p_location_id bigint,
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
  v_found record;
  v_allotment bigint;
begin
  select c.outcome, c.job_id into strict outcome, job_id
  from api.claim_client_token(p_actor, p_client_token, p_client_digest) c;
  if outcome is not null then
    return next;
    return;
  end if;

  select
    t.event_id, t.version, e.shopify_product_id, t.shopify_variant_id, v.inventory_item_id, s.capacity
  into v_found
  from onsale.tickets t
  join onsale.events e on e.id = t.event_id
  left join onsale.shopify_variants v on v.variant_id = t.shopify_variant_id
  left join onsale.stock s on s.event_id = t.event_id and s.ticket_id = t.id and s.channel = 'shopify'
  where t.id = p_ticket_id and not t.is_removed and e.deleted_at is null
  for no key update of e;
  current_version := v_found.version;
  outcome := case
    when v_found.event_id is null then 'not_found'
    when v_found.shopify_variant_id is null then 'not_shopify'
    when v_found.version <> p_version then 'version_conflict'
    when v_found.capacity is null or v_found.inventory_item_id is null then 'not_tracked'
  end;
  if outcome is not null then
    return next;
    return;
  end if;

  perform api.expire_orders(v_found.event_id, p_now);
  select coalesce(sum(s.held + s.sold), 0), coalesce(sum(s.capacity), 0) into strict capacity_min, v_allotment
  from onsale.stock s
  where s.event_id = v_found.event_id and s.ticket_id = p_ticket_id and s.channel = 'direct';
  if p_units < capacity_min then
    outcome := 'capacity_below_sold';
    return next;
    return;
  end if;

  outcome := 'queued';
  job_id := api.place_event_job(
    'move_allotment', 'event ' || v_found.event_id, v_found.event_id, p_ticket_id,
    jsonb_build_object(
      'shopify_product_id', v_found.shopify_product_id::text,
      'shopify_variant_id', v_found.shopify_variant_id::text,
      'ticket_id', p_ticket_id,
      'inventory_item_id', v_found.inventory_item_id::text,
      'units', p_units,
      -- Of all channels: the mirror shows what was moved once it is the same again (list_shown_jobs).
      'capacity', v_found.capacity + v_allotment,
      'location_id', p_location_id::text,
      'version', p_version
    ),
    p_actor, p_client_token, p_client_digest, p_now
  );
  return next;
end;
$$;
comment on function api.place_allotment(bigint, integer, bigint, bigint, text, text, text, timestamptz) is
  'Queues the move of units of a Shopify ticket between Shopify and the direct channel';
