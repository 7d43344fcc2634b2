-- The next differences that are to be repaired, as the webhooks that would have told them: what is lost or theirs, never what is
-- late or ours; in all no more than the reconciliation allows. Triggered when the snapshot was begun, so that what was told
-- since stays. is_absent: the shop has it no more. No locks.
create or replace function api.list_repairs(p_reconciliation_id bigint, p_limit integer)
returns table (
  id bigint, kind text, key text, is_absent boolean, shop text, topic text, triggered_ns bigint, body text, description text
)
language sql
stable
as $$
  select
    d.id, d.kind, d.key, d.evidence -> 'there' = 'null', u.shop, d.topic,
    (extract(epoch from u.started_at) * 1000000000)::bigint, d.body::text, d.description
  from onsale.reconciliations r
  join onsale.sync_runs u on u.id = r.run_id
  join onsale.differences d on d.reconciliation_id = r.id
  where r.id = p_reconciliation_id and not r.is_dry_run
    and d.cause in ('lost', 'theirs') and d.outcome is null and d.body is not null
  order by array_position('{product,item,level,order}', d.kind), d.id
  limit least(p_limit, (
    select m.repairs_max - (
      select count(*) from onsale.differences o where o.reconciliation_id = m.id and o.outcome is not null
    )
    from onsale.reconciliations m
    where m.id = p_reconciliation_id
  ))
$$;
comment on function api.list_repairs(bigint, integer) is
  'The next differences to be repaired, as the webhooks that would have told them';
