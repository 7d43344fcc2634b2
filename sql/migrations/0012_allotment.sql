-- The allotment: units of a Shopify ticket that the direct channel sells. They are moved by jobs, step by step, and each step is
-- kept before the next one is made, so that whoever comes after a crash knows where the units are.

create type onsale.move_step as enum ('taking', 'putting_back', 'giving', 'done', 'refused');

create table onsale.allotment_moves (
  job_id bigint primary key,
  event_id bigint not null,
  ticket_id bigint not null,
  inventory_item_id bigint not null,
  location_id bigint not null,
  delta bigint not null check (delta <> 0),
  step onsale.move_step not null,
  missing bigint not null default 0 check (missing between 0 and greatest(delta, 0)),
  moved bigint not null default 0 check (moved between least(delta, 0) and greatest(delta, 0)),
  call_key uuid not null default gen_random_uuid(),
  asked_at timestamptz,
  unclear_at timestamptz,
  told_at timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
comment on table onsale.allotment_moves is
  'One row: units of a ticket on their way between Shopify and the direct channel, or moved; written by its job';
comment on column onsale.allotment_moves.delta is 'Units that are to come here; negative: that are to go back to Shopify';
comment on column onsale.allotment_moves.step is
  'taking: Shopify is asked for the units; putting_back: it had less, and is given what was missing; giving: they have left here and Shopify is to take them; done; refused: Shopify took nothing, nothing is moved';
comment on column onsale.allotment_moves.missing is 'Units asked for that Shopify did not have: it stood that far below zero';
comment on column onsale.allotment_moves.moved is
  'By how much the capacity of the direct channel was changed: of all moves of a ticket the sum is that capacity';
comment on column onsale.allotment_moves.call_key is 'Names the call of this step at Shopify, however often it is made';
comment on column onsale.allotment_moves.asked_at is 'When the call of this step was first about to be made; null: never';
comment on column onsale.allotment_moves.unclear_at is
  'Since then a person has to look: the call was made, and its answer was not had while Shopify knew the key';
comment on column onsale.allotment_moves.told_at is 'When Shopify made its newest change, as it says';
create index allotment_moves_ticket_id on onsale.allotment_moves (event_id, ticket_id);
