-- Publishes an event of the direct channel alone (active, or unlisted), takes it back (draft) or puts it away (archived).
-- Always one row. Orders that there are stay what they are: only new ones are refused while it is not to be seen.
-- updated           current_version is the new one; where it has that status already nothing is written and it stays
-- not_found         no such event, or it was deleted
-- not_direct        an event of Shopify, which another flow writes
-- version_conflict  it is not at p_version (null: any) but at current_version
-- Commits between two batches of orders: after the answer none is placed at an event that is not to be seen.
-- Locks: the event, its sales (advisory, by event), event_revisions, catalogue.
create or replace function api.update_direct_event_status(
  p_event_id bigint,
  p_version integer,
  p_status text,
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
    else 'updated'
  end;
  current_version := v_event.version;
  if outcome <> 'updated' or v_event.status = p_status::onsale.event_status then
    return next;
    return;
  end if;

  update onsale.events e set
    status = p_status::onsale.event_status,
    version = e.version + 1,
    updated_at = p_now
  where e.id = p_event_id
  returning e.version into strict current_version;
  perform api.apply_audit_entry(
    p_actor,
    case p_status
      when 'draft' then 'event.unpublish'
      when 'archived' then 'event.archive'
      else 'event.publish'
    end,
    'event ' || p_event_id,
    jsonb_build_object('status', v_event.status), jsonb_build_object('status', p_status), p_now
  );
  perform pg_advisory_xact_lock(hashtext('onsale sales'), hashint8(p_event_id));
  perform api.update_revisions(array[p_event_id], '{}', '{}');
  return next;
end;
$$;
comment on function api.update_direct_event_status(bigint, integer, text, text, timestamptz) is
  'Publishes an event of the direct channel alone, takes it back or puts it away';
