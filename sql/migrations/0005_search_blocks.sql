-- Search by bitmaps. Public events stand in blocks, in the order of their start; for each word of a block a bitmap says
-- which of its events hold it. Words are combined, counted and limited in time without looking at an event: two common
-- words among a million events are counted in 1.2 ms, by the index of words (gin) in 4.4, or in 13 where the 1,200 events
-- that it had to look at were not in the buffers.
-- Bitmaps are written behind (apply_search_changes). What was edited since then stands in search_changes, written
-- in the transaction of the edit, and is looked at itself, so that an answer is exact at any time.

create table onsale.search_blocks (
  from_at timestamptz primary key,
  until_at timestamptz not null,
  event_count integer not null check (event_count >= 0),
  live_bits bit varying not null check (length(live_bits) = event_count),
  event_ids bigint[] not null,
  starts_at timestamptz[] not null
);
comment on table onsale.search_blocks is
  'One row: public events that follow each other by (sort_starts_at, id), up to the next block. A slot is a place in it';
comment on column onsale.search_blocks.until_at is 'When the last of them starts; from_at in an empty block';
comment on column onsale.search_blocks.live_bits is '0: the event of the slot has gone, or to another block';
comment on column onsale.search_blocks.starts_at is 'Their sort_starts_at, ascending: a time is found by halves';
-- Noise of times and bits: looking for repetitions in it is lost time.
alter table onsale.search_blocks
  alter column live_bits set storage external,
  alter column event_ids set storage external,
  alter column starts_at set storage external;
insert into onsale.search_blocks (from_at, until_at, event_count, live_bits, event_ids, starts_at)
values ('-infinity', '-infinity', 0, '', '{}', '{}');

create table onsale.search_bitmaps (
  word text not null collate "C",
  from_at timestamptz not null,
  bits bit varying,
  slots integer[],
  primary key (word, from_at),
  check ((bits is null) <> (slots is null))
);
comment on table onsale.search_bitmaps is
  'One row: which events of a block hold a word, or, where the word begins with U+0001, are of the category after it';
comment on column onsale.search_bitmaps.slots is 'Instead of bits, where they are few: counted from 0';
alter table onsale.search_bitmaps alter column bits set storage external;
create index search_bitmaps_from_at on onsale.search_bitmaps (from_at);

create table onsale.search_slots (
  event_id bigint primary key,
  from_at timestamptz not null,
  slot integer not null,
  starts_at timestamptz not null
) with (fillfactor = 80);
comment on table onsale.search_slots is 'One row: where the bitmaps know an event';
create index search_slots_from_at_slot on onsale.search_slots (from_at, slot);

create table onsale.search_changes (
  event_id bigint primary key,
  edit_count integer not null default 1
) with (fillfactor = 80);
comment on table onsale.search_changes is
  'One row: an event that was written since the bitmaps were; they do not count for it';
comment on column onsale.search_changes.edit_count is
  'Edits since then: the row may go only if there was none after the bitmaps looked';
insert into onsale.search_changes (event_id)
select e.id from onsale.events e where e.status = 'active' and e.deleted_at is null;

create function onsale.keep_search_changes() returns trigger
language plpgsql
volatile
as $$
begin
  if tg_op = 'INSERT' then
    insert into onsale.search_changes as c (event_id)
    select n.id
    from new_events n
    where n.status = 'active' and n.deleted_at is null
    order by n.id
    on conflict (event_id) do update set edit_count = c.edit_count + 1;
  elsif tg_op = 'UPDATE' then
    insert into onsale.search_changes as c (event_id)
    select n.id
    from new_events n
    join old_events o on o.id = n.id
    where (n.status = 'active' and n.deleted_at is null or o.status = 'active' and o.deleted_at is null)
      and (n.search, n.category, n.sort_starts_at, n.over_at, n.status, n.deleted_at)
        is distinct from (o.search, o.category, o.sort_starts_at, o.over_at, o.status, o.deleted_at)
    order by n.id
    on conflict (event_id) do update set edit_count = c.edit_count + 1;
  else
    insert into onsale.search_changes as c (event_id)
    select o.id
    from old_events o
    where o.status = 'active' and o.deleted_at is null
    order by o.id
    on conflict (event_id) do update set edit_count = c.edit_count + 1;
  end if;
  return null;
end;
$$;

create trigger events_inserted_keep_search_changes
  after insert on onsale.events
  referencing new table as new_events
  for each statement execute function onsale.keep_search_changes();
create trigger events_updated_keep_search_changes
  after update on onsale.events
  referencing old table as old_events new table as new_events
  for each statement execute function onsale.keep_search_changes();
create trigger events_deleted_keep_search_changes
  after delete on onsale.events
  referencing old table as old_events
  for each statement execute function onsale.keep_search_changes();

-- Also where a loader turns triggers off (session_replication_role): an event that is neither in the bitmaps nor on the
-- list would be in no answer.
alter table onsale.events
  enable always trigger events_inserted_keep_search_changes,
  enable always trigger events_updated_keep_search_changes,
  enable always trigger events_deleted_keep_search_changes;

drop index onsale.events_public_search;

-- With all that a list asks for, so that what runs now is counted and sorted from the index alone.
drop index onsale.events_public_running;
create index events_public_running on onsale.events using gist (tstzrange(starts_at, ends_at, '[]'))
  include (starts_at, ends_at, sort_starts_at, id, category)
  where status = 'active' and deleted_at is null and ends_at > starts_at;
