-- Whether raw bytes name something that a privacy request asked to forget: any number in them is a redacted customer
-- or order, or their shop is. Used where bytes are about to be kept; works on bytes that are no JSON.
create or replace function api.get_redacted(p_body bytea, p_shop text)
returns boolean
language sql
stable
parallel safe
return exists (select from onsale.redactions) and (
  exists (select from onsale.redactions r where r.kind = 'shop' and r.key = p_shop)
  or exists (
    select
    from regexp_matches(encode(p_body, 'escape'), '[0-9]{1,19}', 'g') as m (digits)
    join onsale.redactions r on r.kind in ('customer', 'order') and r.key = m.digits[1]
  )
);
comment on function api.get_redacted(bytea, text) is
  'Whether the bytes name a redacted customer or order, or come from a redacted shop';
