-- Forgets looks that were done before p_before, at most p_limit of them; answers how many. Locks: jobs, skipping what is locked.
create or replace function api.reap_looks(p_before timestamptz, p_limit integer)
returns integer
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_count integer;
begin
  delete from onsale.jobs d
  where d.id in (
    select j.id
    from onsale.jobs j
    where j.kind in ('look_order', 'look_level') and j.state = 'done' and j.updated_at < p_before
    order by j.updated_at
    limit p_limit
    for update skip locked
  );
  get diagnostics v_count = row_count;
  return v_count;
end;
$$;
comment on function api.reap_looks(timestamptz, integer) is 'Forgets looks that were done long ago; how many';
