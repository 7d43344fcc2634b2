-- What the public reads stand on. Only what is public is in these indexes, so a shop's archive costs nothing.
-- over_at is carried along so that "has it ended" is answered, and counted, from the index alone.

create index events_public_by_start on onsale.events (sort_starts_at, id) include (over_at)
  where status = 'active' and deleted_at is null;
create index events_public_by_category on onsale.events (category, sort_starts_at, id) include (over_at)
  where status = 'active' and deleted_at is null;
create index events_public_by_title on onsale.events (title_key collate "C", id)
  include (category, sort_starts_at, over_at)
  where status = 'active' and deleted_at is null;

-- The next instant at which a list changes by itself, because an event ends.
create index events_public_by_end on onsale.events (over_at)
  where status = 'active' and deleted_at is null;

-- What has begun but has not ended: a question with two ends, which no order of rows answers. The condition also keeps
-- a merchant's end before the start out of the expression, which would refuse it.
create index events_public_running on onsale.events using gist (tstzrange(starts_at, ends_at, '[]'))
  where status = 'active' and deleted_at is null and ends_at > starts_at;

create index events_public_search on onsale.events using gin (search)
  where status = 'active' and deleted_at is null;

-- Words ---------------------------------------------------------------------------------------------------------

create table onsale.search_words (
  word text collate "C" primary key
);
comment on table onsale.search_words is
  'One row: a word that occurs, or once occurred, in an event. Beginnings of words and typos are looked up here';
create index search_words_by_trigram on onsale.search_words using gin (word public.gin_trgm_ops);

-- In the transaction that writes the event, so that a new word is found as soon as the event is. A word that is missing
-- here costs nothing but speed; one that occurs no more costs nothing at all. New words are rare and come from two
-- triggers of one MERGE, each in its own order: an advisory lock lets one transaction bring some at a time.
create function onsale.keep_search_words() returns trigger
language plpgsql
volatile
as $$
declare
  v_words text[];
begin
  select array_agg(distinct u.word) into v_words
  from new_events e
  cross join lateral unnest(tsvector_to_array(e.search)) as u (word)
  where length(u.word) <= 40
    and not exists (select from onsale.search_words w where w.word = u.word collate "C");
  if v_words is not null then
    perform pg_advisory_xact_lock(hashtext('onsale search words'));
    insert into onsale.search_words (word)
    select u.word from unnest(v_words) as u (word)
    on conflict do nothing;
  end if;
  return null;
end;
$$;

create trigger events_inserted_keep_search_words
  after insert on onsale.events
  referencing new table as new_events
  for each statement execute function onsale.keep_search_words();
create trigger events_updated_keep_search_words
  after update on onsale.events
  referencing new table as new_events
  for each statement execute function onsale.keep_search_words();
