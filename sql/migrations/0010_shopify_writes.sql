-- Writes to Shopify: jobs that change an event or one of its tickets there. They show as pending changes of the event until the
-- mirror shows what they did, and a later one may take the place of one that was never begun.

alter table onsale.jobs
  add column event_id bigint,
  add column ticket_id bigint,
  add column superseded_by bigint,
  add column client_token text check (length(client_token) between 1 and 128),
  add column client_digest text;
comment on column onsale.jobs.event_id is
  'The event that it changes in Shopify; null: none, or one that the mirror does not show yet (create_event)';
comment on column onsale.jobs.ticket_id is 'The ticket that it changes in Shopify; null: none, or one that the mirror does not show yet';
comment on column onsale.jobs.superseded_by is 'The job that does this, too: this one was never begun, and is done';
comment on column onsale.jobs.client_token is 'By which whoever asked names the request, to send it again without doing it twice';
comment on column onsale.jobs.client_digest is 'Of the request under that token: another one is refused';
comment on column onsale.jobs.confirmed_at is
  'When the mirror showed that it is so; null where nobody waits for that, as with what is no change of an event';

-- What get_event shows of an event: a handful of rows however many jobs it had.
create index jobs_pending_event on onsale.jobs (event_id, id)
  where event_id is not null and superseded_by is null and confirmed_at is null
    and state in ('queued', 'running', 'waiting', 'done');
-- What is held against the mirror, a few times a second.
create index jobs_unconfirmed on onsale.jobs (id)
  where state = 'done' and confirmed_at is null and superseded_by is null and (event_id is not null or kind = 'create_event');
create unique index jobs_client_token on onsale.jobs (created_by, client_token) where client_token is not null;
