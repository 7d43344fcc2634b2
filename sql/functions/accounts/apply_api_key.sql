-- Keeps a new key for a machine by its SHA-256 in hexadecimal; returns its id. The same key twice is a fault of the caller.
create or replace function api.apply_api_key(
  p_name text,
  p_key_hash text,
  p_scopes text[],
  p_user_id bigint,
  p_now timestamptz default clock_timestamp()
)
returns bigint
language sql
volatile
security definer
set search_path = ''
as $$
  with created as (
    insert into onsale.api_keys (name, key_hash, scopes, created_by, created_at)
    values (p_name, decode(p_key_hash, 'hex'), p_scopes, p_user_id, p_now)
    returning id, name, scopes
  ), audited as (
    insert into onsale.audit_log (at, actor, action, subject, after)
    select p_now, 'user ' || p_user_id, 'key.create', 'key ' || c.id, jsonb_build_object('name', c.name, 'scopes', c.scopes)
    from created c
  )
  select c.id from created c
$$;
comment on function api.apply_api_key(text, text, text[], bigint, timestamptz) is 'Keeps the hash of a new key for a machine; returns its id';
