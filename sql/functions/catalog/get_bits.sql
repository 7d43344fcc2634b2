-- A bitmap with the given slots, counted from 0, set to p_value.
create or replace function api.get_bits(p_bits bit varying, p_slots integer[], p_value integer)
returns bit varying
language plpgsql
immutable
strict
parallel safe
as $$
declare
  v_bits bit varying := p_bits;
  v_slot integer;
begin
  foreach v_slot in array p_slots loop
    v_bits := set_bit(v_bits, v_slot, p_value);
  end loop;
  return v_bits;
end;
$$;
comment on function api.get_bits(bit varying, integer[], integer) is 'A bitmap with the given slots set to 0 or 1';
