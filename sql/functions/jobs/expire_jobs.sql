-- Gives up jobs whose last attempt was never ended: their lease has run out, and they were tried p_attempts_max times or more. They
-- are dead, and say so beside what earlier attempts failed for and of a move that has stopped half way; what is behind them may begin. claim_jobs hands none of them out.
-- A row for each. An event whose pending change one is has a new revision. A second call finds nothing.
-- Locks: jobs by id, skipping what is locked; event_revisions.
create or replace function api.expire_jobs(
  p_attempts_max integer,
  p_now timestamptz default clock_timestamp()
)
returns table (id bigint, kind text, subject text, attempts integer)
language plpgsql
volatile
security definer
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_error jsonb := '[{"message": "Its worker did not come back", "field": null}]';
  v_ids bigint[];
  v_event_ids bigint[];
begin
  with lost as materialized (
    select l.id
    from onsale.jobs l
    where l.state = 'running' and l.next_attempt_at <= p_now and l.attempts >= p_attempts_max
    order by l.id
    for update skip locked
  ), expired as (
    update onsale.jobs j set
      state = 'dead',
      errors = j.errors
        || case when j.errors @> v_error then '[]' else v_error end
        || case when j.errors @> s.errors then '[]' else s.errors end,
      updated_at = p_now
    from lost l
    cross join lateral (select api.get_stopped_move(l.id) as errors) s
    where j.id = l.id
    returning j.id, j.event_id
  )
  select array_agg(e.id), array_agg(distinct e.event_id) filter (where e.event_id is not null)
  into v_ids, v_event_ids
  from expired e;

  if v_event_ids is not null then
    perform api.update_revisions('{}', '{}', v_event_ids);
  end if;
  return query
    select j.id, j.kind, j.subject, j.attempts
    from onsale.jobs j
    where j.id = any (v_ids)
    order by j.id;
end;
$$;
comment on function api.expire_jobs(integer, timestamptz) is
  'Gives up jobs whose worker did not come back from their last attempt';
