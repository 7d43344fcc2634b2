-- Holds the next records of a snapshot's file (products, inventory or orders; at most p_limit of its roots) against the mirror and
-- keeps what differs, with its cause:
-- ours    a write of ours to the event is under way (list_busy_events)
-- late    it changed in the shop less than p_grace before p_now: its webhook may still come
-- lost    it changed there later than here, and longer ago: no webhook told it
-- theirs  both have it from the same second, and yet otherwise
-- Answers up to which line it has come, and how many records it read; null: there are no more. A second call keeps the same
-- again. Locks: differences.
create or replace function api.apply_comparison(
  p_reconciliation_id bigint,
  p_part text,
  p_after_line bigint,
  p_limit integer,
  p_now timestamptz default clock_timestamp()
)
returns table (last_line bigint, compared_count integer)
language plpgsql
volatile
-- As apply_deliveries: look up by key, whatever young statistics say.
set enable_seqscan = off
set jit = off
as $$
declare
  v_run onsale.reconciliations;
  v_busy bigint[];
begin
  select r.* into strict v_run from onsale.reconciliations r where r.id = p_reconciliation_id;

  select max(n.line), count(*) into last_line, compared_count
  from (
    select s.line
    from onsale.staged_records s
    where s.run_id = v_run.run_id and s.line > p_after_line
      and s.kind = case p_part when 'products' then 'product' when 'inventory' then 'item' else 'order' end
    order by s.line
    limit p_limit
  ) n;
  if last_line is null then
    return;
  end if;

  v_busy := array(select b.event_id from api.list_busy_events(v_run.grace, p_now) b);
  insert into onsale.differences as k (reconciliation_id, kind, key, cause, evidence, topic, body, description)
  select
    v_run.id, (d.fact).kind, d.key,
    case
      when d.event_id = any (v_busy) then 'ours'
      when t.at > p_now - v_run.grace then 'late'
      when d.here is null or t.at > d.here_at then 'lost'
      else 'theirs'
    end,
    jsonb_build_object(
      'there', coalesce(c.there, '{}') || jsonb_build_object('updated_at', api.get_utc_text(t.at)),
      'here', case when d.here is not null then
        coalesce(c.here, '{}') || jsonb_build_object('updated_at', api.get_utc_text(d.here_at))
      end
    ),
    case (d.fact).kind
      when 'product' then 'products/update'
      when 'item' then 'inventory_items/update'
      when 'level' then 'inventory_levels/update'
      else 'orders/updated'
    end,
    (d.fact).body, (d.fact).description
  from (
    select p.* from api.list_product_differences(v_run.run_id, p_after_line, p_limit) p where p_part = 'products'
    union all
    select i.* from api.list_inventory_differences(v_run.run_id, p_after_line, p_limit) i where p_part = 'inventory'
    union all
    select o.* from api.list_order_differences(v_run.run_id, p_after_line, p_limit) o where p_part = 'orders'
  ) d
  cross join lateral (select ((d.fact).stamp).updated_at as at) t
  -- Of both sides what differs: a product of 2,000 tickets need not be told twice for a price.
  cross join lateral (
    select jsonb_object_agg(e.key, e.value) as there, jsonb_object_agg(e.key, d.here -> e.key) as here
    from jsonb_each(d.there) e
    where e.value is distinct from d.here -> e.key
  ) c
  on conflict (reconciliation_id, kind, key) do update set
    cause = excluded.cause,
    evidence = excluded.evidence,
    topic = excluded.topic,
    body = excluded.body,
    description = excluded.description
  where k.outcome is null;

  update onsale.reconciliations r set compared_count = r.compared_count + apply_comparison.compared_count
  where r.id = v_run.id;
  return next;
end;
$$;
comment on function api.apply_comparison(bigint, text, bigint, integer, timestamptz) is
  'Holds the next records of a snapshot against the mirror and keeps what differs, with its cause';
