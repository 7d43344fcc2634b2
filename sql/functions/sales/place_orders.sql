-- Places a batch of orders of one event, in the order of the batch: all decisions on who gets what are made here. One
-- row per request, in input order.
-- placed            held until expires_at where it costs something, PAID at once where it is free
-- replayed          the same user, token and request as an earlier order: body is that order as it was answered then
-- conflict          the same user and token, another request
-- unknown_ticket    no such ticket of the event, or not for visitors
-- sales_paused      the direct channel of the event is paused
-- not_on_sale       the event is over, a ticket's sale has not begun or has ended, or this channel does not sell it
-- limit_reached     detail: limit, owned (units of the event that the user holds or has bought)
-- held_by_others    nothing left but what unpaid orders hold; detail: retry_after_seconds, when the first of them ends
-- sold_out          less is left than is asked for
-- What has expired is free at that instant: orders of the event whose time is over are expired first, in the same call.
-- A request is all or nothing. One that is refused writes nothing.
-- Requests are the parallel arrays of users and tokens; items those that name their request by its place from 1.
-- A ticket that stands twice in a request counts together.
-- Locks: the event's sales (advisory, by event), stock by ticket, event_revisions.
create or replace function api.place_orders(
  p_event_id bigint,
  p_user_ids bigint[],
  p_client_tokens text[],
  p_item_requests integer[],
  p_item_ticket_ids bigint[],
  p_item_quantities integer[],
  p_hold_seconds integer,
  p_now timestamptz default clock_timestamp()
)
returns table (ordinal integer, outcome text, body json, detail json)
language plpgsql
volatile
security definer
set search_path = ''
-- The plans are the same for any batch, and look up by key whatever the statistics say: tables that were empty when they
-- were planned were read whole, for 4 ms an order.
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
as $$
#variable_conflict use_column
declare
  v_count constant integer := cardinality(p_user_ids);
  -- Of the event; null where it is not for visitors.
  v_is_open boolean;
  v_is_paused boolean;
  v_limit bigint;
  v_currency text;
  v_title text;
  -- By request.
  v_outcomes text[] := array_fill(null::text, array[v_count]);
  v_details json[] := array_fill(null::json, array[v_count]);
  v_order_ids bigint[];
  v_new_ids bigint[] := array_fill(0::bigint, array[v_count]);
  v_fingerprints uuid[];
  v_known_fingerprints uuid[];
  v_groups integer[];
  v_users integer[];
  v_units bigint[];
  v_totals bigint[];
  v_has_unknown boolean[];
  v_has_closed boolean[];
  v_item_firsts integer[];
  v_item_counts integer[];
  -- By item, requests after each other.
  v_items_of integer[];
  v_item_tickets integer[];
  v_item_quantities bigint[];
  -- By ticket: what is left, and what is left or held by others.
  v_ticket_ids bigint[];
  v_left bigint[];
  v_held bigint[];
  -- Null: no such ticket, or not for visitors.
  v_prices bigint[];
  v_skus text[];
  v_names text[];
  v_is_closed boolean[];
  -- By user, and by group: requests of one user with one token.
  v_owned bigint[];
  v_winners integer[];
  v_fingerprint uuid;
  v_winner integer;
  v_ticket integer;
  v_quantity bigint;
  v_last integer;
  v_placed_count integer := 0;
  v_is_short boolean;
  v_is_gone boolean;
  v_flipped boolean;
