-- How far a made-up shop is filled, for `bun run seed` to go on, and how many events are of others, for it to refuse.
create or replace function api.get_seed_state(
  p_shop text,
  out seeded_count bigint,
  out last_number bigint,
  out foreign_count bigint
)
returns record
language sql
stable
as $$
  select
    count(*) filter (where p.shop = p_shop),
    coalesce(max(p.product_id) filter (where p.shop = p_shop), 9000000000000) - 9000000000000,
    count(*) filter (where p.shop <> p_shop)
  from onsale.shopify_products p
$$;
comment on function api.get_seed_state(text) is 'Events of the made-up shop, the highest number among them, events of others';
