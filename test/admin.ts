import type { Session } from '../src/platform/database.ts'

/** When the edits of these tests are made, unless a test says otherwise: while orders of test/sales.ts are held. */
const editedAt = '2026-11-01T12:05:00Z'
const actor = 'user 7'

export type Edit = { outcome: string; version: number | null }

/** Makes an event of the direct channel alone; returns its id. Active, with one ticket of 10 units, unless told otherwise. */
export async function makeEvent(
  sql: Session,
  body: Record<string, unknown> = {},
  { now = editedAt } = {},
): Promise<number> {
  const event = {
    title: 'Rock Night',
    status: 'active',
    starts_at: '2098-06-01T19:00:00Z',
    tickets: [{ name: 'General', price_cents: 2500, capacity: 10 }],
    ...body,
  }
  const [row] = await sql<{ id: number }[]>`
    select api.apply_direct_event(
      p_event => ${JSON.stringify(event)}::text::jsonb, p_actor => ${actor}::text, p_now => ${now}::text::timestamptz
    )::integer as id`
  return row!.id
}

/** Writes an event with one ticket as Shopify's deliveries would have made it; returns its id. */
export async function makeShopifyEvent(sql: Session): Promise<number> {
  const id = await makeEvent(sql)
  await sql`update onsale.events set shopify_product_id = ${id + 632_000_000} where id = ${id}`
  return id
}

export async function editEvent(
  sql: Session,
  eventId: number,
  version: number,
  changes: Record<string, unknown>,
): Promise<Edit> {
  const [row] = await sql<Edit[]>`
    select r.outcome, r.current_version as version
    from api.update_direct_event(
      p_event_id => ${eventId}::bigint, p_version => ${version}::integer,
      p_changes => ${JSON.stringify(changes)}::text::jsonb, p_actor => ${actor}::text,
      p_now => ${editedAt}::text::timestamptz
    ) r`
  return row!
}

export async function setStatus(
  sql: Session,
  eventId: number,
  version: number | null,
  status: string,
): Promise<Edit> {
  const [row] = await sql<Edit[]>`
    select r.outcome, r.current_version as version
    from api.update_direct_event_status(
      p_event_id => ${eventId}::bigint, p_version => ${version}::integer, p_status => ${status}::text,
      p_actor => ${actor}::text, p_now => ${editedAt}::text::timestamptz
    ) r`
  return row!
}

export async function deleteEvent(
  sql: Session,
  eventId: number,
  { version = null as number | null, now = editedAt } = {},
): Promise<Edit> {
  const [row] = await sql<Edit[]>`
    select r.outcome, r.current_version as version
    from api.cancel_direct_event(
      p_event_id => ${eventId}::bigint, p_version => ${version}::integer, p_actor => ${actor}::text,
      p_now => ${now}::text::timestamptz
    ) r`
  return row!
}

export async function makeTicket(
  sql: Session,
  eventId: number,
  ticket: Record<string, unknown>,
): Promise<{ outcome: string; id: number | null }> {
  const [row] = await sql<{ outcome: string; id: number | null }[]>`
    select r.outcome, r.ticket_id::integer as id
    from api.apply_direct_ticket(
      p_event_id => ${eventId}::bigint, p_ticket => ${JSON.stringify(ticket)}::text::jsonb, p_actor => ${actor}::text,
      p_now => ${editedAt}::text::timestamptz
    ) r`
  return row!
}

export async function editTicket(
  sql: Session,
  ticketId: number,
  version: number,
  changes: Record<string, unknown>,
): Promise<Edit> {
  const [row] = await sql<Edit[]>`
    select r.outcome, r.current_version as version
    from api.update_direct_ticket(
      p_ticket_id => ${ticketId}::bigint, p_version => ${version}::integer,
      p_changes => ${JSON.stringify(changes)}::text::jsonb, p_actor => ${actor}::text,
      p_now => ${editedAt}::text::timestamptz
    ) r`
  return row!
}

export async function deleteTicket(
  sql: Session,
  ticketId: number,
  { version = null as number | null, now = editedAt } = {},
): Promise<Edit> {
  const [row] = await sql<Edit[]>`
    select r.outcome, r.current_version as version
    from api.cancel_direct_ticket(
      p_ticket_id => ${ticketId}::bigint, p_version => ${version}::integer, p_actor => ${actor}::text,
      p_now => ${now}::text::timestamptz
    ) r`
  return row!
}

export async function setCapacity(
  sql: Session,
  ticketId: number,
  version: number,
  capacity: number | null,
  { now = editedAt } = {},
): Promise<Edit & { min: number | null }> {
  const [row] = await sql<(Edit & { min: number | null })[]>`
    select r.outcome, r.current_version as version, r.capacity_min::integer as min
    from api.update_direct_capacity(
      p_ticket_id => ${ticketId}::bigint, p_version => ${version}::integer, p_capacity => ${capacity}::bigint,
      p_actor => ${actor}::text, p_now => ${now}::text::timestamptz
    ) r`
  return row!
}

/** The event as a visitor sees it, with its tickets; null: he does not. */
export async function shownEvent(sql: Session, eventId: number): Promise<Record<string, unknown> | null> {
  const [row] = await sql<{ body: Record<string, unknown> | null }[]>`
    select r.body from api.get_event(p_event_id => ${eventId}::bigint) r`
  return row!.body
}

/** What the audit log says of a subject, oldest first. */
export async function auditOf(sql: Session, subject: string) {
  const rows = await sql<{ actor: string; action: string; before: unknown; after: unknown }[]>`
    select actor, action, before, after from onsale.audit_log where subject = ${subject} order by id`
  return [...rows]
}

/** Revisions of the event and of the catalogue: what caches hear of. */
export async function revisionsOf(
  sql: Session,
  eventId: number,
): Promise<[event: number, catalogue: number]> {
  const [row] = await sql<{ event: number; catalogue: number }[]>`
    select r.revision::integer as event, k.revision::integer as catalogue
    from onsale.event_revisions r, onsale.catalogue k where r.event_id = ${eventId}`
  return [row!.event, row!.catalogue]
}
