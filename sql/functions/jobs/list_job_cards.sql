-- Jobs as clients see them, one JSON object each; what is unknown has no row. `request` is not shown: it is ours.
create or replace function api.list_job_cards(p_ids bigint[])
returns table (id bigint, card json)
language sql
stable
as $$
  select
    j.id,
    json_build_object(
      'id', j.id,
      'kind', j.kind,
      'subject', j.subject,
      'state', j.state,
      'attempts', j.attempts,
      'next_attempt_at', case when j.state in ('queued', 'waiting') then api.get_utc_text(j.next_attempt_at) end,
      'created_by', j.created_by,
      'created_at', api.get_utc_text(j.created_at),
      'updated_at', api.get_utc_text(j.updated_at),
      'confirmed_at', api.get_utc_text(j.confirmed_at),
      'result', j.result,
      'errors', j.errors
    )
  from onsale.jobs j
  where j.id = any (p_ids)
$$;
comment on function api.list_job_cards(bigint[]) is 'Jobs as clients see them, one JSON object each';
