import type { Session } from '../src/platform/database.ts'
import { apply, delivery, level, product, variant } from './deliveries.ts'

/** The ticket that these tests move units of, as `mirrored` makes it. */
export type Mirrored = { event: number; ticket: number }

/** Puts an event of Shopify into the mirror, with one ticket of which there are so many at location 1. */
export async function mirrored(sql: Session, available = 10, { id = 1 } = {}): Promise<Mirrored> {
  const ticket = variant({ id: id * 10 + 1, inventory_quantity: available })
  await apply(
    sql,
    delivery('products/create', product({ id, status: 'active', variants: [ticket] })),
    delivery('inventory_levels/update', level(available, { inventory_item_id: id * 10 + 1001 })),
  )
  const [row] = await sql<Mirrored[]>`
    select event_id::integer as event, id::integer as ticket
    from onsale.tickets where shopify_variant_id = ${id * 10 + 1}`
  return row!
}

export type Queued = { outcome: string; job: number | null; version: number | null; min: number | null }

/** Asks for so many units in the direct channel, as an admin does. */
export async function wanted(
  sql: Session,
  ticket: number,
  units: number,
  {
    version = null as number | null,
    location = '1' as string | null,
    token = null as string | null,
    now = '2026-11-01T12:05:00Z',
  } = {},
): Promise<Queued> {
  const [row] = await sql<Queued[]>`
    select r.outcome, r.job_id::integer as job, r.current_version as version, r.capacity_min::integer as min
    from api.place_allotment(
      p_ticket_id => ${ticket}::bigint,
      p_version => coalesce(
        ${version}::integer, (select t.version from onsale.tickets t where t.id = ${ticket}::bigint), 1
      ),
      p_units => ${units}::bigint, p_location_id => ${location}::text::bigint, p_actor => 'user 7',
      p_client_token => ${token}::text, p_client_digest => ${token === null ? null : `${ticket} ${units}`}::text,
      p_now => ${now}::text::timestamptz
    ) r`
  return row!
}

/** The job that `wanted` queues. */
export async function queued(sql: Session, ticket: number, units: number, options = {}): Promise<number> {
  const { outcome, job } = await wanted(sql, ticket, units, options)
  if (job === null) throw new Error(`The move was not queued: ${outcome}`)
  return job
}

export type Claimed = {
  outcome: string
  step: string | null
  delta: number | null
  key: string
  was_asked: boolean | null
  moved: number
  missing: number
  allotment: number
  location: string | null
  other: number | null
}

/** What a worker is told that goes on with a job. */
export async function goOn(
  sql: Session,
  job: number,
  { location = null as string | null, isStocked = true, attempt = 0, now = '2026-11-01T12:06:00Z' } = {},
): Promise<Claimed> {
  const [row] = await sql<Claimed[]>`
    select
      m.outcome, m.step, m.call_delta::integer as delta, m.call_key as key, m.was_asked, m.moved::integer,
      m.missing::integer, m.allotment::integer, m.location_id::text as location, m.other_job_id::integer as other
    from api.claim_allotment_move(
      p_job_id => ${job}::bigint, p_attempt => ${attempt}::integer, p_location_id => ${location}::text::bigint,
      p_is_stocked => ${isStocked}::boolean, p_now => ${now}::text::timestamptz
    ) m`
  return row!
}

/** Stores what Shopify said to the call under this key; whether it was waited for. */
export async function said(
  sql: Session,
  job: number,
  key: string,
  answer: 'made' | 'refused' | 'void',
  { quantity = null as number | null, attempt = 0, now = '2026-11-01T12:07:00Z' } = {},
): Promise<boolean> {
  const [row] = await sql<{ is_stored: boolean }[]>`
    select api.apply_allotment_answer(
      p_job_id => ${job}::bigint, p_attempt => ${attempt}::integer, p_call_key => ${key}::uuid, p_answer => ${answer}::text,
      p_quantity => ${quantity}::bigint, p_told_at => ${answer === 'made' ? now : null}::text::timestamptz,
      p_now => ${now}::text::timestamptz
    ) as is_stored`
  return row!.is_stored
}

/** Moves units as a worker would, with a Shopify that has enough; the job that did it. */
export async function allotted(sql: Session, ticket: number, units: number): Promise<number> {
  const job = await queued(sql, ticket, units)
  const { key, outcome } = await goOn(sql, job)
  if (outcome === 'call') await said(sql, job, key, 'made', { quantity: 0 })
  await sql`update onsale.jobs set state = 'done' where id = ${job}`
  return job
}

/** How many of a ticket the direct channel may sell; null: it does not sell it. */
export async function allotmentOf(sql: Session, ticket: number): Promise<number | null> {
  const [row] = await sql<{ capacity: number }[]>`
    select capacity::integer from onsale.stock where ticket_id = ${ticket} and channel = 'direct'`
  return row?.capacity ?? null
}
