import type { EventName, EventStatus, ListQuery } from '../catalog/calls.ts'
import { AppError, type Fault, refusalOfFaults } from '../errors.ts'
import { cleanHtml } from '../intake/description.ts'
import {
  adminCallsAtOnceMax,
  adminCallsWaitingMax,
  orderRowsPerPage,
  poolAnswerGraceMs,
  poolStatementTimeoutMs,
} from '../limits.ts'
import type { Sql } from '../platform/database.ts'
import { createLane } from '../platform/lane.ts'
import type { Metrics } from '../platform/metrics.ts'
import {
  type AllotmentResult,
  type Asker,
  type CancelResult,
  type CapacityResult,
  createAdminCalls,
  type EventChanges,
  type NewEvent,
  type NewTicket,
  type NewTicketResult,
  type ShopifyEventResult,
  type ShopifyWrite,
  type ShopifyWriteResult,
  type TicketChanges,
  type UpdateResult,
} from './calls.ts'
import { csvOf } from './csv.ts'
import {
  eventChangesForShop,
  eventForShop,
  noLocation,
  type Shop,
  ticketChangesForShop,
  ticketForShop,
} from './shop_bodies.ts'

export type Admin = ReturnType<typeof createAdmin>

export type AdminDeps = {
  /** The primary, on a pool of `adminPoolSize`. */
  pool: Sql
  metrics: Metrics
  /** Null: none is connected, and what is for Shopify is refused. */
  shop: Shop | null
}

/** A write that waits for Shopify. `isReplayed`: it does so since the same request was sent before. */
export type Queued = { jobId: number; isReplayed: boolean }

type By = Asker & { version: number }
/** Where Shopify keeps the units; null: at its only location. */
type At = { locationId: string | null }
type Result = UpdateResult | CancelResult | CapacityResult | ShopifyWriteResult

/**
 * What admins do to events and tickets. Those of the direct channel alone are changed at once: answers are JSON text, read after
 * the commit, and may show what somebody else has changed since. Those of Shopify are changed there, by a job that is queued.
 * Refuses as `not_found`, `version_conflict`, `validation_failed`, `shopify_not_connected` and `idempotency_conflict`, and as
 * `busy` where too much waits.
 */
