import { LRUCache } from 'lru-cache'
import {
  checkinBatchesAtOnce,
  checkinBatchMax,
  itemBatchesAtOnce,
  orderBatchesAtOnce,
  orderBatchMax,
  orderHoldS,
  orderItemsMax,
  orderQueueMax,
  orderWaitMsMax,
  ticketsKnownMax,
  ticketsPerPage,
} from '../limits.ts'
import type { Sql } from '../platform/database.ts'
import { createGatherer, createKeyedGatherer } from '../platform/gather.ts'
import type { Metrics } from '../platform/metrics.ts'
import {
  type Checkin,
  type CheckinResult,
  createSalesCalls,
  type ItemName,
  type NamedTicket,
  type OrderQuery,
  type OrderRequest,
  type OrderTickets,
  type PlaceResult,
  type StatusRequest,
  type StatusResult,
} from './calls.ts'

export type Sales = ReturnType<typeof createSales>

export type SalesDeps = {
  /** The primary, on a pool that nothing slow shares. */
  pool: Sql
  metrics: Metrics
}

/**
 * The direct channel. PostgreSQL decides who gets what; here orders of one event that come at the same time are gathered
 * into one call, and those of different events go side by side.
 */
export function createSales({ pool, metrics }: SalesDeps) {
  const calls = createSalesCalls(metrics)
  // By event: the lock that a call takes is the event's.
  const bounds = { queueItemsMax: orderQueueMax, waitMsMax: orderWaitMsMax, metrics }
  const orders = createKeyedGatherer<number, OrderRequest, PlaceResult>({
    name: 'orders',
    run: (eventId, requests) => calls.placeOrders(pool, eventId, requests, { holdS: orderHoldS }),
    concurrency: orderBatchesAtOnce,
    batchItemsMax: orderBatchMax,
    ...bounds,
  })

  const names = createGatherer<ItemName, NamedTicket>({
    name: 'order items',
    run: (items) => calls.listOrderTickets(pool, items),
    concurrency: itemBatchesAtOnce,
    batchItemsMax: orderBatchMax * orderItemsMax,
    ...bounds,
  })

  // The event of a ticket never changes, so what was found once needs no call. Whether the ticket can be had still is what
  // place_orders says, which looks for it in that event.
  const eventOfTicket = new LRUCache<number, number>({ max: ticketsKnownMax })

  const events = createGatherer<number, number | null>({
    name: 'order events',
    run: (orderIds) => calls.listOrderEvents(pool, orderIds),
    concurrency: itemBatchesAtOnce,
    batchItemsMax: orderBatchMax,
    ...bounds,
  })

  const checkins = createGatherer<Checkin, CheckinResult>({
    name: 'checkins',
    run: (items) => calls.applyCheckins(pool, items),
    concurrency: checkinBatchesAtOnce,
    batchItemsMax: checkinBatchMax,
    ...bounds,
  })

  return {
    calls,

    /** The ticket that each item names. */
    findTickets: (items: readonly ItemName[]): Promise<NamedTicket[]> => Promise.all(items.map(findTicket)),

    /** Places an order of one event. Refuses as `busy` where too many wait; every other refusal is an outcome. */
    placeOrder: async (eventId: number, request: OrderRequest): Promise<PlaceResult> => {
      const result = await orders.submit(eventId, request)
      metrics.ordersCreated.inc({ outcome: result.outcome })
      return result
    },

    /** The event of an order, which whoever wants to change it must name; null where there is no such order. */
    findEvent: (orderId: number): Promise<number | null> => events.submit(orderId),

    /** An order as JSON text, and its event; null where there is none, or not of the user (null: anybody's). */
    getOrder: (query: { orderId: number; userId: number | null }) => calls.getOrder(pool, query),

    /** An order with a page of its tickets, for whoever has its link; null where there is none. */
    getOrderTickets: (query: { orderId: number; page: number }): Promise<OrderTickets | null> =>
      calls.getOrderTickets(pool, { ...query, limit: ticketsPerPage }),

    /** A page of orders as JSON text. */
    listOrders: (query: OrderQuery): Promise<string> => calls.listOrders(pool, query),

    /** A page of a user's bookings as JSON text. */
    listBookings: (query: { userId: number; page: number; limit: number }): Promise<string> =>
      calls.listBookings(pool, query),

    /** Gives one order another status. */
    updateOrderStatus: async (
      eventId: number,
      request: StatusRequest,
      by: { actor: 'buyer' | 'admin'; actorName: string },
    ): Promise<StatusResult> =>
      (await calls.updateOrderStatuses(pool, eventId, [request], by))[0] as StatusResult,

    /** Admits the bearer of a code, once. Refuses as `busy` where too many wait; every other refusal is an outcome. */
    checkIn: (checkin: Checkin): Promise<CheckinResult> => checkins.submit(checkin),

    /** Refuses newcomers and waits until what was accepted is answered. */
    drain: async (): Promise<void> => {
      await names.drain()
      await events.drain()
      await checkins.drain()
      await orders.drain()
    },
  }

  async function findTicket(item: ItemName): Promise<NamedTicket> {
    const { ticketId, eventId } = item
    const knownEventId = ticketId === null ? undefined : eventOfTicket.get(ticketId)
    if (knownEventId !== undefined) {
      const isNamed = eventId === null || eventId === knownEventId
      return isNamed ? { eventId: knownEventId, ticketId, matchCount: 1 } : nothingFits
    }
    const found = await names.submit(item)
    if (found.ticketId !== null && found.eventId !== null) eventOfTicket.set(found.ticketId, found.eventId)
    return found
  }
}

const nothingFits: NamedTicket = { eventId: null, ticketId: null, matchCount: 0 }
