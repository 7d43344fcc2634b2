-- What an admin is told, beside why, of a job that ends while its move has stopped half way: [{message, field}]; [] where it has no
-- such move. Part of fail_job, cancel_job and expire_jobs.
create or replace function api.get_stopped_move(p_job_id bigint)
returns jsonb
language sql
stable
parallel safe
as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'message', 'Units on their way are sold nowhere until the job is tried again: up to ' || abs(m.delta),
    'field', null
  )), '[]')
  from onsale.allotment_moves m
  where m.job_id = p_job_id and m.step not in ('done', 'refused')
$$;
comment on function api.get_stopped_move(bigint) is
  'What an admin is told of a job that ends while its move has stopped half way';
