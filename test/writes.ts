import type { Session } from '../src/platform/database.ts'
import { revisionsOf } from './admin.ts'
import { apply, delivery, product, variant } from './deliveries.ts'
import { at, claim } from './jobs.ts'

export type Mirrored = { event: number; ticket: number }
export type Placed = { outcome: string; job: number | null; version: number | null; min: number | null }

type Write = {
  event?: number | null
  ticket?: number | null
  version?: number | null
  details?: Record<string, unknown>
  actor?: string
  token?: string | null
  digest?: string
  time?: string
}

/** An event of Shopify's as its webhooks make it: product `id`, with a ticket of 100 units for each of `variants`. */
export async function mirror(sql: Session, { id = 1, variants = [11] } = {}): Promise<Mirrored> {
  const body = product({ id, variants: variants.map((variantId) => variant({ id: variantId })) })
  await apply(sql, delivery('products/create', body))
  const [row] = await sql<Mirrored[]>`
    select e.id::integer as event, t.id::integer as ticket
    from onsale.events e join onsale.tickets t on t.event_id = e.id
    where e.shopify_product_id = ${id} order by t.id limit 1`
  return row!
}

/** Queues a change in Shopify, at 12:00 unless told otherwise. */
export async function write(
  sql: Session,
  kind: string,
  {
    event = null,
    ticket = null,
    version = null,
    details = {},
    actor = 'user 7',
    token = null,
    digest = 'of it',
    time = '12:00:00',
  }: Write,
): Promise<Placed> {
  const [row] = await sql<Placed[]>`
    select r.outcome, r.job_id::integer as job, r.current_version as version, r.capacity_min::integer as min
    from api.place_shopify_write(
      p_kind => ${kind}::text, p_event_id => ${event}::bigint, p_ticket_id => ${ticket}::bigint,
      p_version => ${version}::integer, p_details => ${JSON.stringify(details)}::text::jsonb, p_actor => ${actor}::text,
      p_client_token => ${token}::text, p_client_digest => ${token === null ? null : digest}::text,
      p_now => ${at(time)}::text::timestamptz
    ) r`
  return row!
}

/** Queues it and answers the id of its job, which must be there. */
export async function queued(sql: Session, kind: string, options: Write): Promise<number> {
  const { outcome, job } = await write(sql, kind, options)
  if (outcome !== 'queued' || job === null) throw new Error(`Expected a job, not ${outcome}`)
  return job
}

/** Queues the making of an event in Shopify, at 12:00. */
export async function writeEvent(
  sql: Session,
  {
    event = { title: 'Rock Night', status: 'draft', tickets: [] } as Record<string, unknown>,
    location = null as string | null,
    token = null as string | null,
    digest = 'of it',
  } = {},
): Promise<{ outcome: string; job: number }> {
  const [row] = await sql<{ outcome: string; job: number }[]>`
    select r.outcome, r.job_id::integer as job
    from api.place_shopify_event(
      p_event => ${JSON.stringify(event)}::text::jsonb, p_location_id => ${location}::text, p_actor => 'user 7',
      p_client_token => ${token}::text, p_client_digest => ${token === null ? null : digest}::text,
      p_now => ${at('12:00:00')}::text::timestamptz
    ) r`
  return row!
}

export type WriteJob = {
  kind: string
  subject: string
  state: string
  event_id: number | null
  ticket_id: number | null
  superseded_by: number | null
  confirmed_at: Date | null
  request: Record<string, unknown>
  result: Record<string, unknown> | null
}

/** The job of a write as it stands. */
export async function writeJob(sql: Session, id: number): Promise<WriteJob> {
  const [row] = await sql<WriteJob[]>`
    select
      kind, subject, state, event_id::integer, ticket_id::integer, superseded_by::integer, confirmed_at, request, result
    from onsale.jobs where id = ${id}`
  return row!
}

/** Has a worker begin the job at that time; it must be due and first of its event. Returns the attempt. */
export async function begin(sql: Session, id: number, time = '12:00:00'): Promise<number> {
  const { kind } = await writeJob(sql, id)
  const claimed = await claim(sql, time, { kinds: [kind] })
  const attempt = claimed.find(([job]) => job === id)?.[1]
  if (attempt === undefined) throw new Error(`Job ${id} is not to be had`)
  return attempt
}

/** Has a worker do the job, with this result, at that time. */
export async function finish(
  sql: Session,
  id: number,
  result: Record<string, unknown>,
  time = '12:00:01',
): Promise<void> {
  const attempt = await begin(sql, id, time)
  await sql`
    select api.complete_job(
      p_id => ${id}::bigint, p_attempt => ${attempt}::integer, p_result => ${JSON.stringify(result)}::text::jsonb,
      p_now => ${at(time)}::text::timestamptz
    )`
}

/** What confirms jobs at that time: their ids. */
export async function confirm(sql: Session, time = '12:00:02'): Promise<number[]> {
  const rows = await sql<{ id: number }[]>`
    select c.job_id::integer as id from api.apply_job_confirmations(p_now => ${at(time)}::text::timestamptz) c`
  return rows.map(({ id }) => id)
}

/** The pending changes that a visitor sees: [kind, state]. */
export async function pendingOf(sql: Session, event: number): Promise<[kind: string, state: string][]> {
  const [row] = await sql<{ pending: { kind: string; state: string }[] }[]>`
    select r.body -> 'pending_changes' as pending from api.get_event(p_event_id => ${event}::bigint) r`
  return row!.pending.map(({ kind, state }) => [kind, state])
}

/** The revision of the event: what caches hear of. */
export async function revisionOf(sql: Session, event: number): Promise<number> {
  const [revision] = await revisionsOf(sql, event)
  return revision
}
