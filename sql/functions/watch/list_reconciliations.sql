-- The newest reconciliations as JSON, each with its counts by kind, cause and outcome; the newest one that ended with its first
-- p_differences_max differences, those that stand first.
create or replace function api.list_reconciliations(p_limit integer, p_differences_max integer)
returns json
language sql
stable
security definer
set search_path = ''
as $$
  select json_build_object(
    'reconciliations', (
      select coalesce(json_agg(json_build_object(
        'id', r.id,
        'started_by', r.started_by,
        'dry_run', r.is_dry_run,
        'started_at', api.get_utc_text(r.started_at),
        'ended_at', api.get_utc_text(r.ended_at),
        'reason', r.reason,
        'compared', r.compared_count,
        'counts', (
          select coalesce(json_agg(json_build_object(
            'kind', c.kind, 'cause', c.cause, 'count', c.count, 'repaired', c.repaired_count
          ) order by c.kind, c.cause), '[]')
          from (
            select d.kind, d.cause, count(*) as count, count(*) filter (where d.outcome = 'repaired') as repaired_count
            from onsale.differences d
            where d.reconciliation_id = r.id
            group by d.kind, d.cause
          ) c
        )
      ) order by r.id desc), '[]')
      from (select o.* from onsale.reconciliations o order by o.id desc limit p_limit) r
    ),
    'differences', (
      select coalesce(json_agg(json_build_object(
        'kind', d.kind, 'key', d.key, 'cause', d.cause, 'outcome', d.outcome, 'there', d.evidence -> 'there',
        'here', d.evidence -> 'here'
      ) order by d.outcome is not null, d.id), '[]')
      from (
        select n.*
        from onsale.differences n
        where n.reconciliation_id = (select max(o.id) from onsale.reconciliations o where o.ended_at is not null)
        order by n.outcome is not null, n.id
        limit p_differences_max
      ) d
    )
  )
$$;
comment on function api.list_reconciliations(integer, integer) is
  'The newest reconciliations as JSON with their counts, and the differences of the newest that ended';
