-- Makes an event of the direct channel alone, with its tickets and their counters, from the body of POST /events that the
-- caller has checked; what it lets through is refused by the constraints, and then nothing is made.
-- Absent: status is draft, currency the shop's, per_user_limit that of the table (null: no limit), no tickets.
-- The category is kept in lower case, as Shopify's is: it is looked for as it stands.
-- Returns its id. A second call makes a second event. Locks: event_revisions, catalogue; none that anybody else could want.
create or replace function api.apply_direct_event(
  p_event jsonb,
  p_actor text,
  p_now timestamptz default clock_timestamp()
)
returns bigint
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_event onsale.events;
begin
  insert into onsale.events (
    title, subtitle, description, category, status, starts_at, ends_at, venue, images, per_user_limit, currency, created_at,
    updated_at
  )
  select
    r.title, r.subtitle, r.description, lower(r.category), coalesce(r.status, 'draft'), r.starts_at, r.ends_at, r.venue,
    coalesce(r.images, '[]'),
    -- The default of the table; null is said, not left out.
    case when p_event ? 'per_user_limit' then r.per_user_limit else 2 end,
    coalesce(r.currency, s.currency), p_now, p_now
  from onsale.settings s
  cross join jsonb_to_record(p_event) as r (
    title text, subtitle text, description text, category text, status onsale.event_status, starts_at timestamptz,
    ends_at timestamptz, venue jsonb, images jsonb, per_user_limit integer, currency text
  )
  returning * into strict v_event;

  perform api.apply_audit_entry(p_actor, 'event.create', 'event ' || v_event.id, null, to_jsonb(v_event), p_now);
  perform api.apply_stocked_tickets(v_event.id, nullif(p_event -> 'tickets', 'null'), p_actor, p_now);
  perform api.update_revisions(array[v_event.id], '{}', '{}');
  return v_event.id;
end;
$$;
comment on function api.apply_direct_event(jsonb, text, timestamptz) is
  'Makes an event of the direct channel alone with its tickets; returns its id';
