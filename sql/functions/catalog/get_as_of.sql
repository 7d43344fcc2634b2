-- The instant of which a read is certain to know all that was committed before. now() is the start of the transaction
-- and so not after its snapshot; clock_timestamp() would be. A replica knows what it has replayed: its newest commit,
-- which the heartbeat on the primary (a NOTIFY takes a transaction id, so it is replayed too) moves on each second.
create or replace function api.get_as_of()
returns timestamptz
language sql
stable
parallel safe
return case
  when pg_is_in_recovery() then coalesce(pg_last_xact_replay_timestamp(), '-infinity')
  else now()
end;
comment on function api.get_as_of() is 'Everything committed before this instant is in what this transaction reads';
