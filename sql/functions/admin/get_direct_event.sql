-- An event as an admin sees it, by its id, by that of one of its tickets or by Shopify's product id: what get_event shows, in any status, with the tickets
-- that visitors do not see, and whether its sale is paused. Null where there is no such event or ticket, or it was deleted.
-- The sums over the tickets are those that a visitor sees.
create or replace function api.get_direct_event(
  p_event_id bigint default null,
  p_ticket_id bigint default null,
  p_shopify_product_id bigint default null
)
returns json
language sql
stable
security definer
set search_path = ''
as $$
  select (
    select row_to_json(b)
    from (
      select
        c.*,
        e.description,
        e.metafields,
        e.per_user_limit,
        e.is_sales_paused as sales_paused,
        coalesce(
          (select json_agg(p.card order by p.job_id) from api.list_pending_changes(e.id) p), '[]'
        ) as pending_changes,
        coalesce(
          (select json_agg(t.card order by t.ticket_position, t.ticket_id) from api.list_ticket_cards(e.id, true) t),
          '[]'
        ) as tickets
      from api.list_event_cards(array[e.id]) c
    ) b
  )
  from onsale.events e
  where e.deleted_at is null
    and e.id = coalesce(
      p_event_id,
      (select k.event_id from onsale.tickets k where k.id = p_ticket_id and not k.is_removed),
      (select n.id from onsale.events n where n.shopify_product_id = p_shopify_product_id)
    )
$$;
comment on function api.get_direct_event(bigint, bigint, bigint) is
  'An event as an admin sees it, in any status and with hidden tickets, as JSON; null: no such event';
