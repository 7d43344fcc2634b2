-- Jobs: calls to somebody else's service that are owed (a refund at a payment provider), written in the transaction that owes
-- them and made later, by whichever process comes first. And what refunds leave behind at a payment.

create type onsale.job_state as enum ('queued', 'running', 'waiting', 'done', 'failed', 'dead');

create table onsale.jobs (
  id bigint generated always as identity primary key,
  kind text not null check (length(kind) between 1 and 50),
  subject text not null check (length(subject) between 1 and 100),
  request jsonb not null,
  idempotency_key uuid not null default gen_random_uuid(),
  state onsale.job_state not null default 'queued',
  attempts integer not null default 0,
  next_attempt_at timestamptz not null,
  result jsonb,
  errors jsonb not null default '[]',
  created_by text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  confirmed_at timestamptz
) with (fillfactor = 80);
comment on table onsale.jobs is 'One row: a call to somebody else''s service, with what came of it';
comment on column onsale.jobs.subject is
  'What it is about (payment 7): of the jobs of one subject only the first that is not ended may begin';
comment on column onsale.jobs.idempotency_key is 'Names the call at the far side, however often it is made';
comment on column onsale.jobs.state is
  'queued: never tried; running: leased to a worker; waiting: tried, and to be tried again; done; failed: refused for good, or discarded; dead: given up';
comment on column onsale.jobs.next_attempt_at is 'Not before then; of one that is running: when its lease ends and another worker may take it';
comment on column onsale.jobs.errors is 'Of the last attempt: [{message, field}]';
comment on column onsale.jobs.confirmed_at is 'When the far side told by itself that it is so';
create index jobs_due on onsale.jobs (next_attempt_at) where state in ('queued', 'running', 'waiting');
create index jobs_open_subject on onsale.jobs (subject, id) where state in ('queued', 'running', 'waiting');
create index jobs_state on onsale.jobs (state, id desc);
-- Money goes back once, however often somebody finds that it is owed; a payment is started once, however often that fails.
create unique index jobs_once on onsale.jobs (kind, subject) where kind in ('refund', 'start_payment');

alter table onsale.payments add column refunded_at timestamptz;
alter table onsale.payments add column provider_refund_id text check (length(provider_refund_id) between 1 and 255);
comment on column onsale.payments.refunded_at is 'When the money went back, in full, by the provider or as an admin says; null: it did not';
comment on column onsale.payments.provider_refund_id is 'The provider''s name for the refund; null: it made none';
