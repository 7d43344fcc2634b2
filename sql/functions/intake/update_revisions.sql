-- Counts a visible change of each event and tells every process: the last write of any function that changes what is
-- seen. One NOTIFY a commit (it takes a global lock at commit: 32 clients that notified in single-row commits fell
-- from 7.6 k to 2.0 k commits a second; in batches of 100 it costs a fifth), split only for its 8000-byte bound.
-- Locks: event_revisions by event_id, then the catalogue's one row where something was edited.
-- Payload on channel onsale_changes: <catalogue revision, 0 = not edited>;<event id>:<revision>:<e|f|c>,...
--   e edited, new or gone · f a ticket went from or to nothing left · c only counts; `*` where too much changed.
create or replace function api.update_revisions(p_edited bigint[], p_flipped bigint[], p_changed bigint[])
returns void
language plpgsql
volatile
as $$
declare
  v_event_ids bigint[] := p_edited || p_flipped || p_changed;
  v_is_too_much boolean := cardinality(v_event_ids) > 3000;
  v_catalogue bigint := 0;
  v_entries text[];
begin
  if coalesce(cardinality(v_event_ids), 0) = 0 then
    return;
  end if;

  with counted as (
    insert into onsale.event_revisions as r (event_id, revision)
    select distinct u.event_id, 1
    from unnest(v_event_ids) as u (event_id)
    order by u.event_id
    on conflict (event_id) do update set revision = r.revision + 1
    returning r.event_id, r.revision
  )
  select array_agg(
    c.event_id || ':' || c.revision || ':' || case
      when c.event_id = any (p_edited) then 'e'
      when c.event_id = any (p_flipped) then 'f'
      else 'c'
    end
  )
  into v_entries
  from counted c
  where not v_is_too_much;

  if cardinality(p_edited) > 0 then
    update onsale.catalogue c set revision = c.revision + 1 returning c.revision into strict v_catalogue;
  end if;

  if v_is_too_much then
    perform pg_notify('onsale_changes', '*');
  else
    for v_first in 1..cardinality(v_entries) by 150 loop
      perform pg_notify(
        'onsale_changes', v_catalogue || ';' || array_to_string(v_entries[v_first:v_first + 149], ',')
      );
    end loop;
  end if;
end;
$$;
comment on function api.update_revisions(bigint[], bigint[], bigint[]) is
  'Raises the revision of events that were edited, flipped to or from sold out, or counted anew; sends one NOTIFY';
