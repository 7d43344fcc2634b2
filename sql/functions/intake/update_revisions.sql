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
  v_count integer;
  v_catalogue bigint := 0;
  v_parts text[];
begin
  with touched as (
    select n.event_id, min(n.flag) as rank
    from (
      select u.id, 1 from unnest(p_edited) as u (id)
      union all
      select u.id, 2 from unnest(p_flipped) as u (id)
      union all
      select u.id, 3 from unnest(p_changed) as u (id)
    ) as n (event_id, flag)
    group by n.event_id
  ), counted as (
    insert into onsale.event_revisions as r (event_id, revision)
    select t.event_id, 1
    from touched t
    order by t.event_id
    on conflict (event_id) do update set revision = r.revision + 1
    returning r.event_id, r.revision
  ), numbered as (
    select c.event_id, c.revision, t.rank, (row_number() over () - 1) / 150 as part
    from counted c
    join touched t on t.event_id = c.event_id
  ), parts as (
    select
      n.part, count(*) as event_count,
      string_agg(n.event_id || ':' || n.revision || ':' || (array['e', 'f', 'c'])[n.rank], ',') as entries
    from numbered n
    group by n.part
  )
  select array_agg(p.entries), sum(p.event_count)::integer into v_parts, v_count
  from parts p;

  if v_parts is null then
    return;
  end if;

  if cardinality(p_edited) > 0 then
    update onsale.catalogue c set revision = c.revision + 1 returning c.revision into strict v_catalogue;
  end if;

  if v_count > 3000 then
    perform pg_notify('onsale_changes', '*');
  else
    perform pg_notify('onsale_changes', v_catalogue || ';' || u.entries)
    from unnest(v_parts) as u (entries);
  end if;
end;
$$;
comment on function api.update_revisions(bigint[], bigint[], bigint[]) is
  'Raises the revision of events that were edited, flipped to or from sold out, or counted anew; sends one NOTIFY';