begin
  perform api.expire_orders(p_event_id, p_now);

  select e.over_at >= p_now, e.is_sales_paused, e.per_user_limit, e.currency, e.title
  into v_is_open, v_is_paused, v_limit, v_currency, v_title
  from onsale.events e
  where e.id = p_event_id and e.status in ('active', 'unlisted') and e.deleted_at is null;

  select
    array_agg(n.ticket_id order by n.ticket_id),
    -- Without a bound there is always more.
    array_agg(case when s.ticket_id is null then 0 else coalesce(s.available, 9007199254740991) end order by n.ticket_id),
    array_agg(coalesce(s.held, 0) order by n.ticket_id),
    array_agg(t.price_cents order by n.ticket_id),
    array_agg(t.sku order by n.ticket_id),
    array_agg(t.name order by n.ticket_id),
    array_agg(
      s.ticket_id is null or coalesce(p_now < t.sale_starts_at, false) or coalesce(p_now >= t.sale_ends_at, false)
      order by n.ticket_id
    )
  into v_ticket_ids, v_left, v_held, v_prices, v_skus, v_names, v_is_closed
  from (select distinct u.ticket_id from unnest(p_item_ticket_ids) as u (ticket_id)) n
  left join lateral (
    select s.ticket_id, s.available, s.held
    from onsale.stock s
    where s.event_id = p_event_id and s.ticket_id = n.ticket_id and s.channel = 'direct'
    offset 0
  ) s on true
  left join lateral (
    select t.price_cents, t.sku, t.name, t.sale_starts_at, t.sale_ends_at
    from onsale.tickets t
    where t.event_id = p_event_id and t.id = n.ticket_id and t.is_visible and not t.is_removed
    offset 0
  ) t on true;

  select
    array_agg(i.request order by i.request, i.ticket),
    array_agg(i.ticket order by i.request, i.ticket),
    array_agg(i.quantity order by i.request, i.ticket)
  into v_items_of, v_item_tickets, v_item_quantities
  from (
    select u.request, array_position(v_ticket_ids, u.ticket_id) as ticket, sum(u.quantity)::bigint as quantity
    from unnest(p_item_requests, p_item_ticket_ids, p_item_quantities) as u (request, ticket_id, quantity)
    group by u.request, u.ticket_id
  ) i;

  select
    array_agg(r.fingerprint order by q.nth),
    array_agg(r.units order by q.nth),
    array_agg(r.total order by q.nth),
    array_agg(r.has_unknown order by q.nth),
    array_agg(r.has_closed order by q.nth),
    array_agg(r.item_first order by q.nth),
    array_agg(r.item_count order by q.nth),
    array_agg(o.id order by q.nth),
    array_agg(o.fingerprint order by q.nth),
    array_agg(q.user_place order by q.nth),
    array_agg(q.group_place order by q.nth)
  into
    v_fingerprints, v_units, v_totals, v_has_unknown, v_has_closed, v_item_firsts, v_item_counts, v_order_ids,
    v_known_fingerprints, v_users, v_groups
  from (
    select
      u.user_id, u.client_token, u.nth::integer,
      dense_rank() over (order by u.user_id)::integer as user_place,
      dense_rank() over (order by u.user_id, u.client_token)::integer as group_place
    from unnest(p_user_ids, p_client_tokens) with ordinality as u (user_id, client_token, nth)
  ) q
  left join (
    select
      i.request,
      md5(string_agg(v_ticket_ids[i.ticket] || 'x' || i.quantity, ',' order by i.ticket))::uuid as fingerprint,
      sum(i.quantity)::bigint as units,
      sum(i.quantity * v_prices[i.ticket])::bigint as total,
      bool_or(v_prices[i.ticket] is null) as has_unknown,
      bool_or(v_is_closed[i.ticket]) as has_closed,
      min(i.nth)::integer as item_first,
      count(*)::integer as item_count
    from unnest(v_items_of, v_item_tickets, v_item_quantities) with ordinality as i (request, ticket, quantity, nth)
    group by i.request
  ) r on r.request = q.nth
  left join lateral (
    select o.id, o.fingerprint
    from onsale.orders o
    where o.event_id = p_event_id and o.user_id = q.user_id and o.client_token = q.client_token
    offset 0
  ) o on true;

  select array_agg(coalesce(k.unit_count, 0) order by n.user_id) into v_owned
  from (select distinct u.user_id from unnest(p_user_ids) as u (user_id)) n
  left join lateral (
    select k.unit_count from onsale.user_event_quota k where k.event_id = p_event_id and k.user_id = n.user_id offset 0
  ) k on true;
  v_winners := array_fill(0, array[v_count]);

  -- One after the other, because each takes from what is left for the next. Every line costs each request half a µs.
  for v_nth in 1..v_count loop
    v_winner := v_winners[v_groups[v_nth]];
    v_fingerprint := case when v_winner > 0 then v_fingerprints[v_winner] else v_known_fingerprints[v_nth] end;
    if v_fingerprint is not null then
      v_outcomes[v_nth] := case when v_fingerprint = v_fingerprints[v_nth] then 'replayed' else 'conflict' end;
    elsif v_is_open is null or v_has_unknown[v_nth] is distinct from false then
      v_outcomes[v_nth] := 'unknown_ticket';
    elsif v_is_paused then
      v_outcomes[v_nth] := 'sales_paused';
    elsif not v_is_open or v_has_closed[v_nth] then
      v_outcomes[v_nth] := 'not_on_sale';
    elsif v_owned[v_users[v_nth]] + v_units[v_nth] > v_limit then
      v_outcomes[v_nth] := 'limit_reached';
      v_details[v_nth] := json_build_object('limit', v_limit, 'owned', v_owned[v_users[v_nth]]);
    else
      v_last := v_item_firsts[v_nth] + v_item_counts[v_nth] - 1;
      v_is_short := false;
      v_is_gone := false;
      for v_item in v_item_firsts[v_nth]..v_last loop
        v_ticket := v_item_tickets[v_item];
        v_quantity := v_item_quantities[v_item];
        if v_left[v_ticket] < v_quantity then
          v_is_short := true;
          v_is_gone := v_is_gone or v_left[v_ticket] + v_held[v_ticket] < v_quantity;
        end if;
      end loop;
      if v_is_short then
        v_outcomes[v_nth] := case when v_is_gone then 'sold_out' else 'held_by_others' end;
      else
        v_outcomes[v_nth] := 'placed';
        v_placed_count := v_placed_count + 1;
        v_new_ids[v_nth] := nextval('onsale.orders_id_seq');
        v_winners[v_groups[v_nth]] := v_nth;
        v_owned[v_users[v_nth]] := v_owned[v_users[v_nth]] + v_units[v_nth];
        for v_item in v_item_firsts[v_nth]..v_last loop
          v_ticket := v_item_tickets[v_item];
          v_left[v_ticket] := v_left[v_ticket] - v_item_quantities[v_item];
          if v_totals[v_nth] > 0 then
            v_held[v_ticket] := v_held[v_ticket] + v_item_quantities[v_item];
          end if;
        end loop;
      end if;
    end if;
  end loop;

  if v_placed_count > 0 then
    insert into onsale.orders (
      event_id, id, user_id, client_token, fingerprint, status, unit_count, total_cents, currency, expires_at, created_at,
      updated_at
    )
    select
      p_event_id, n.order_id, n.user_id, n.client_token, n.fingerprint,
      case when n.total = 0 then 'PAID' else 'PENDING' end::onsale.sale_status,
      n.units, n.total, v_currency, case when n.total > 0 then p_now + make_interval(secs => p_hold_seconds) end, p_now, p_now
    from unnest(v_new_ids, p_user_ids, p_client_tokens, v_fingerprints, v_units, v_totals)
      as n (order_id, user_id, client_token, fingerprint, units, total)
    where n.order_id > 0;

    insert into onsale.order_items (event_id, order_id, ticket_id, quantity, price_cents, sku, name)
    select
      p_event_id, v_new_ids[i.request], v_ticket_ids[i.ticket], i.quantity, v_prices[i.ticket], v_skus[i.ticket],
      coalesce(v_names[i.ticket], v_title)
    from unnest(v_items_of, v_item_tickets, v_item_quantities) as i (request, ticket, quantity)
    where v_new_ids[i.request] > 0;

    insert into onsale.ticket_units (event_id, order_id, ticket_id, nth)
    select p_event_id, v_new_ids[i.request], v_ticket_ids[i.ticket], k.nth
    from unnest(v_items_of, v_item_tickets, v_item_quantities) as i (request, ticket, quantity)
    cross join lateral generate_series(1, i.quantity) as k (nth)
    where v_new_ids[i.request] > 0 and v_totals[i.request] = 0;

    with deltas as (
      select
        v_ticket_ids[i.ticket] as ticket_id,
        coalesce(sum(i.quantity) filter (where v_totals[i.request] > 0), 0) as held,
        coalesce(sum(i.quantity) filter (where v_totals[i.request] = 0), 0) as sold
      from unnest(v_items_of, v_item_tickets, v_item_quantities) as i (request, ticket, quantity)
      where v_new_ids[i.request] > 0
      group by i.ticket
      order by 1
    ), written as (
      update onsale.stock s set held = s.held + d.held, sold = s.sold + d.sold
      from deltas d
      where s.event_id = p_event_id and s.ticket_id = d.ticket_id and s.channel = 'direct'
      returning s.available
    )
    select bool_or(coalesce(w.available <= 0, false)) into strict v_flipped from written w;

    insert into onsale.user_event_quota as k (event_id, user_id, unit_count)
    select p_event_id, n.user_id, sum(n.units)
    from unnest(v_new_ids, p_user_ids, v_units) as n (order_id, user_id, units)
    where n.order_id > 0
    group by n.user_id
    on conflict (event_id, user_id) do update set unit_count = k.unit_count + excluded.unit_count;

    perform api.update_revisions('{}', case when v_flipped then array[p_event_id] else '{}' end, array[p_event_id]);
  end if;

  return query
    select
      u.nth,
      u.outcome,
      c.card,
      case
        when u.outcome <> 'held_by_others' then v_details[u.nth]
        else json_build_object('retry_after_seconds', ceil(extract(epoch from (
          select min(o.expires_at) - p_now from onsale.orders o where o.event_id = p_event_id and o.status = 'PENDING'
        ))))
      end
    from (
      select
        o.outcome, o.nth::integer,
        case
          when o.outcome not in ('placed', 'replayed') then null
          when v_winners[v_groups[o.nth]] > 0 then v_new_ids[v_winners[v_groups[o.nth]]]
          else v_order_ids[o.nth]
        end as order_id
      from unnest(v_outcomes) with ordinality as o (outcome, nth)
    ) u
    left join api.list_order_cards(
      p_event_id, array(select unnest(v_new_ids || v_order_ids) except values (0::bigint), (null)), true
    ) c on c.order_id = u.order_id
    order by u.nth;
end;
$$;
comment on function api.place_orders(bigint, bigint[], text[], integer[], bigint[], integer[], integer, timestamptz) is
  'Places a batch of orders of one event; one row per request in input order, with its outcome, order and detail';
