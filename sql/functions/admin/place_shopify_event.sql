-- Queues the making of an event in Shopify, with its tickets, from the body of POST /events that the caller has checked. Here it
-- is there when Shopify tells of it. Always one row.
-- queued    job_id is the job; it makes the product under a handle of its own, by which it finds it again
-- replayed  the same request was queued before under this token, as job_id
-- conflict  another request was queued under this token, as job_id
-- Without a token a second call queues a second event. Locks: the client's token (advisory), jobs.
create or replace function api.place_shopify_event(
  p_event jsonb,
  p_location_id text,
  p_actor text,
  p_client_token text default null,
  p_client_digest text default null,
  p_now timestamptz default clock_timestamp()
)
returns table (outcome text, job_id bigint)
language plpgsql
volatile
rows 1
security definer
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_handle text := 'onsale-' || gen_random_uuid();
  v_currency text;
begin
  select c.outcome, c.job_id into strict outcome, job_id
  from api.claim_client_token(p_actor, p_client_token, p_client_digest) c;
  if outcome is null then
    outcome := 'queued';
    select s.currency into strict v_currency from onsale.settings s;
    job_id := api.place_event_job(
      'create_event', 'new event ' || v_handle, null, null,
      jsonb_build_object(
        'handle', v_handle, 'event', p_event, 'currency', v_currency, 'location_id', p_location_id
      ),
      p_actor, p_client_token, p_client_digest, p_now
    );
  end if;
  return next;
end;
$$;
comment on function api.place_shopify_event(jsonb, text, text, text, text, timestamptz) is
  'Queues the making of an event with its tickets in Shopify';
