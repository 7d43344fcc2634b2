-- A page of jobs as JSON, newest first: {jobs, page, limit, total, pages}. p_state and p_kind null: any.
create or replace function api.list_jobs(p_state text, p_kind text, p_page integer, p_limit integer)
returns json
language sql
stable
security definer
set search_path = ''
as $$
  with hits as (
    select j.id
    from onsale.jobs j
    where (p_state is null or j.state = p_state::onsale.job_state) and (p_kind is null or j.kind = p_kind)
  ), shown as (
    select h.id from hits h order by h.id desc offset (p_page - 1)::bigint * p_limit limit p_limit
  ), counted as (
    select count(*) as total from hits
  )
  select to_json(l)
  from (
    select
      coalesce(
        (select json_agg(c.card order by c.id desc) from api.list_job_cards(array(select s.id from shown s)) c), '[]'::json
      ) as jobs,
      p_page as page,
      p_limit as limit,
      c.total,
      ceil(c.total::numeric / p_limit)::integer as pages
    from counted c
  ) l
$$;
comment on function api.list_jobs(text, text, integer, integer) is 'A page of jobs as JSON, newest first';
