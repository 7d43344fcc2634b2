-- What a login is checked against, by address in any case. No row: nobody has it.
create or replace function api.get_login(p_email text)
returns table (user_id bigint, password_hash text, role text, token_generation integer)
language sql
stable
rows 1
security definer
set search_path = ''
as $$
  select u.id, u.password_hash, u.role::text, u.token_generation from onsale.users u where lower(u.email) = lower(p_email)
$$;
comment on function api.get_login(text) is 'Password hash, role and token generation of the user with an address';
