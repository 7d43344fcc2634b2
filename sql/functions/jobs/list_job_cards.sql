-- Jobs as clients see them, one JSON object each; what is unknown has no row. `request` is not shown: it is ours.
create or replace function api.list_job_cards(p_ids bigint[])
returns table (id bigint, card json)
language sql
stable
as $$
  select j.id, to_json(c)
  from onsale.jobs j
  cross join lateral (
    select
      j.id,
      j.kind,
      j.subject,
      j.event_id,
      j.ticket_id,
      j.state,
      j.attempts,
      case when j.state in ('queued', 'waiting') then api.get_utc_text(j.next_attempt_at) end as next_attempt_at,
      j.created_by,
      api.get_utc_text(j.created_at) as created_at,
      api.get_utc_text(j.updated_at) as updated_at,
      api.get_utc_text(j.confirmed_at) as confirmed_at,
      j.superseded_by,
      j.result,
      j.errors
  ) c
  where j.id = any (p_ids)
$$;
comment on function api.list_job_cards(bigint[]) is 'Jobs as clients see them, one JSON object each';
