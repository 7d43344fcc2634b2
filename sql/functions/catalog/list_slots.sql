-- The slots that are set in a bitmap, counted from 0, ascending. The text between two ones tells how far the next one is:
-- to ask for every bit of a block took twenty times as long.
-- Neither definer nor SET, so that it is inlined.
create or replace function api.list_slots(p_bits bit varying)
returns table (slot integer)
language sql
immutable
parallel safe
as $$
  select (sum(octet_length(t.zeros) + 1) over (order by t.nth) - 1)::integer
  from string_to_table(p_bits::text collate "C", '1') with ordinality as t (zeros, nth)
  where t.nth <= bit_count(p_bits)
$$;
comment on function api.list_slots(bit varying) is 'The slots that are set in a bitmap, ascending';
