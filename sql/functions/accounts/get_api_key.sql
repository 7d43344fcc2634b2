-- The key with this SHA-256 in hexadecimal, unless it was revoked, and notes that it was used, once a minute at most: an exact
-- time would be a write for each request. No row: it admits nobody.
create or replace function api.get_api_key(p_key_hash text, p_now timestamptz default clock_timestamp())
returns table (key_id bigint, scopes text[])
language sql
volatile
rows 1
security definer
set search_path = ''
as $$
  with used as (
    update onsale.api_keys k set used_at = p_now
    where k.key_hash = decode(p_key_hash, 'hex') and k.revoked_at is null
      and (k.used_at is null or k.used_at < p_now - interval '1 minute')
  )
  select k.id, k.scopes from onsale.api_keys k where k.key_hash = decode(p_key_hash, 'hex') and k.revoked_at is null
$$;
comment on function api.get_api_key(text, timestamptz) is 'Id and scopes of the key with a hash, unless it was revoked';
