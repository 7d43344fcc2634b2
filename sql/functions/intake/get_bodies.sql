-- The bodies of a batch, cut out of the one value in which they are sent: ordinal (from 1) and raw bytes.
create or replace function api.get_bodies(p_bodies bytea, p_body_lengths integer[])
returns table (ordinal bigint, body bytea)
language sql
immutable
parallel safe
as $$
  select
    l.ordinal,
    substring(p_bodies from (sum(l.length) over (order by l.ordinal))::integer - l.length + 1 for l.length)
  from unnest(p_body_lengths) with ordinality as l (length, ordinal)
$$;
comment on function api.get_bodies(bytea, integer[]) is 'Cuts a batch''s bodies out of one value: ordinal and raw bytes';
