// The orders of an on-sale, as webhooks tell them. Pure, because both k6 and the light generator send them: the same
// number always makes the same bytes, so that a duplicate is one, and whoever knows how many were sent knows what was sold.

/** The event whose tickets are sold, by Shopify's ids; all below 2^53. */
export type HotEvent = {
  productId: number
  /** Of the tickets that are sold, and one more that is not: its stock is set from outside, to see when that shows. */
  variantIds: number[]
  itemIds: number[]
  watched: { variantId: number; itemId: number }
  /** Ids of orders count from here. */
  firstOrderId: number
  /** Unix, ms: when the first order is made. */
  startMs: number
}

export type OrderDelivery = { topic: string; webhookId: string; body: string }

/** One delivery in so many is an earlier one again, with its id and bytes. */
const duplicateEvery = 10
/** A duplicate repeats what was new so long ago. */
const duplicateLag = 37
/** Deliveries leave in any order within so many: a prime step walks through each block once. */
const shuffledBlock = 200
const shuffleStep = 77

/** Shopify's bodies have about 4 kB; most of an order is what we do not read. */
const ballast = 'x'.repeat(3_400)

/** An event with so many kinds of ticket, none of them scarce. `number` keeps the ids of two events apart. */
export function hotEventOf(number: number, ticketCount: number): HotEvent {
  const startMs = Date.now()
  const first = startMs * 1_000 + number * 100_000
  return {
    productId: first,
    variantIds: Array.from({ length: ticketCount }, (_, nth) => first + 1_000 + nth),
    itemIds: Array.from({ length: ticketCount }, (_, nth) => first + 3_000 + nth),
    watched: { variantId: first + 999, itemId: first + 2_999 },
    firstOrderId: first + 10_000,
    startMs,
  }
}

/** Of each kind of ticket at the start. */
const unitsAtStart = 50_000_000

/** The body of products/create. */
export function productBody({ productId, variantIds, itemIds, watched, startMs }: HotEvent): string {
  const variants = [...variantIds, watched.variantId].map((id, nth) => ({
    id,
    title: `Block ${nth + 1}`,
    option1: 'Seat',
    sku: `HOT-${id}`,
    position: nth + 1,
    price: '25.00',
    inventory_item_id: itemIds[nth] ?? watched.itemId,
    inventory_management: 'shopify',
    inventory_policy: 'deny',
    inventory_quantity: unitsAtStart,
  }))
  return JSON.stringify({
    id: productId,
    title: `On sale ${productId}`,
    status: 'active',
    product_type: 'Concert',
    body_html: '<p>Everybody wants in.</p>',
    updated_at: new Date(startMs - 60_000).toISOString(),
    variants,
  })
}

/**
 * The delivery that is sent as number `n` (from 0): of every order its creation and its payment, shuffled within
 * blocks of 200, and one in ten a duplicate.
 */
export function orderDelivery(event: HotEvent, n: number): OrderDelivery {
  const slot = slotOf(n)
  const order = slot >> 1
  const isPayment = (slot & 1) === 1
  const orderId = event.firstOrderId + order
  const variantId = event.variantIds[order % event.variantIds.length]
  const createdAt = new Date(event.startMs + order).toISOString()
  const updatedAt = new Date(event.startMs + order + (isPayment ? 2_000 : 0)).toISOString()
  return {
    topic: isPayment ? 'orders/paid' : 'orders/create',
    webhookId: `${event.productId}-${slot}`,
    body:
      `{"id":${orderId},"created_at":"${createdAt}","updated_at":"${updatedAt}","currency":"EUR",` +
      `"financial_status":"${isPayment ? 'paid' : 'pending'}","note":"${ballast}","tags":"","test":false,` +
      `"customer":{"id":${700_000_000 + (order % 50_000)}},"line_items":[{"id":${orderId},"variant_id":${variantId},` +
      `"product_id":${event.productId},"quantity":1,"current_quantity":1,"price":"25.00","title":"Seat"}],"refunds":[]}`,
  }
}

/** The nth delivery where several events sell in turn. */
export function deliveryOf(events: readonly HotEvent[], n: number): OrderDelivery {
  return orderDelivery(events[n % events.length]!, Math.floor(n / events.length))
}

/** The body of inventory_levels/update that leaves so many units of the ticket that is not sold. */
export function levelBody({ watched }: HotEvent, available: number, updatedAtMs: number): string {
  const updatedAt = new Date(updatedAtMs).toISOString()
  return `{"inventory_item_id":${watched.itemId},"location_id":1,"available":${available},"updated_at":"${updatedAt}"}`
}

/** How many tickets are sold once the first `sent` deliveries have all been taken in: one for each order among them. */
export function soldAfter(sent: number): number {
  const orders = new Set<number>()
  for (let n = 0; n < sent; n++) orders.add(slotOf(n) >> 1)
  return orders.size
}

function slotOf(n: number): number {
  const isDuplicate = n % duplicateEvery === duplicateEvery - 1
  const fresh = n - Math.floor(n / duplicateEvery)
  return shuffled(isDuplicate ? Math.max(0, fresh - duplicateLag) : fresh)
}

function shuffled(nth: number): number {
  const block = Math.floor(nth / shuffledBlock)
  return block * shuffledBlock + (((nth % shuffledBlock) * shuffleStep + block * 31) % shuffledBlock)
}
