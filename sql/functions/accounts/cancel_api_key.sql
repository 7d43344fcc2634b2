-- Revokes a key: from the commit on it admits nobody. False: there is none, or it was revoked before.
create or replace function api.cancel_api_key(
  p_key_id bigint,
  p_user_id bigint,
  p_now timestamptz default clock_timestamp()
)
returns boolean
language sql
volatile
security definer
set search_path = ''
as $$
  with revoked as (
    update onsale.api_keys k set revoked_at = p_now where k.id = p_key_id and k.revoked_at is null returning k.id
  ), audited as (
    insert into onsale.audit_log (at, actor, action, subject)
    select p_now, 'user ' || p_user_id, 'key.revoke', 'key ' || r.id from revoked r
  )
  select exists (select from revoked)
$$;
comment on function api.cancel_api_key(bigint, bigint, timestamptz) is 'Revokes a key for a machine; false where there was none to revoke';
