-- Writes what somebody changed into the audit log: of two states of a row only the fields that differ, and none that count or
-- derive. p_before null: the row is new, and its empty fields are left out. Part of every function that edits.
-- Returns whether anything differs; where nothing does, nothing is written. A second call writes a second entry. No locks.
create or replace function api.apply_audit_entry(
  p_actor text,
  p_action text,
  p_subject text,
  p_before jsonb,
  p_after jsonb,
  p_now timestamptz
)
returns boolean
language plpgsql
volatile
as $$
begin
  insert into onsale.audit_log (at, actor, action, subject, before, after)
  select p_now, p_actor, p_action, p_subject, case when p_before is not null then d.before end, d.after
  from (
    select jsonb_object_agg(a.key, p_before -> a.key) as before, jsonb_object_agg(a.key, a.value) as after
    from jsonb_each(p_after) a
    where a.value <> coalesce(p_before -> a.key, 'null')
      and a.key <> all (array[
        'id', 'version', 'created_at', 'updated_at', 'sort_starts_at', 'over_at', 'title_key', 'search'
      ])
  ) d
  where d.after is not null;
  return found;
end;
$$;
comment on function api.apply_audit_entry(text, text, text, jsonb, jsonb, timestamptz) is
  'Writes the fields in which two states of a row differ into the audit log; tells whether any does';
