-- All keys, newest first, without what would let anybody in.
create or replace function api.list_api_keys()
returns table (
  key_id bigint, name text, scopes text[], created_by bigint, created_at timestamptz, used_at timestamptz, revoked_at timestamptz
)
language sql
stable
security definer
set search_path = ''
as $$
  select k.id, k.name, k.scopes, k.created_by, k.created_at, k.used_at, k.revoked_at from onsale.api_keys k order by k.id desc
$$;
comment on function api.list_api_keys() is 'All keys for machines, newest first';
