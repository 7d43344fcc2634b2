-- Has a job that waits, was refused or was given up tried again at once, because a person says so. Always one row.
-- queued     body is the job as it is now; the audit log says who
-- overtaken  it was refused or given up, and a later job changes the same in Shopify, or has: tried again it would undo that.
--            body is the later job
-- unchanged  it is queued, running or done; body as well
-- not_found  no such job
-- The same is changed by jobs of one kind (publish_event and unpublish_event are one) for one event, or one ticket of it; of two
-- that name their changes, where a field is in both. What makes something new overtakes nothing, and a move of units that stands half
-- way has to be ended whatever came later. What was never begun because a later one took its place changed nothing.
-- An event whose pending change it is has a new revision. Locks: jobs, event_revisions.
create or replace function api.update_job_due(p_id bigint, p_actor text, p_now timestamptz default clock_timestamp())
returns table (outcome text, body json)
language plpgsql
volatile
rows 1
security definer
set search_path = ''
as $$
declare
  v_job onsale.jobs;
  v_later_id bigint;
begin
  select j.* into v_job from onsale.jobs j where j.id = p_id for update;
  if v_job.state in ('failed', 'dead') and v_job.event_id is not null
    and v_job.kind not in ('create_event', 'create_ticket')
    and not exists (
      select from onsale.allotment_moves m where m.job_id = p_id and m.step not in ('done', 'refused')
    )
  then
    select l.id into v_later_id
    from onsale.jobs l
    where l.id > p_id
      and l.subject = v_job.subject
      and l.ticket_id is not distinct from v_job.ticket_id
      and (l.kind = v_job.kind or array[l.kind, v_job.kind] <@ '{publish_event,unpublish_event}')
      and l.state in ('queued', 'running', 'waiting', 'done')
      and l.superseded_by is null
      and (
        not v_job.request ? 'changes'
        or l.request -> 'changes' ?| array(select jsonb_object_keys(v_job.request -> 'changes'))
      )
    order by l.id desc
    limit 1;
  end if;
  outcome := case
    when v_job.id is null then 'not_found'
    when v_later_id is not null then 'overtaken'
    when v_job.state in ('waiting', 'failed', 'dead') then 'queued'
    else 'unchanged'
  end;
  if outcome = 'queued' then
    update onsale.jobs j set state = 'queued', next_attempt_at = p_now, updated_at = p_now where j.id = p_id;
    insert into onsale.audit_log (at, actor, action, subject, before, after)
    values (
      p_now, p_actor, 'job.retry', 'job ' || p_id, jsonb_build_object('state', v_job.state), jsonb_build_object('state', 'queued')
    );
    if v_job.event_id is not null then
      perform api.update_revisions('{}', '{}', array[v_job.event_id]);
    end if;
  end if;
  body := api.get_job(coalesce(v_later_id, p_id));
  return next;
end;
$$;
comment on function api.update_job_due(bigint, text, timestamptz) is
  'Has a job that waits, was refused or was given up tried again at once, unless a later one changes the same';
