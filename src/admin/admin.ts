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
  type CancelResult,
  type CapacityResult,
  createAdminCalls,
  type EventChanges,
  type NewEvent,
  type NewTicket,
  type NewTicketResult,
  type TicketChanges,
  type UpdateResult,
} from './calls.ts'
import { csvOf } from './csv.ts'

export type Admin = ReturnType<typeof createAdmin>

export type AdminDeps = {
  /** The primary, on a pool of `adminPoolSize`. */
  pool: Sql
  metrics: Metrics
}

type By = { actor: string; version: number }
type ByAny = { actor: string }
type Result = UpdateResult | CancelResult | CapacityResult | AllotmentResult

/**
 * What admins do to events and tickets of the direct channel alone. Answers are JSON text, read after the commit: they may
 * show what somebody else has changed since. Refuses as `not_found`, `not_direct` and `version_conflict`, and as `busy` where
 * too much waits.
 */
export function createAdmin({ pool, metrics }: AdminDeps) {
  const calls = createAdminCalls(metrics)
  const lane = createLane({
    atOnceMax: adminCallsAtOnceMax,
    waitingMax: adminCallsWaitingMax,
    holdMsMax: poolStatementTimeoutMs + poolAnswerGraceMs,
    metrics,
    refusal: 'Too many calls of admins wait for the database, try again',
  })

  return {
    createEvent: async (event: NewEvent, by: ByAny): Promise<string> => {
      const checked = {
        ...withInstants(withCleanHtml(event)),
        ...(event.tickets && {
          tickets: event.tickets.map((ticket, nth) => withInstants(ticket, `/tickets/${nth}`)),
        }),
      }
      return await eventOf(await lane.run(() => calls.applyDirectEvent(pool, checked, by)))
    },

    updateEvent: async (eventId: number, changes: EventChanges, by: By): Promise<string> => {
      const checked = withInstants(withCleanHtml(changes))
      accept(await lane.run(() => calls.updateDirectEvent(pool, eventId, checked, by)))
      return await eventOf(eventId)
    },

    updateEventStatus: async (eventId: number, status: EventStatus, { actor }: ByAny): Promise<string> => {
      const by = { actor, version: null }
      accept(await lane.run(() => calls.updateDirectEventStatus(pool, eventId, status, by)))
      return await eventOf(eventId)
    },

    /** Refuses as `has_live_orders` too. */
    deleteEvent: async (eventId: number, { actor }: ByAny): Promise<void> =>
      accept(await lane.run(() => calls.cancelDirectEvent(pool, eventId, { actor, version: null }))),

    createTicket: async (eventId: number, ticket: NewTicket, by: ByAny): Promise<string> => {
      const checked = withInstants(ticket)
      const result = await lane.run(() => calls.applyDirectTicket(pool, eventId, checked, by))
      if (result.ticketId === null) throw refusalOf({ ...result, version: null })
      return await ticketOf(result.ticketId)
    },

    updateTicket: async (ticketId: number, changes: TicketChanges, by: By): Promise<string> => {
      const checked = withInstants(changes)
      accept(await lane.run(() => calls.updateDirectTicket(pool, ticketId, checked, by)))
      return await ticketOf(ticketId)
    },

    /** Refuses as `has_live_orders` too. */
    deleteTicket: async (ticketId: number, { actor }: ByAny): Promise<void> =>
      accept(await lane.run(() => calls.cancelDirectTicket(pool, ticketId, { actor, version: null }))),

    /** `capacity`: null is unlimited. Refuses as `capacity_below_sold` too. */
    updateCapacity: async (ticketId: number, capacity: number | null, by: By): Promise<string> => {
      accept(await lane.run(() => calls.updateDirectCapacity(pool, ticketId, capacity, by)))
      return await ticketOf(ticketId)
    },

    /** Units of a Shopify ticket that the direct channel is to have; answers the job that moves them. */
    updateAllotment: async (
      ticketId: number,
      wanted: { units: number; locationId: string | null },
      by: By,
    ): Promise<number> => {
      const result = await lane.run(() => calls.placeAllotment(pool, ticketId, wanted, by))
      if (result.jobId === null) throw refusalOf(result)
      return result.jobId
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

function accept(result: Result): void {
  if (result.outcome !== 'updated' && result.outcome !== 'cancelled') throw refusalOf(result)
}

function refusalOf(result: Result | (NewTicketResult & { version: null })): AppError {
  switch (result.outcome) {
    case 'not_found':
      return new AppError('not_found', 'There is no such event or ticket, or it was deleted')
    case 'not_direct':
      return new AppError('not_direct', 'This is made in Shopify: change it there')
    case 'has_live_orders':
      return new AppError(
        'has_live_orders',
        'Somebody holds or has bought tickets of it: cancel these orders first',
      )
    case 'version_conflict':
      return new AppError('version_conflict', `It is at version ${result.version}`, {
        extra: { current_version: result.version },
      })
    case 'not_shopify':
      return new AppError('not_shopify', 'All of its units are sold here: change its capacity instead')
    case 'not_tracked':
      return new AppError('not_tracked', 'Shopify does not count its units, or has not told of them yet')
    case 'allotment_below_sold':
    case 'capacity_below_sold': {
      const least =
        'capacityMin' in result ? result.capacityMin : 'unitsMin' in result ? result.unitsMin : null
      return new AppError(
        'capacity_below_sold',
        `There must be at least ${least}: so many are sold or held`,
        {
          extra: { least },
        },
      )
    }
    default:
      return new AppError('internal', `Unexpected outcome ${result.outcome}`)
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
