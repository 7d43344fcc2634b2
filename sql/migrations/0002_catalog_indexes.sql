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
