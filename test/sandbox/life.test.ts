import { describe, expect, test } from 'bun:test'
import { createShop, type ShopOptions, startOf } from '../../sandbox/life.ts'
import { createPlaybill } from '../../sandbox/playbill.ts'
import { createRandom } from '../../sandbox/random.ts'
import { inventoryQuantity } from '../../sandbox/records.ts'
import { World } from '../../sandbox/world.ts'
import { applyRule } from './rule.ts'

const kinds: readonly Omit<ShopOptions, 'seed'>[] = [
  {},
  { pace_ms: 60, capacity_max: 20 },
  { pace_ms: 1500, api_version: '2023-10' },
  { bare_share: 0.3, big_id_share: 1, lag_ms_max: 0 },
  { events: 3, large_events: 0, weights: { connect: 15, disconnect: 15, transfer: 15 } },
]

const shops = kinds.flatMap((options) =>
  [1, 2, 3].map((seed) => {
    const shop = createShop({ ...options, seed })
    shop.live(700)
    return shop
  }),
)

describe('a life is a function of its seed', () => {
  test('the same seed tells the same deliveries and the same truth, byte by byte', () => {
    const tell = (seed: string) => {
      const shop = createShop({ seed })
      shop.live(500)
      return JSON.stringify([shop.deliveries, shop.truth()])
    }
    expect(tell('a')).toBe(tell('a'))
    expect(tell('a')).not.toBe(tell('b'))
  })

  test('another option is another shop, with no id in common', () => {
    const ids = (pace_ms: number) =>
      createShop({ seed: 'a', pace_ms }).world.products.map((product) => product.id)
    expect(ids(100).filter((id) => ids(200).includes(id))).toEqual([])
  })

  test('a longer life begins with the shorter one', () => {
    const [short, long] = [createShop({ seed: 'a' }), createShop({ seed: 'a' })]
    short.live(300)
    long.live(600)
    const ids = (shop: typeof short) =>
      shop.deliveries.map((delivery) => delivery.headers['X-Shopify-Webhook-Id'])
    const known = new Set(ids(long))
    expect(ids(short).every((id) => known.has(id))).toBe(true)
  })

  test('a seed may name the time at which life begins', () => {
    expect(startOf('20261121T093015Z-4f2a').toISOString()).toBe('2026-11-21T09:30:15.000Z')
    expect(startOf('anything').toISOString()).toBe('2026-01-05T09:00:00.000Z')
  })
})

describe('the books are kept', () => {
  test('available is what was stocked, less what was taken, plus what came back', () => {
    for (const { world } of shops) {
      for (const [variant, { stocked, taken, returned }] of world.ledger) {
        expect(inventoryQuantity(variant.item)).toBe(stocked - taken + returned)
      }
    }
  })

  test('no more is sold than there is, unless the ticket may be oversold', () => {
    for (const shop of shops) {
      for (const variant of shop.world.products.flatMap((product) => product.variants)) {
        const never = variant.item.levels.every((level) => level.available >= 0)
        if (!variant.oversell && !never) expect(variantWasOversold(shop, variant.id)).toBe(true)
      }
    }
  })

  test('capacity is available and sold together', () => {
    for (const shop of shops) {
      for (const ticket of shop.truth().events.flatMap((event) => event.tickets)) {
        if (ticket.available_raw === null) expect(ticket.capacity).toBeNull()
        else expect(ticket.capacity).toBe(ticket.available_raw + ticket.sold)
      }
    }
  })

  test('test orders are told apart', () => {
    const shop = createShop({ seed: 'tests' })
    shop.live(3000)
    const sold = (test_orders: 'count' | 'ignore') =>
      shop
        .truth({ test_orders })
        .events.flatMap((event) => event.tickets)
        .reduce((sum, { sold }) => sum + sold, 0)
    expect(sold('ignore')).toBeLessThan(sold('count'))
  })
})

