-- The status a product has as an event: its own, but archived where the settings say that it is no event.
-- Null before any body has come.
create or replace function api.get_event_status(
  p_status onsale.event_status,
  p_tags text[],
  p_product_type text,
  p_event_tag text,
  p_event_type text
)
returns onsale.event_status
language sql
immutable
parallel safe
return case
  when p_status is null then null
  when p_event_tag is not null
    and not exists (select from unnest(p_tags) t (tag) where lower(t.tag) = lower(p_event_tag)) then 'archived'
  when p_event_type is not null and lower(p_product_type) is distinct from lower(p_event_type) then 'archived'
  else p_status
end;
comment on function api.get_event_status(onsale.event_status, text[], text, text, text) is
  'A product''s status as an event: archived where tag or type say that it is none';
