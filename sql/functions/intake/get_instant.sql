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
  -- Where it names no offset, and not in the time zone that the server happens to have.
  return (p_text || case when p_text !~ '(Z|[+-]\d\d:?\d\d)$' or length(p_text) = 10 then ' UTC' else '' end)::timestamptz;
exception
  when datetime_field_overflow or invalid_datetime_format or invalid_time_zone_displacement_value then
    return null;
end;
$$;
comment on function api.get_instant(text) is
  'ISO 8601 text to an instant (UTC where it names no offset); null where it is none';
