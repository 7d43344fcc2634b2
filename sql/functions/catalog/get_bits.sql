-- A bitmap of p_length bits in which the given slots are set, counted from 0.
create or replace function api.get_bits(p_slots integer[], p_length integer)
returns bit varying
language plpgsql
immutable
strict
parallel safe
as $$
declare
  v_bits bit varying := repeat('0', p_length);
  v_slot integer;
begin
  foreach v_slot in array p_slots loop
    v_bits := set_bit(v_bits, v_slot, 1);
  end loop;
  return v_bits;
end;
$$;
comment on function api.get_bits(integer[], integer) is 'A bitmap in which the given slots are set';
