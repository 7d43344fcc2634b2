-- Takes over what the deployment decided about the shop. Called by every process at its start; a change of tag
-- or type is carried through the catalogue at once.
-- Raises OS001 where the currency would change under prices that are already stored.
-- Locks: the gate, so that no batch that read the old settings is still under way; settings; then what update_stock
-- locks. A second call changes nothing.
create or replace function api.update_settings(
  p_currency text,
  p_event_tag text,
  p_event_type text,
  p_counts_test_orders boolean,
  p_keep_bodies_hours integer
)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_before onsale.settings;
begin
  perform pg_advisory_xact_lock(hashtext('onsale gate'));
  select s.* into strict v_before from onsale.settings s for update;

  if v_before.currency <> p_currency
    and exists (select from onsale.events e where e.shopify_product_id is not null and e.currency <> p_currency)
  then
    raise exception using
      errcode = 'OS001',
      message = format('Currency cannot change from %s to %s: prices are already stored', v_before.currency, p_currency);
  end if;

  update onsale.settings s set
    currency = p_currency,
    event_tag = p_event_tag,
    event_type = p_event_type,
    counts_test_orders = p_counts_test_orders,
    keep_bodies_hours = p_keep_bodies_hours
  where (s.currency, s.event_tag, s.event_type, s.counts_test_orders, s.keep_bodies_hours)
    is distinct from (p_currency, p_event_tag, p_event_type, p_counts_test_orders, p_keep_bodies_hours);

  if (v_before.event_tag, v_before.event_type) is distinct from (p_event_tag, p_event_type) then
    perform api.update_stock();
  end if;
end;
$$;
comment on function api.update_settings(text, text, text, boolean, integer) is
  'Takes over the deployment''s decisions about the shop; OS001 where the currency would change';
