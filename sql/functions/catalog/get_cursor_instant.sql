-- The instant in a cursor's key: microseconds since 1970, or infinity for no date; null without a key, or where the
-- list is sorted by something else.
create or replace function api.get_cursor_instant(p_sort text, p_key text)
returns timestamptz
language sql
stable
parallel safe
return case
  when p_sort = 'title' then null
  when p_key = 'infinity' then 'infinity'
  else timestamptz 'epoch' + p_key::bigint * interval '1 microsecond'
end;
comment on function api.get_cursor_instant(text, text) is 'The instant that a cursor goes on from, or null';
