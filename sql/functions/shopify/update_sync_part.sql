-- Keeps how far one file of a snapshot has come: in the transaction that staged its lines, so that both are there or neither.
-- p_operation_id, p_file_bytes, p_object_count: null leaves what is known. p_faults: [{line, reason}], of which the first 100
-- are kept. p_is_loaded: it was the last; when all files of the run are, its state is `loaded` and the planner is told how
-- much there is.
create or replace function api.update_sync_part(
  p_run_id bigint,
  p_kind text,
  p_operation_id text default null,
  p_file_bytes bigint default null,
  p_object_count bigint default null,
  p_bytes bigint default 0,
  p_lines bigint default 0,
  p_records bigint default 0,
  p_faults jsonb default '[]',
  p_is_loaded boolean default false,
  p_now timestamptz default clock_timestamp()
)
returns void
language plpgsql
volatile
as $$
begin
  update onsale.sync_parts p set
    operation_id = coalesce(p_operation_id, p.operation_id),
    file_bytes = coalesce(p_file_bytes, p.file_bytes),
    object_count = coalesce(p_object_count, p.object_count),
    loaded_bytes = p.loaded_bytes + p_bytes,
    loaded_lines = p.loaded_lines + p_lines,
    staged_count = p.staged_count + p_records,
    fault_count = p.fault_count + jsonb_array_length(p_faults),
    faults = case
      when p_faults = '[]' then p.faults
      else jsonb_path_query_array(p.faults || p_faults, '$[0 to 99]')
    end,
    loaded_at = case when p_is_loaded then p_now else p.loaded_at end
  where p.run_id = p_run_id and p.kind = p_kind;

  update onsale.sync_runs r set
    updated_at = p_now,
    state = case
      when not exists (select from onsale.sync_parts p where p.run_id = p_run_id and p.loaded_at is null) then 'loaded'
      else r.state
    end
  where r.id = p_run_id;
  if p_is_loaded then
    analyze onsale.staged_records;
  end if;
end;
$$;
comment on function api.update_sync_part(
  bigint, text, text, bigint, bigint, bigint, bigint, bigint, jsonb, boolean, timestamptz
) is 'Keeps how far one file of a snapshot has come';
