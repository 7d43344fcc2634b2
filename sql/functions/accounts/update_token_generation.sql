-- Ends all tokens of a user: those that he is given from now on name the generation that is returned. Null: no such user.
create or replace function api.update_token_generation(
  p_user_id bigint,
  p_actor text,
  p_now timestamptz default clock_timestamp()
)
returns integer
language sql
volatile
security definer
set search_path = ''
as $$
  with updated as (
    update onsale.users u set token_generation = u.token_generation + 1, updated_at = p_now
    where u.id = p_user_id
    returning u.id, u.token_generation
  ), audited as (
    insert into onsale.audit_log (at, actor, action, subject)
    select p_now, p_actor, 'user.logout', 'user ' || u.id from updated u
  )
  select u.token_generation from updated u
$$;
comment on function api.update_token_generation(bigint, text, timestamptz) is 'Ends all tokens of a user; returns his next generation';