describe('everything happens', () => {
  test('all topics, oversold, untracked and sold-out tickets, every status, late bodies and equal stamps', () => {
    const long = createShop({ seed: 'everything', weights: { other_topic: 20, customer_request: 5 } })
    long.live(4000)
    const all = [...shops, long]
    const topics = new Set(all.flatMap((shop) => shop.deliveries.map(({ topic }) => topic)))
    expect([...topics].sort()).toEqual(TOPICS)
    const events = all.flatMap((shop) => shop.truth().events)
    const tickets = events.flatMap((event) => event.tickets)
    expect(new Set(events.map(({ status }) => status)).size).toBe(5)
    expect(tickets.some(({ available_raw }) => available_raw !== null && available_raw < 0)).toBe(true)
    expect(tickets.some(({ available }) => available === null)).toBe(true)
    expect(tickets.some(({ available, oversell_allowed }) => available === 0 && !oversell_allowed)).toBe(true)
    expect(Math.max(...events.map((event) => event.tickets.length))).toBeGreaterThan(100)

    const levels = shops.flatMap((shop) =>
      shop.deliveries.filter(({ topic }) => topic === 'inventory_levels/update'),
    )
    const byStamp = Map.groupBy(levels, ({ body }) => body.replace(/"available":-?\d+/, ''))
    const ties = [...byStamp.values()].filter((list) => new Set(list.map(({ body }) => body)).size > 1)
    expect(ties.length).toBeGreaterThan(0)
  })
})

describe('the convergence rule', () => {
  test('ends in the truth of every shop, whatever the order', () => {
    let tickets = 0
    for (const shop of shops) {
      const shuffled = createRandom('order').shuffle(shop.deliveries)
      const counts = applyRule([...shuffled, ...shuffled.slice(0, 50)], { tombstones_date_base: true })
      for (const event of shop.truth().events.filter(({ status }) => status !== 'deleted')) {
        for (const { variant_id, available_raw, sold } of event.tickets) {
          expect(counts.get(variant_id)).toEqual({ variant_id, available: available_raw, sold })
          tickets++
        }
      }
    }
    expect(tickets).toBeGreaterThan(1000)
  })

  test('ends wrong where a disconnected location does not date the base', () => {
    const world = new World({
      seed: 'tomb',
      start_at: new Date('2026-01-05T09:00:00Z'),
      locations: 2,
      lag_ms_max: 0,
    })
    const [kept, left] = world.locations
    const idea = createPlaybill(createRandom('tomb'), { from: new Date('2026-01-05'), days: 90 })()
    const ticket = { title: 'Entry', price_cents: 1000, compare_at_price_cents: null, capacity: 10 }
    const [variant] = world.addProduct(idea, { tickets: [ticket] }).variants
    const level = (location = kept) => variant!.item.levels.find((known) => known.location === location)
    for (const location of world.locations) {
      world.advance(10_000_000)
      if (!level(location)) world.connect(variant!, location, 0)
    }
    world.advance(10_000_000)
    world.setAvailable(variant!, level(left)!, 90)
    world.advance(10_000_000)
    world.setAvailable(variant!, level(kept)!, 5)
    // Three seconds later two are sold where 90 are left, and half a second later that place is taken away
    world.advance(3_000_000)
    world.placeOrder([{ variant: variant!, units: 2 }])
    world.advance(500_000)
    world.disconnect(variant!, level(left)!)
    world.settle()
    const available = (tombstones_date_base: boolean) =>
      applyRule(world.deliveries, { tombstones_date_base }).get(variant!.id)?.available
    expect(world.truth().events[0]!.tickets[0]).toMatchObject({ available: 5, sold: 2, capacity: 7 })
    expect(available(true)).toBe(5)
    // The order is younger than what the kept place last said, and is subtracted from stock it never was part of
    expect(available(false)).toBe(3)
  })
})

/** Below zero is left over from when the ticket could be oversold */
function variantWasOversold(shop: (typeof shops)[number], id: string): boolean {
  return shop.deliveries.some(
    ({ topic, body }) => topic.startsWith('products/') && body.includes('"continue"') && body.includes(id),
  )
}

const TOPICS = [
  'bulk_operations/finish',
  'carts/update',
  'customers/data_request',
  'customers/redact',
  'inventory_items/create',
  'inventory_items/delete',
  'inventory_items/update',
  'inventory_levels/connect',
  'inventory_levels/disconnect',
  'inventory_levels/update',
  'orders/cancelled',
  'orders/create',
  'orders/delete',
  'orders/edited',
  'orders/fulfilled',
  'orders/paid',
  'orders/partially_fulfilled',
  'orders/updated',
  'products/create',
  'products/delete',
  'products/update',
  'refunds/create',
  'themes/publish',
]
