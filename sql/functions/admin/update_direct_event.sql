-- Edits an event of the direct channel alone: of p_changes the fields that are there, null clears. Always one row.
-- updated           current_version is the new one; where nothing differs nothing is written and it stays
-- not_found         no such event, or it was deleted
-- not_direct        an event of Shopify, which another flow writes. is_sales_paused is the direct channel's own: alone it is
--                   changed there too
-- version_conflict  it is not at p_version but at current_version: what a second call with the same version meets
-- Commits between two batches of orders: of one batch all meet the same title, limit and pause, and after the answer to
-- a pause none is placed.
-- Locks: the event, its sales (advisory, by event), event_revisions, catalogue.
create or replace function api.update_direct_event(
  p_event_id bigint,
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
  v_event onsale.events;
  v_new onsale.events;
begin
  select e.* into v_event from onsale.events e
  where e.id = p_event_id and e.deleted_at is null
  for no key update;
  outcome := case
    when v_event.id is null then 'not_found'
    when v_event.shopify_product_id is not null and p_changes - 'is_sales_paused' <> '{}' then 'not_direct'
    when v_event.version <> p_version then 'version_conflict'
    else 'updated'
  end;
  current_version := v_event.version;
  if outcome <> 'updated' then
    return next;
    return;
  end if;

  -- Takes what is there and leaves the rest of the row as it is.
  select r.* into strict v_new from jsonb_populate_record(v_event, (
    select coalesce(jsonb_object_agg(c.key, c.value), '{}')
    from jsonb_each(p_changes) c
    where c.key in (
      'title', 'subtitle', 'description', 'category', 'starts_at', 'ends_at', 'venue', 'images', 'per_user_limit',
      'is_sales_paused'
    )
  )) r;
  v_new.images := coalesce(v_new.images, '[]');
  -- As apply_direct_event keeps it.
  v_new.category := lower(v_new.category);
  if api.apply_audit_entry(
    p_actor, 'event.update', 'event ' || p_event_id, to_jsonb(v_event), to_jsonb(v_new), p_now
  ) then
    update onsale.events e set
      title = v_new.title,
      subtitle = v_new.subtitle,
      description = v_new.description,
      category = v_new.category,
      starts_at = v_new.starts_at,
      ends_at = v_new.ends_at,
      venue = v_new.venue,
      images = v_new.images,
      per_user_limit = v_new.per_user_limit,
      is_sales_paused = v_new.is_sales_paused,
      version = e.version + 1,
      updated_at = p_now
    where e.id = p_event_id
    returning e.version into strict current_version;
    perform pg_advisory_xact_lock(hashtext('onsale sales'), hashint8(p_event_id));
    perform api.update_revisions(array[p_event_id], '{}', '{}');
  end if;
  return next;
end;
$$;
comment on function api.update_direct_event(bigint, integer, jsonb, text, timestamptz) is
  'Edits an event of the direct channel alone where it is at the version that the caller names';
