-- JSON from merchant's text, null where it is none, for the same reason as get_instant.
create or replace function api.get_json(p_text text)
returns jsonb
language plpgsql
immutable
parallel safe
as $$
begin
  return p_text::jsonb;
exception
  when invalid_text_representation or untranslatable_character or numeric_value_out_of_range or statement_too_complex then
    return null;
end;
$$;
comment on function api.get_json(text) is 'JSON text to jsonb; null where it is none';
