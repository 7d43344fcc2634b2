-- Finds the job that a client's request was queued as before, by the token that he gave it; whoever asks with the same token at
-- the same moment waits. A piece of the functions that queue writes. Always one row.
-- outcome is null where the request is new, or what is answered:
-- replayed  the same request: job_id is its job, and nothing is to be queued
-- conflict  another request under this token
-- p_digest tells one request from another. p_token null: nothing to look for. Locks: the token (advisory, by actor and token).
create or replace function api.claim_client_token(p_actor text, p_token text, p_digest text)
returns table (outcome text, job_id bigint)
language plpgsql
volatile
rows 1
as $$
#variable_conflict use_column
declare
  v_digest text;
begin
  if p_token is not null then
    perform pg_advisory_xact_lock(hashtext('onsale client token'), hashtext(p_actor || ' ' || p_token));
    select j.id, j.client_digest into job_id, v_digest
    from onsale.jobs j
    where j.created_by = p_actor and j.client_token = p_token;
    outcome := case when job_id is null then null when v_digest = p_digest then 'replayed' else 'conflict' end;
  end if;
  return next;
end;
$$;
comment on function api.claim_client_token(text, text, text) is
  'The job that a request was queued as before, by the token of whoever asks; a second one at the same moment waits';
