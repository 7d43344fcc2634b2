-- Queues a change of an event, or of one of its tickets, in Shopify: the job, its audit entry, and a new revision of the event,
-- which shows it among its pending changes. It takes the place of a job of the same kind and target that was never begun: that
-- one's changes go into this one, where this one does not say otherwise, and it is done with result {superseded_by}. What makes
-- something new or moves units takes the place of nothing. A piece of the functions that queue writes.
-- p_event_id null: the event is still to be made. p_client_token null: the client gave the request no name.
-- Whoever calls holds the event, so that two of them do not both supersede the same. Returns the job's id.
-- Locks: jobs; event_revisions.
create or replace function api.place_event_job(
  p_kind text,
  p_subject text,
  p_event_id bigint,
  p_ticket_id bigint,
  p_request jsonb,
  p_actor text,
  p_client_token text,
  p_client_digest text,
  p_now timestamptz
)
returns bigint
language plpgsql
volatile
as $$
declare
  v_job_id bigint;
  v_superseded jsonb;
  v_superseded_ids bigint[];
begin
  insert into onsale.jobs (
    kind, subject, request, event_id, ticket_id, client_token, client_digest, next_attempt_at, created_by, created_at, updated_at
  )
  values (
    p_kind, p_subject, p_request, p_event_id, p_ticket_id, p_client_token, p_client_digest, p_now, p_actor, p_now, p_now
  )
  returning id into strict v_job_id;

  -- A worker that claims it at this moment either has it, and it is begun, or waits for us and finds it done.
  if p_kind not in ('create_event', 'create_ticket', 'move_allotment') then
    with superseded as (
      update onsale.jobs j set
        state = 'done',
        superseded_by = v_job_id,
        result = jsonb_build_object('superseded_by', v_job_id),
        updated_at = p_now
      where j.subject = p_subject and j.kind = p_kind and j.ticket_id is not distinct from p_ticket_id
        and j.state = 'queued' and j.attempts = 0 and j.id < v_job_id
      returning j.id, j.request
    )
    select array_agg(s.id), (array_agg(s.request order by s.id desc))[1]
    into v_superseded_ids, v_superseded
    from superseded s;
  end if;
  if v_superseded ? 'changes' then
    update onsale.jobs j set
      request = p_request || jsonb_build_object('changes', v_superseded -> 'changes' || (p_request -> 'changes'))
    where j.id = v_job_id;
  end if;

  insert into onsale.audit_log (at, actor, action, subject, after)
  values (
    p_now, p_actor, 'shopify.' || p_kind, p_subject,
    jsonb_strip_nulls(jsonb_build_object('job_id', v_job_id, 'ticket_id', p_ticket_id, 'supersedes', v_superseded_ids))
      || p_request
  );
  if p_event_id is not null then
    perform api.update_revisions('{}', '{}', array[p_event_id]);
  end if;
  return v_job_id;
end;
$$;
comment on function api.place_event_job(text, text, bigint, bigint, jsonb, text, text, text, timestamptz) is
  'Queues a change of an event in Shopify, in place of one of the same kind and target that was never begun';
