-- An instant from merchant's text, null where it is none: a mistyped metafield must not keep a product out of the
-- mirror. (PostgreSQL 15 has no pg_input_is_valid.)
create or replace function api.get_instant(p_text text)
returns timestamptz
language plpgsql
stable
parallel safe
as $$
begin
  if p_text is null or p_text !~ '^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$' then
    return null;
  end if;
  return p_text::timestamptz;
exception
  when datetime_field_overflow or invalid_datetime_format then
    return null;
end;
$$;
comment on function api.get_instant(text) is
  'ISO 8601 text to an instant (UTC where it names no offset); null where it is none';
