-- Users by id, one row per id in input order: whom a token means, and whether it still counts. Nulls: no such user.
create or replace function api.list_users(p_user_ids bigint[])
returns table (ordinal bigint, user_id bigint, email text, role text, token_generation integer)
language sql
stable
security definer
set search_path = ''
as $$
  select n.nth, u.id, u.email, u.role::text, u.token_generation
  from unnest(p_user_ids) with ordinality as n (user_id, nth)
  left join onsale.users u on u.id = n.user_id
  order by n.nth
$$;
comment on function api.list_users(bigint[]) is 'Address, role and token generation of users, one row per id in input order';