export function createAdmin({ pool, metrics, shop }: AdminDeps) {
  const calls = createAdminCalls(metrics)
  const lane = createLane({
    atOnceMax: adminCallsAtOnceMax,
    waitingMax: adminCallsWaitingMax,
    holdMsMax: poolStatementTimeoutMs + poolAnswerGraceMs,
    metrics,
    refusal: 'Too many calls of admins wait for the database, try again',
  })

  return {
    /** An event of the direct channel alone. */
    createEvent: async (event: NewEvent, { actor }: Pick<Asker, 'actor'>): Promise<string> =>
      await eventOf(await lane.run(() => calls.applyDirectEvent(pool, checkedEvent(event), { actor }))),

    /** An event of Shopify's. */
    createShopifyEvent: async (event: NewEvent, { locationId, ...by }: Asker & At): Promise<Queued> => {
      const wanted = eventForShop(checkedEvent(event), requireShop())
      const asked = { locationId, ...by }
      return queuedOf(await lane.run(() => calls.placeShopifyEvent(pool, wanted, asked)))
    },

    updateEvent: async (eventId: number, changes: EventChanges, by: By): Promise<string | Queued> => {
      const checked = withInstants(withCleanHtml(changes))
      const result = await lane.run(() => calls.updateDirectEvent(pool, eventId, checked, by))
      if (result.outcome === 'not_direct') {
        const details = { changes: eventChangesForShop(checked, requireShop()) }
        return await queue({ kind: 'update_event', eventId, version: by.version, details }, by)
      }
      accept(result)
      return await eventOf(eventId)
    },

    updateEventStatus: async (
      eventId: number,
      status: 'active' | 'draft',
      by: Asker,
    ): Promise<string | Queued> => {
      const ofAny = { actor: by.actor, version: null }
      const result = await lane.run(() => calls.updateDirectEventStatus(pool, eventId, status, ofAny))
      if (result.outcome === 'not_direct') {
        const kind = status === 'active' ? 'publish_event' : 'unpublish_event'
        return await queue({ kind, eventId, version: null, details: {} }, by)
      }
      accept(result)
      return await eventOf(eventId)
    },

    /** Null: it is deleted. Refuses as `has_live_orders` too. */
    deleteEvent: async (eventId: number, by: Asker): Promise<null | Queued> => {
      const ofAny = { actor: by.actor, version: null }
      const result = await lane.run(() => calls.cancelDirectEvent(pool, eventId, ofAny))
      if (result.outcome === 'not_direct')
        return await queue({ kind: 'delete_event', eventId, version: null, details: {} }, by)
      accept(result)
      return null
    },

    createTicket: async (
      eventId: number,
      ticket: NewTicket,
      { locationId, ...by }: Asker & At,
    ): Promise<string | Queued> => {
      const checked = withInstants(ticket)
      const queueIt = async () => {
        requireShop()
        const details = { ticket: ticketForShop(checked), location_id: locationId }
        return await queue({ kind: 'create_ticket', eventId, version: null, details }, by)
      }
      if (locationId !== null) return await queueIt()
      const result = await lane.run(() => calls.applyDirectTicket(pool, eventId, checked, by))
      if (result.outcome === 'not_direct') return await queueIt()
      if (result.ticketId === null) throw refusalOf(result)
      return await ticketOf(result.ticketId)
    },

    updateTicket: async (ticketId: number, changes: TicketChanges, by: By): Promise<string | Queued> => {
      const checked = withInstants(changes)
      const result = await lane.run(() => calls.updateDirectTicket(pool, ticketId, checked, by))
      if (result.outcome === 'not_direct') {
        requireShop()
        const details = { changes: ticketChangesForShop(checked) }
        return await queue({ kind: 'update_ticket', ticketId, version: by.version, details }, by)
      }
      accept(result)
      return await ticketOf(ticketId)
    },

    /** Null: it is deleted. Refuses as `has_live_orders` too. */
    deleteTicket: async (ticketId: number, by: Asker): Promise<null | Queued> => {
      const ofAny = { actor: by.actor, version: null }
      const result = await lane.run(() => calls.cancelDirectTicket(pool, ticketId, ofAny))
      if (result.outcome === 'not_direct')
        return await queue({ kind: 'delete_ticket', ticketId, version: null, details: {} }, by)
      accept(result)
      return null
    },

    /** `capacity`: null is unlimited. Refuses as `capacity_below_sold` too. */
    updateCapacity: async (
      ticketId: number,
      capacity: number | null,
      { locationId, ...by }: By & At,
    ): Promise<string | Queued> => {
      const details = { capacity, location_id: locationId }
      const write = { kind: 'update_capacity', ticketId, version: by.version, details } as const
      if (locationId !== null) return await queue(write, by)
      const result = await lane.run(() => calls.updateDirectCapacity(pool, ticketId, capacity, by))
      if (result.outcome === 'not_direct') return await queue(write, by)
      accept(result)
      return await ticketOf(ticketId)
    },

    /** Units of a Shopify ticket that the direct channel is to have. Refuses as `not_shopify`, `not_tracked` and `capacity_below_sold` too. */
    updateAllotment: async (ticketId: number, units: number, by: By & At): Promise<Queued> => {
      // What is not there is not found, whether a shop is connected or not.
      if (shop === null) await ticketOf(ticketId)
      requireShop()
      const result = await lane.run(() => calls.placeAllotment(pool, ticketId, units, by))
      if (result.outcome === 'not_shopify') {
        throw new AppError('not_shopify', 'All of its units are sold here: change its capacity instead')
      }
      return queuedOf(result)
    },

    /** An event in any status, with what visitors do not see. Refuses as `not_found`. */
    getEvent: async (name: EventName): Promise<string> =>
      (await lane.run(() => calls.getDirectEvent(pool, name))) ?? raise(noEvent()),

    /** A page of the events of one status as JSON text. */
    listEvents: (status: EventStatus, query: Omit<ListQuery, 'after'>): Promise<string> =>
      lane.run(() => calls.listEventsOfStatus(pool, status, query)),

    getEventStats: async (eventId: number): Promise<string> =>
      (await lane.run(() => calls.getEventStats(pool, eventId))) ?? raise(noEvent()),

    /**
     * The orders of an event as CSV, a page at a time as the reader takes it; between pages no connection is held. The first
     * page is read before it answers, so that what refuses does so as any other call.
     */
    streamEventOrders: async (eventId: number): Promise<ReadableStream<Uint8Array>> => {
      const pageAfter = (afterId: number | null) =>
        lane.run(() => calls.listEventOrders(pool, eventId, { afterId, limit: orderRowsPerPage }))
      const first = await pageAfter(null)
      // A deleted event still has its books.
      if (first.length === 0 && (await lane.run(() => calls.getEventStats(pool, eventId))) === null)
        throw noEvent()
      return csvOf(first, { pageAfter, pageRows: orderRowsPerPage })
    },
  }

  async function queue(write: ShopifyWrite, by: Asker): Promise<Queued> {
    requireShop()
    const result = await lane.run(() => calls.placeShopifyWrite(pool, write, by))
    // Nobody comes here with one of the direct channel but by naming a location.
    if (result.outcome === 'not_shopify') throw noLocation()
    return queuedOf(result)
  }

  function requireShop(): Shop {
    const missing = 'Set SHOPIFY_SHOPS and SHOPIFY_ACCESS_TOKEN, or change it in Shopify'
    return shop ?? raise(new AppError('shopify_not_connected', missing))
  }

  async function eventOf(eventId: number): Promise<string> {
    return (
      (await lane.run(() => calls.getDirectEvent(pool, { eventId: String(eventId) }))) ?? raise(noEvent())
    )
  }

  async function ticketOf(ticketId: number): Promise<string> {
    const event = await lane.run(() => calls.getDirectEvent(pool, { ticketId }))
    const { tickets } = JSON.parse(event ?? '{"tickets":[]}') as { tickets: { id: number }[] }
    return JSON.stringify(tickets.find(({ id }) => id === ticketId) ?? raise(noTicket()))
  }
}

