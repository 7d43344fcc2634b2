import type { Delivery, DeliveryResult } from '../intake/model.ts'
import type { Job } from '../jobs/calls.ts'
import type { Shopify } from '../shopify/client.ts'
import {
  getInventoryItem,
  getOrder,
  gidOf,
  idOfGid,
  type ReadLevel,
  type ReadOrder,
  type ReadOrderLine,
} from '../shopify/documents.ts'
import type { Access } from './access.ts'

export type LookDeps = {
  shopify: Pick<Shopify, 'call'>
  access: Pick<Access, 'shopDomain'>
  /** Puts deliveries into the mirror: api.apply_deliveries. */
  applyDeliveries: (deliveries: readonly Delivery[]) => Promise<DeliveryResult[]>
}

type Options = { signal: AbortSignal }
/** What the shop says of a record, as a webhook would. */
type Told = { topic: string; body: string }

/** An order may change while its pages are read; then it is read again. */
const readsMax = 3

/**
 * The jobs that look at one record in the shop. What they see goes the way of a webhook that was triggered when they began to look:
 * what was triggered later stays.
 */
export function createLookHandlers({ shopify, access, applyDeliveries }: LookDeps) {
  return {
    async look_order(job: Job, { signal }: Options) {
      const orderId = requireId(job.request.order_id)
      const seenAt = Date.now()
      const read = await readOrder(orderId, signal)
      if (read === null) return { order_id: orderId, outcome: 'not_found' }
      const [outcome] = await tell(job, seenAt, [{ topic: 'orders/updated', body: orderBody(orderId, read) }])
      return { order_id: orderId, outcome }
    },

    async look_level(job: Job, { signal }: Options) {
      const itemId = requireId(job.request.inventory_item_id)
      const seenAt = Date.now()
      const read = await readItem(shopify, itemId, signal)
      if (read === null) return { inventory_item_id: itemId, outcomes: ['not_found'] }
      const { levels, tracked, updatedAt } = read
      const item = `{"id":${itemId},"tracked":${tracked},"updated_at":${JSON.stringify(updatedAt)}}`
      const outcomes = await tell(job, seenAt, [
        { topic: 'inventory_items/update', body: item },
        ...levels.map((level) => ({ topic: 'inventory_levels/update', body: levelBody(itemId, level) })),
      ])
      return { inventory_item_id: itemId, outcomes }
    },
  }

  async function tell(job: Job, seenAt: number, told: readonly Told[]): Promise<string[]> {
    const shop = await access.shopDomain()
    const results = await applyDeliveries(
      told.map(({ topic, body }, nth) => ({
        shop,
        // Each attempt sees for itself.
        deliveryId: `look ${job.id}/${job.attempt}/${nth}`,
        topic,
        triggeredNs: String(BigInt(seenAt) * 1_000_000n),
        eventId: null,
        apiVersion: null,
        body: Buffer.from(body),
        description: null,
      })),
    )
    return results.map(({ outcome }) => outcome)
  }

  async function readOrder(
    orderId: string,
    signal: AbortSignal,
  ): Promise<{ order: ReadOrder; lines: ReadOrderLine[] } | null> {
    const id = gidOf('Order', orderId)
    for (let nth = 0; nth < readsMax; nth++) {
      const { order } = await shopify.call(getOrder, { id }, look(signal))
      if (order === null) return null
      const lines = [...order.lineItems.nodes]
      let page = order
      while (page.lineItems.pageInfo.hasNextPage) {
        const after = page.lineItems.pageInfo.endCursor
        const next = await shopify.call(getOrder, { id, after }, look(signal))
        if (next.order?.updatedAt !== order.updatedAt) break
        page = next.order
        lines.push(...page.lineItems.nodes)
      }
      if (!page.lineItems.pageInfo.hasNextPage) return { order, lines }
    }
    throw new Error(`Order ${orderId} changed each time it was read`)
  }
}

/** What the locations have of an item, and whether it is counted; null: there is no such item. */
export async function readItem(
  shopify: Pick<Shopify, 'call'>,
  itemId: string,
  signal: AbortSignal,
): Promise<{ levels: ReadLevel[]; tracked: boolean; updatedAt: string } | null> {
  const id = gidOf('InventoryItem', itemId)
  const levels: ReadLevel[] = []
  for (let after: string | null = null; ; ) {
    const { inventoryItem: item }: ItemAnswer = await shopify.call(
      getInventoryItem,
      { id, after },
      look(signal),
    )
    if (item === null) return null
    levels.push(...item.inventoryLevels.nodes.filter(({ isActive }) => isActive))
    after = item.inventoryLevels.pageInfo.endCursor
    if (!item.inventoryLevels.pageInfo.hasNextPage)
      return { levels, tracked: item.tracked, updatedAt: item.updatedAt }
  }
}

type ItemAnswer = NonNullable<(typeof getInventoryItem)['answers']>

function look(signal: AbortSignal) {
  return { isLook: true, signal }
}

// Bodies are written by hand: their ids are integers of any size.

function orderBody(orderId: string, { order, lines }: { order: ReadOrder; lines: ReadOrderLine[] }): string {
  const { createdAt, updatedAt, cancelledAt, closedAt, test } = order
  const items = lines.map(
    ({ id, quantity, currentQuantity, variant }) =>
      `{"id":${idOfGid(id)},"variant_id":${variant === null ? null : idOfGid(variant.id)},` +
      `"quantity":${quantity},"current_quantity":${currentQuantity}}`,
  )
  return (
    `{"id":${orderId},"created_at":${JSON.stringify(createdAt)},"updated_at":${JSON.stringify(updatedAt)},` +
    `"cancelled_at":${JSON.stringify(cancelledAt)},"closed_at":${JSON.stringify(closedAt)},` +
    `"test":${test},"line_items":[${items.join()}]}`
  )
}

function levelBody(itemId: string, { updatedAt, location, quantities }: ReadLevel): string {
  const available = quantities.find(({ name }) => name === 'available')?.quantity ?? 0
  return (
    `{"inventory_item_id":${itemId},"location_id":${idOfGid(location.id)},"available":${available},` +
    `"updated_at":${JSON.stringify(updatedAt)}}`
  )
}

function requireId(value: unknown): string {
  if (typeof value === 'string' && /^[1-9]\d{0,18}$/.test(value)) return value
  throw new Error(`A look needs an id, not ${JSON.stringify(value)}`)
}
