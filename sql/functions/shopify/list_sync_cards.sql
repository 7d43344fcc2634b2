-- Snapshots as JSON, each with its files; of those that are asked for by id.
create or replace function api.list_sync_cards(p_ids bigint[])
returns table (id bigint, card json)
language sql
stable
as $$
  select
    r.id,
    json_build_object(
      'id', r.id,
      'purpose', r.purpose,
      'state', r.state,
      'shop', r.shop,
      'orders_since', api.get_utc_text(r.orders_since),
      'started_at', api.get_utc_text(r.started_at),
      'updated_at', api.get_utc_text(r.updated_at),
      'ended_at', api.get_utc_text(r.ended_at),
      'reason', r.reason,
      'report', r.report,
      'parts', (
        select coalesce(json_agg(json_build_object(
          'kind', p.kind,
          'operation_id', p.operation_id,
          'file_bytes', p.file_bytes,
          'object_count', p.object_count,
          'loaded_bytes', p.loaded_bytes,
          'loaded_lines', p.loaded_lines,
          'is_loaded', p.loaded_at is not null,
          'staged_count', p.staged_count,
          'fault_count', p.fault_count,
          'faults', p.faults,
          'applied_line', p.applied_line,
          'lanes', cardinality(p.lane_lines),
          'is_applied', p.applied_at is not null,
          'read_count', p.read_count,
          'news_count', p.news_count
        ) order by array_position('{products,inventory,orders}', p.kind)), '[]')
        from onsale.sync_parts p
        where p.run_id = r.id
      )
    )
  from onsale.sync_runs r
  where r.id = any (p_ids)
$$;
comment on function api.list_sync_cards(bigint[]) is 'Snapshots with their files as JSON, by id';
