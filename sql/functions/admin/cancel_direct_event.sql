-- Deletes an event of the direct channel alone: nobody finds it any more, its orders stay for the books. Always one row.
-- cancelled         current_version is the new one
-- not_found         no such event, or it was deleted: what a second call meets
-- not_direct        an event of Shopify, which another flow writes
-- version_conflict  it is not at p_version (null: any) but at current_version
-- has_live_orders   somebody holds or has bought units of it. Unpaid orders whose time is over do not count: they are
--                   expired first
-- No order slips in: who places one waits for this, and then finds no event.
-- Locks: the event, then those of expire_orders, catalogue.
create or replace function api.cancel_direct_event(
  p_event_id bigint,
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
  v_event onsale.events;
begin
  select e.* into v_event from onsale.events e
  where e.id = p_event_id and e.deleted_at is null
  for no key update;
  outcome := case
    when v_event.id is null then 'not_found'
    when v_event.shopify_product_id is not null then 'not_direct'
    when v_event.version <> p_version then 'version_conflict'
    else 'cancelled'
  end;
  current_version := v_event.version;
  if outcome <> 'cancelled' then
    return next;
    return;
  end if;

  perform api.expire_orders(p_event_id, p_now);
  if exists (select from onsale.orders o where o.event_id = p_event_id and o.status in ('PENDING', 'PAID')) then
    outcome := 'has_live_orders';
    return next;
    return;
  end if;

  update onsale.events e set
    deleted_at = p_now,
    version = e.version + 1,
    updated_at = p_now
  where e.id = p_event_id
  returning e.version into strict current_version;
  perform api.apply_audit_entry(
    p_actor, 'event.delete', 'event ' || p_event_id,
    jsonb_build_object('deleted_at', null), jsonb_build_object('deleted_at', p_now), p_now
  );
  perform api.update_revisions(array[p_event_id], '{}', '{}');
  return next;
end;
$$;
comment on function api.cancel_direct_event(bigint, integer, text, timestamptz) is
  'Deletes an event of the direct channel alone of which nobody holds or has bought units';
