-- Queues a look at orders that somebody told a change of without saying how they are now (orders/edited, refunds/create). Part
-- of apply_deliveries. Due after 10 s: what tells the order as a whole comes about then, and several changes are one look.
-- p_order_ids: as the bodies name them, anything that is no id is passed over. One look that has not begun is enough: a
-- second call writes nothing. Nothing is queued where the shop cannot be asked. Locks: jobs, by subject.
create or replace function api.place_order_looks(p_order_ids text[], p_now timestamptz)
returns void
language sql
volatile
as $$
  insert into onsale.jobs (kind, subject, request, next_attempt_at, created_by, created_at, updated_at)
  select
    'look_order', 'order ' || n.order_id, jsonb_build_object('order_id', n.order_id),
    p_now + interval '10 seconds', 'watch', p_now, p_now
  from (select distinct u.order_id from unnest(p_order_ids) as u (order_id) where u.order_id ~ '^[1-9][0-9]{0,18}$') n
  where (select s.is_connected from onsale.settings s)
  order by n.order_id
  on conflict (kind, subject) where kind in ('look_order', 'look_level') and state = 'queued' and attempts = 0 do nothing
$$;
comment on function api.place_order_looks(text[], timestamptz) is
  'Queues a look at orders that changed in a way that was not told';
