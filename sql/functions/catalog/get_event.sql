-- One event with its tickets, by our id or by Shopify's product id, as a visitor may see it: active or unlisted; and what is
-- on its way to change it (list_pending_changes).
-- Always one row. body is null where there is nothing to see (404). revision and catalogue_revision tell from which
-- state the body was made (as_of: and up to when nothing is missing in it), so that a cache knows newer from older.
-- plpgsql for one statement, because it keeps the plan: PostgreSQL 15 plans an sql function anew at each call
-- (2.3 ms a call, so 0.5).
create or replace function api.get_event(p_event_id bigint default null, p_shopify_product_id bigint default null)
returns table (body json, event_ids bigint[], revisions bigint[], catalogue_revision bigint, as_of timestamptz)
language plpgsql
stable
rows 1
security definer
set search_path = ''
-- It is the same plan for any event. On a new connection it would be made anew for the first five calls, 2 ms each.
set plan_cache_mode = force_generic_plan
-- A table that was never analyzed looks large: without this the statement is compiled, for 50 to 90 ms a call.
set jit = off
as $$
#variable_conflict use_column
begin
  return query
    select
      (
        select row_to_json(b)
        from (
          select
            c.*,
            e.description,
            e.metafields,
            e.per_user_limit,
            coalesce(
              (select json_agg(p.card order by p.job_id) from api.list_pending_changes(e.id) p), '[]'
            ) as pending_changes,
            coalesce(
              (select json_agg(t.card order by t.ticket_position, t.ticket_id) from api.list_ticket_cards(e.id, false) t),
              '[]'
            ) as tickets
          from api.list_event_cards(array[e.id]) c
        ) b
      ),
      array_remove(array[e.id], null),
      case when e.id is null then '{}' else array[coalesce(r.revision, 0)] end,
      k.revision,
      api.get_as_of()
    from onsale.catalogue k
    left join onsale.events e
      on e.id = coalesce(
        p_event_id, (select n.id from onsale.events n where n.shopify_product_id = p_shopify_product_id)
      )
      and e.status in ('active', 'unlisted') and e.deleted_at is null
    left join onsale.event_revisions r on r.event_id = e.id;
end;
$$;
comment on function api.get_event(bigint, bigint) is
  'An event with its tickets as JSON (null: not to be seen), and from which revisions it was made';
