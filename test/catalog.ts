import type { Session } from '../src/platform/database.ts'
import { backCounters } from './sales.ts'

export type TestStock = { capacity: number | null; sold?: number; held?: number }

export type TestTicket = {
  name?: string | null
  price?: number
  position?: number
  direct?: TestStock | null
  isOversellAllowed?: boolean
  isVisible?: boolean
  isRemoved?: boolean
  saleStartsAt?: string | null
  saleEndsAt?: string | null
}

export type TestEvent = {
  title?: string
  subtitle?: string | null
  description?: string | null
  category?: string | null
  status?: 'active' | 'draft' | 'archived' | 'unlisted'
  startsAt?: string | null
  endsAt?: string | null
  venue?: unknown
  deletedAt?: string | null
  tickets?: TestTicket[]
}

/** Writes an event of the direct channel, which needs no facts of Shopify, and says nothing; returns its id. */
export async function addEvent(sql: Session, event: TestEvent = {}): Promise<number> {
  const [row] = await sql<{ id: number }[]>`
    insert into onsale.events (
      title, subtitle, description, category, status, starts_at, ends_at, venue, deleted_at, currency
    )
    values (
      ${event.title ?? 'Rock Night'}, ${event.subtitle ?? null}, ${event.description ?? null},
      ${event.category === undefined ? 'concert' : event.category}, ${event.status ?? 'active'},
      ${event.startsAt === undefined ? '2098-06-01T19:00:00Z' : event.startsAt}::text::timestamptz,
      ${event.endsAt ?? null}::text::timestamptz,
      ${JSON.stringify(event.venue ?? { name: 'Harbour Hall', city: 'Hamburg' })}::text::jsonb,
      ${event.deletedAt ?? null}::text::timestamptz, 'EUR'
    )
    returning id::integer`
  const id = row!.id
  await sql`insert into onsale.event_revisions (event_id, revision) values (${id}, 1)`
  for (const ticket of event.tickets ?? [{}]) await addTicket(sql, id, ticket)
  return id
}

/** Writes a ticket with its counters in the direct channel (100 left unless told otherwise); returns its id. */
export async function addTicket(sql: Session, eventId: number, ticket: TestTicket = {}): Promise<number> {
  const [row] = await sql<{ id: number }[]>`
    insert into onsale.tickets (
      event_id, name, price_cents, position, is_oversell_allowed, is_visible, is_removed, sale_starts_at, sale_ends_at
    )
    values (
      ${eventId}, ${ticket.name === undefined ? 'General' : ticket.name}, ${ticket.price ?? 2500},
      ${ticket.position ?? 1}, ${ticket.isOversellAllowed ?? false}, ${ticket.isVisible ?? true},
      ${ticket.isRemoved ?? false}, ${ticket.saleStartsAt ?? null}::text::timestamptz,
      ${ticket.saleEndsAt ?? null}::text::timestamptz
    )
    returning id::integer`
  const id = row!.id
  if (ticket.direct !== null) {
    const { capacity, sold = 0, held = 0 } = ticket.direct ?? { capacity: 100 }
    await sql`
      insert into onsale.stock (event_id, ticket_id, channel, capacity, sold, held)
      values (${eventId}, ${id}, 'direct', ${capacity}, ${sold}, ${held})`
    if (sold > 0 || held > 0) await backCounters(sql)
  }
  return id
}

/** Sells units of an event's tickets and tells every process, as a commit of the service would. */
export async function sell(sql: Session, eventId: number, units = 1): Promise<void> {
  const [row] = await sql<{ flipped: boolean }[]>`
    with sold as (
      update onsale.stock set sold = sold + ${units}::integer where event_id = ${eventId} returning available
    )
    select bool_and(available <= 0) or ${units} < 0 as flipped from sold`
  await tell(sql, row?.flipped ? { flipped: [eventId] } : { changed: [eventId] })
}

/** Renames an event and tells every process. */
export async function rename(sql: Session, eventId: number, title: string): Promise<void> {
  await sql`update onsale.events set title = ${title}, version = version + 1 where id = ${eventId}`
  await tell(sql, { edited: [eventId] })
}

/** Raises revisions and notifies, in the session's transaction. */
export async function tell(
  sql: Session,
  { edited = [], flipped = [], changed = [] }: { edited?: number[]; flipped?: number[]; changed?: number[] },
): Promise<void> {
  const list = (ids: number[]) => `{${ids.join(',')}}`
  await sql`
    select api.update_revisions(
      p_edited => ${list(edited)}::text::bigint[],
      p_flipped => ${list(flipped)}::text::bigint[],
      p_changed => ${list(changed)}::text::bigint[]
    )`
}