function checkedEvent(event: NewEvent): NewEvent {
  return {
    ...withInstants(withCleanHtml(event)),
    ...(event.tickets && {
      tickets: event.tickets.map((ticket, nth) => withInstants(ticket, `/tickets/${nth}`)),
    }),
  }
}

function queuedOf(result: ShopifyEventResult | ShopifyWriteResult | AllotmentResult): Queued {
  const { outcome, jobId } = result
  if (jobId !== null && (outcome === 'queued' || outcome === 'replayed')) {
    return { jobId, isReplayed: outcome === 'replayed' }
  }
  throw refusalOf(result)
}

function accept(result: Result): void {
  if (result.outcome !== 'updated' && result.outcome !== 'cancelled') throw refusalOf(result)
}

type Refused = {
  outcome: Result['outcome'] | NewTicketResult['outcome'] | AllotmentResult['outcome']
  version?: number | null
  capacityMin?: number | null
}

function refusalOf({ outcome, version, capacityMin: least }: Refused): AppError {
  switch (outcome) {
    case 'not_found':
      return new AppError('not_found', 'There is no such event or ticket, or it was deleted')
    case 'conflict':
      return new AppError(
        'idempotency_conflict',
        'The same Idempotency-Key was sent before with another request',
      )
    case 'has_live_orders':
      return new AppError(
        'has_live_orders',
        'Somebody holds or has bought tickets of it: cancel these orders first',
      )
    case 'version_conflict':
      return new AppError('version_conflict', `It is at version ${version}`, {
        extra: { current_version: version },
      })
    case 'not_tracked':
      return new AppError('not_tracked', 'Shopify does not count its units, or has not told of them yet')
    case 'capacity_below_sold':
      return new AppError(
        'capacity_below_sold',
        `There must be at least ${least}: so many are sold or held`,
        {
          extra: { least },
        },
      )
    default:
      return new AppError('internal', `Unexpected outcome ${outcome}`)
  }
}

function withCleanHtml<Body extends { description?: string | null }>(body: Body): Body {
  return typeof body.description === 'string' ? { ...body, description: cleanHtml(body.description) } : body
}

const instantFields = ['starts_at', 'ends_at', 'sale_starts_at', 'sale_ends_at'] as const
const spans = [
  ['starts_at', 'ends_at'],
  ['sale_starts_at', 'sale_ends_at'],
] as const

/** Times as PostgreSQL takes them. A schema cannot tell that there is no 30 February; this does. */
function withInstants<Body extends object>(body: Body, path = ''): Body {
  const given = body as Partial<Record<(typeof instantFields)[number], string | null>>
  const faults: Fault[] = []
  const read = instantFields.flatMap((field) => {
    const text = given[field]
    if (typeof text !== 'string') return []
    const time = instantOf(text)
    if (time === null) faults.push({ path: `${path}/${field}`, message: 'Expected a time that exists' })
    return [[field, time] as const]
  })
  // Of what is named together; an end that is changed alone is believed.
  const times = new Map(read)
  for (const [from, until] of spans) {
    const [begin, end] = [times.get(from), times.get(until)]
    if (begin && end && end < begin)
      faults.push({ path: `${path}/${until}`, message: `Expected a time not before ${from}` })
  }
  if (faults.length > 0) throw refusalOfFaults('validation_failed', faults)
  return { ...body, ...Object.fromEntries(read) }
}

function instantOf(text: string): string | null {
  const day = text.slice(0, 10)
  const midnight = new Date(`${day}T00:00:00Z`)
  const time = new Date(text.toUpperCase())
  if (Number.isNaN(midnight.getTime()) || Number.isNaN(time.getTime())) return null
  return midnight.toISOString().startsWith(day) ? time.toISOString() : null
}

function noEvent(): AppError {
  return new AppError('not_found', 'There is no such event')
}

function noTicket(): AppError {
  return new AppError('not_found', 'There is no such ticket')
}

function raise(error: AppError): never {
  throw error
}
