-- Stores what the provider has answered to attempts of one event: its name for each payment, and where the buyer pays (null:
-- nowhere). Whatever has become of the payment meanwhile: a result may be faster than the answer. One row per answer, in input
-- order.
-- updated    stored
-- unchanged  the same is stored already: what a second call meets
-- conflict   other values are stored, or another payment of the event has that name at the provider; nothing changes
-- not_found  no such payment of the event
-- Locks: the event's sales (advisory, by event), then jobs.
create or replace function api.update_payments(
  p_event_id bigint,
  p_payment_ids bigint[],
  p_provider_payment_ids text[],
  p_redirect_urls text[],
  p_now timestamptz default clock_timestamp()
)
returns table (ordinal integer, outcome text)
language plpgsql
volatile
security definer
set search_path = ''
-- As in place_orders: looked up by key, whatever the statistics say.
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  v_payment onsale.payments;
begin
  perform pg_advisory_xact_lock(hashtext('onsale sales'), hashint8(p_event_id));
  for v_nth in 1..cardinality(p_payment_ids) loop
    ordinal := v_nth;
    select p.* into v_payment from onsale.payments p where p.event_id = p_event_id and p.id = p_payment_ids[v_nth];
    outcome := case
      when v_payment.id is null then 'not_found'
      when (v_payment.provider_payment_id, v_payment.redirect_url)
        is not distinct from (p_provider_payment_ids[v_nth], p_redirect_urls[v_nth]) then 'unchanged'
      when v_payment.provider_payment_id is not null or v_payment.redirect_url is not null then 'conflict'
      when exists (
        select from onsale.payments p
        where p.event_id = p_event_id and p.provider = v_payment.provider
          and p.provider_payment_id = p_provider_payment_ids[v_nth]
      ) then 'conflict'
      else 'updated'
    end;
    if outcome = 'updated' then
      update onsale.payments p set
        provider_payment_id = p_provider_payment_ids[v_nth],
        redirect_url = p_redirect_urls[v_nth],
        updated_at = p_now
      where p.event_id = p_event_id and p.id = v_payment.id;
      -- What failed to start it before is settled.
      update onsale.jobs j set state = 'done', errors = '[]', updated_at = p_now
      where j.kind = 'start_payment' and j.subject = 'payment ' || v_payment.id and j.state <> 'running';
    end if;
    return next;
  end loop;
end;
$$;
comment on function api.update_payments(bigint, bigint[], text[], text[], timestamptz) is
  'Stores the provider''s names for payments of one event and where the buyers pay, once; one row per answer in input order';
