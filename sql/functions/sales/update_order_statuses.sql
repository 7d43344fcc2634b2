-- Gives orders of one event the status that somebody asks for: cancellations by their buyers, and what an admin says. One
-- row per request, in input order, which is the order in which they count.
-- updated           body is the order as it is now
-- unchanged         it has that status already; body as well
-- not_found         no such order of the event, or not of the user in p_user_ids (null: anybody's)
-- version_conflict  it is not at the version in p_versions (null: any); body as well
-- bad_transition    sale_transitions does not know that change, not by this actor, or not with or without money; body as well
-- What has expired is EXPIRED before any of it. p_actor is buyer or admin; p_actor_name is who, for the audit log.
-- Locks: the event's sales (advisory, by event), then those of update_orders.
create or replace function api.update_order_statuses(
  p_event_id bigint,
  p_order_ids bigint[],
  p_user_ids bigint[],
  p_statuses text[],
  p_versions integer[],
  p_actor text,
  p_actor_name text,
  p_now timestamptz default clock_timestamp()
)
returns table (ordinal integer, outcome text, body json)
language plpgsql
volatile
security definer
set search_path = ''
-- As in place_orders: looked up by key, whatever the statistics say.
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
#variable_conflict use_column
declare
  v_order onsale.orders;
  v_status onsale.sale_status;
  v_outcomes text[] := '{}';
begin
  perform api.expire_orders(p_event_id, p_now);

  for v_nth in 1..cardinality(p_order_ids) loop
    select o.* into v_order from onsale.orders o
    where o.event_id = p_event_id and o.id = p_order_ids[v_nth] and (p_user_ids[v_nth] is null or o.user_id = p_user_ids[v_nth]);
    v_status := p_statuses[v_nth]::onsale.sale_status;
    v_outcomes[v_nth] := case
      when v_order.id is null then 'not_found'
      when v_order.version <> p_versions[v_nth] then 'version_conflict'
      when v_order.status = v_status then 'unchanged'
      when not exists (
        select from onsale.sale_transitions t
        where t.from_status = v_order.status and t.to_status = v_status and p_actor = any (t.actors)
          and coalesce(t.needs_paid = (v_order.paid_cents > 0), true)
      ) then 'bad_transition'
      else 'updated'
    end;
    if v_outcomes[v_nth] = 'updated' then
      perform api.update_orders(p_event_id, array[v_order.id], array[v_status], p_actor_name, p_now);
    end if;
  end loop;

  return query
    select u.nth::integer, u.outcome, c.card
    from unnest(v_outcomes, p_order_ids) with ordinality as u (outcome, order_id, nth)
    left join api.list_order_cards(p_event_id, array(select distinct n.order_id from unnest(p_order_ids) as n (order_id)), false) c
      on c.order_id = u.order_id and u.outcome <> 'not_found'
    order by u.nth;
end;
$$;
comment on function api.update_order_statuses(bigint, bigint[], bigint[], text[], integer[], text, text, timestamptz) is
  'Gives orders of one event the status that a buyer or an admin asks for; one row per request in input order';
