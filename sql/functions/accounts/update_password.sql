-- Gives a user another password; all tokens that he was given before count no more.
-- updated   token_generation is what his next tokens name
-- stale     his password is not the one in p_old_hash any more: somebody changed it meanwhile; or there is no such user
create or replace function api.update_password(
  p_user_id bigint,
  p_old_hash text,
  p_new_hash text,
  p_now timestamptz default clock_timestamp()
)
returns table (outcome text, token_generation integer)
language sql
volatile
security definer
set search_path = ''
as $$
  with updated as (
    update onsale.users u set
      password_hash = p_new_hash,
      token_generation = u.token_generation + 1,
      updated_at = p_now
    where u.id = p_user_id and u.password_hash = p_old_hash
    returning u.id, u.token_generation
  ), audited as (
    insert into onsale.audit_log (at, actor, action, subject)
    select p_now, 'user ' || u.id, 'user.password', 'user ' || u.id from updated u
  )
  select case when u.id is null then 'stale' else 'updated' end, u.token_generation
  from (values (1)) as one (n)
  left join updated u on true
$$;
comment on function api.update_password(bigint, text, text, timestamptz) is 'Gives a user another password and ends all his tokens';
