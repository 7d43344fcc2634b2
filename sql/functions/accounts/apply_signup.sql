-- Makes a user. p_email is normalised by the caller: trimmed, Unicode NFC, its domain in lower case; of two spellings that
-- differ in case alone the first one has the account.
-- created  user_id is his
-- taken    somebody has the address; user_id is null, so that nothing is told about him
-- A second call finds the address taken.
create or replace function api.apply_signup(
  p_email text,
  p_password_hash text,
  p_role text default 'USER',
  p_actor text default 'signup',
  p_now timestamptz default clock_timestamp()
)
returns table (outcome text, user_id bigint)
language sql
volatile
security definer
set search_path = ''
as $$
  with created as (
    insert into onsale.users (email, password_hash, role, created_at, updated_at)
    values (p_email, p_password_hash, p_role::onsale.role, p_now, p_now)
    on conflict (lower(email)) do nothing
    returning id, role
  ), audited as (
    insert into onsale.audit_log (at, actor, action, subject, after)
    select p_now, p_actor, 'user.create', 'user ' || c.id, jsonb_build_object('role', c.role) from created c
  )
  select case when c.id is null then 'taken' else 'created' end, c.id
  from (values (1)) as one (n)
  left join created c on true
$$;
comment on function api.apply_signup(text, text, text, text, timestamptz) is 'Makes a user, or says that the address is taken';
