import type { Config } from '../config.ts'
import type { createJobCalls } from '../jobs/calls.ts'
import type { JobHandler } from '../jobs/worker.ts'
import { shopifySettleMs } from '../limits.ts'
import type { Shopify } from './client.ts'
import { createEventWrites } from './event_writes.ts'
import { refusing } from './once.ts'
import { createPlaces } from './places.ts'
import { createTicketWrites } from './ticket_writes.ts'

/** What the worker of the jobs does at Shopify for the admins, by kind of job. */
export function createShopifyWrites({
  shopify,
  calls,
  config,
  settleMs = shopifySettleMs,
}: {
  shopify: Shopify
  calls: Pick<ReturnType<typeof createJobCalls>, 'updateCapacitySeen' | 'updateCapacityDelta'>
  config: Pick<Config, 'shopifyEventTag' | 'shopifyEventType' | 'shopifyLocationId'>
  settleMs?: number
}): Record<string, JobHandler> {
  const { shopifyEventTag: eventTag, shopifyEventType: eventType, shopifyLocationId: locationId } = config
  const places = createPlaces(shopify, { locationId })
  const handlers = {
    ...createEventWrites({ shopify, places, marks: { eventTag, eventType }, settleMs }),
    ...createTicketWrites({ shopify, places, calls, settleMs }),
  }
  return Object.fromEntries(Object.entries(handlers).map(([kind, handler]) => [kind, refusing(handler)]))
}
