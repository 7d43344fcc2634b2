-- One job as JSON, as clients see it; null: there is none.
create or replace function api.get_job(p_id bigint)
returns json
language sql
stable
security definer
set search_path = ''
as $$
  select c.card from api.list_job_cards(array[p_id]) c
$$;
comment on function api.get_job(bigint) is 'One job as JSON; null: there is none';
