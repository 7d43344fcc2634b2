-- Stores what the provider has answered to an attempt: its name for the payment, and where the buyer pays (null: nowhere).
-- Whatever has become of the payment meanwhile: a result may be faster than the answer. Always one row.
-- updated    stored
-- unchanged  the same is stored already: what a second call meets
-- conflict   other values are stored, or another payment of the event has that name at the provider; nothing changes
-- not_found  no such payment of the event
-- Locks: the event's sales (advisory, by event), then jobs.
create or replace function api.update_payment(
  p_event_id bigint,
  p_payment_id bigint,
  p_provider_payment_id text,
  p_redirect_url text,
  p_now timestamptz default clock_timestamp()
)
returns table (outcome text)
language plpgsql
volatile
rows 1
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
  select p.* into v_payment from onsale.payments p where p.event_id = p_event_id and p.id = p_payment_id;
  outcome := case
    when v_payment.id is null then 'not_found'
    when (v_payment.provider_payment_id, v_payment.redirect_url) is not distinct from (p_provider_payment_id, p_redirect_url)
      then 'unchanged'
    when v_payment.provider_payment_id is not null or v_payment.redirect_url is not null then 'conflict'
    when exists (
      select from onsale.payments p
      where p.event_id = p_event_id and p.provider = v_payment.provider and p.provider_payment_id = p_provider_payment_id
    ) then 'conflict'
    else 'updated'
  end;
  if outcome = 'updated' then
    update onsale.payments p set
      provider_payment_id = p_provider_payment_id,
      redirect_url = p_redirect_url,
      updated_at = p_now
    where p.event_id = p_event_id and p.id = p_payment_id;
    -- What failed to start it before is settled.
    update onsale.jobs j set state = 'done', errors = '[]', updated_at = p_now
    where j.kind = 'start_payment' and j.subject = 'payment ' || p_payment_id and j.state <> 'running';
  end if;
  return next;
end;
$$;
comment on function api.update_payment(bigint, bigint, text, text, timestamptz) is
  'Stores the provider''s name for a payment and where the buyer pays, once';
