import { afterAll, beforeAll, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Delivery } from '../../src/intake/model.ts'
import { applyAll, delivery, stateOf } from '../deliveries.ts'
import { expectVerified, rollbackTest, type TestDatabase, testDatabase } from '../harness.ts'
import { applyAt } from '../scratch.ts'

// Random deliveries about a small shop, so that they meet: two products of three variants, two locations, four
// orders, eight different seconds, and some ids beyond 2^53: an order that names one of them is sent whole, another by its
// excerpt.
const bigId = 820_982_911_946_154_500n
const productIds = [bigId, bigId + 1n]
const variantIds = [9_007_199_254_740_993n, 12n, 13n]
const orderIds = [bigId * 2n, 501n, 502n, 503n]
const itemOf = (variantId: bigint) => variantId + 1_000_000n
const productOf = (variantId: bigint) => productIds[Number(variantId % 2n)] as bigint
const locationIds = [71n, 72n]
const customerIds = [5001n, 5002n]

const second = fc.integer({ min: 0, max: 7 })
const stamp = second.map((nth) => `2026-11-01T10:00:0${nth}+01:00`)
/** Mostly near the record's own second, with nanoseconds, and sometimes missing. */
const triggered = fc.option(
  fc
    .tuple(second, fc.constantFrom('000000001', '000000002', '5', '999999999'))
    .map(([nth, fraction]) => `2026-11-01T09:00:0${nth}.${fraction}Z`),
  { nil: undefined, freq: 5 },
)
const quantity = fc.integer({ min: 0, max: 5 })

const line = fc.record({
  id: fc.constantFrom(1, 2, 3),
  variant_id: fc.oneof(fc.constantFrom(...variantIds), fc.constant(null)),
  quantity,
  current: fc.option(quantity, { freq: 3, nil: undefined }),
})
const lines = fc.uniqueArray(line, { maxLength: 3, selector: (entry) => entry.id })

const orderDelivery = fc
  .record({
    id: fc.constantFrom(...orderIds),
    topic: fc.constantFrom('orders/create', 'orders/updated', 'orders/cancelled', 'orders/paid'),
    updated: stamp,
    lines,
    isCancelled: fc.boolean(),
    isTest: fc.boolean(),
    customer: fc.constantFrom(...customerIds, null),
    refunded: fc.option(fc.record({ line: fc.constantFrom(1, 2), quantity }), { nil: undefined }),
    triggered,
  })
  .map((entry) => {
    // An order is created once, whatever is said about it later.
    const created = `2026-11-01T10:00:0${2 * Number(entry.id % 4n)}+01:00`
    return delivery(
      entry.topic,
      json({
        id: entry.id,
        created_at: created,
        updated_at: entry.updated,
        cancelled_at: entry.isCancelled ? entry.updated : null,
        test: entry.isTest,
        customer: entry.customer === null ? null : { id: entry.customer },
        line_items: entry.lines.map(({ id, variant_id, quantity, current }) => ({
          id,
          variant_id,
          quantity,
          ...(current === undefined ? {} : { current_quantity: Math.min(current, quantity) }),
        })),
        refunds: entry.refunded
          ? [
              {
                refund_line_items: [{ line_item_id: entry.refunded.line, quantity: entry.refunded.quantity }],
              },
            ]
          : [],
      }),
      entry.triggered === undefined ? {} : { at: entry.triggered },
    )
  })

const metafields = fc.option(
  fc.constantFrom(
    [],
    [{ namespace: 'onsale', key: 'subtitle', value: 'With strings' }],
    [
      { namespace: 'onsale', key: 'starts_at', value: '2026-12-01T19:00:00Z' },
      { namespace: 'custom', key: 'artist', value: 'Foxes' },
    ],
    [{ namespace: 'onsale', key: 'starts_at', value: 'sometime' }],
  ),
  { nil: undefined },
)

const productDelivery = fc
  .record({
    variants: fc.subarray(variantIds, { minLength: 1 }),
    listed: fc.subarray(variantIds),
    updated: stamp,
    title: fc.constantFrom('Rock Night', 'Jazz Night'),
    status: fc.constantFrom('active', 'draft', 'archived', 'unlisted'),
    quantity: fc.integer({ min: -3, max: 20 }),
    price: fc.constantFrom('10.00', '12.5', '0'),
    policy: fc.constantFrom('deny', 'continue'),
    management: fc.constantFrom(undefined, null, 'shopify'),
    hasGids: fc.boolean(),
    metafields,
    triggered,
  })
  .map((entry) => {
    const id = productOf(entry.variants[0] as bigint)
    const own = entry.variants.filter((variant) => productOf(variant) === id)
    const listed = [...new Set([...own, ...entry.listed.filter((variant) => productOf(variant) === id)])]
    return delivery(
      'products/update',
      json({
        id,
        title: entry.title,
        status: entry.status,
        product_type: 'Concert',
        tags: 'a, b',
        updated_at: entry.updated,
        variants: own.map((variant, nth) => ({
          id: variant,
          title: nth === 0 ? 'Default Title' : 'VIP',
          price: entry.price,
          inventory_policy: entry.policy,
          inventory_item_id: itemOf(variant),
          inventory_quantity: entry.quantity,
          ...(entry.management === undefined ? {} : { inventory_management: entry.management }),
        })),
        ...(entry.hasGids
          ? {
              variant_gids: listed.map((variant) => ({
                admin_graphql_api_id: `gid://shopify/ProductVariant/${variant}`,
              })),
            }
          : {}),
        ...(entry.metafields === undefined ? {} : { metafields: entry.metafields }),
      }),
      entry.triggered === undefined ? {} : { at: entry.triggered },
    )
  })

const levelDelivery = fc
  .record({
    topic: fc.constantFrom(
      'inventory_levels/update',
      'inventory_levels/update',
      'inventory_levels/connect',
      'inventory_levels/disconnect',
    ),
    variant: fc.constantFrom(...variantIds),
    location: fc.constantFrom(...locationIds),
    available: fc.option(fc.integer({ min: -2, max: 30 })),
    updated: fc.option(stamp, { freq: 4 }),
    triggered,
  })
  .map((entry) =>
    delivery(
      entry.topic,
      json(
        entry.topic === 'inventory_levels/disconnect'
          ? { inventory_item_id: itemOf(entry.variant), location_id: entry.location }
          : {
              inventory_item_id: itemOf(entry.variant),
              location_id: entry.location,
              available: entry.available,
              ...(entry.updated === null ? {} : { updated_at: entry.updated }),
            },
      ),
      entry.triggered === undefined ? {} : { at: entry.triggered },
    ),
  )

const itemDelivery = fc
  .record({
    topic: fc.constantFrom('inventory_items/create', 'inventory_items/update', 'inventory_items/delete'),
    variant: fc.constantFrom(...variantIds),
    tracked: fc.boolean(),
    updated: stamp,
    triggered,
  })
  .map((entry) =>
    delivery(
      entry.topic,
      json({ id: itemOf(entry.variant), tracked: entry.tracked, updated_at: entry.updated }),
      entry.triggered === undefined ? {} : { at: entry.triggered },
    ),
  )

const goneDelivery = fc
  .record({
    topic: fc.constantFrom('orders/delete', 'products/delete'),
    order: fc.constantFrom(...orderIds),
    product: fc.constantFrom(...productIds),
    triggered,
  })
  .map((entry) =>
    delivery(
      entry.topic,
      json({ id: entry.topic === 'orders/delete' ? entry.order : entry.product }),
      entry.triggered === undefined ? {} : { at: entry.triggered },
    ),
  )

const privacyDelivery = fc
  .record({ customer: fc.constantFrom(...customerIds), orders: fc.subarray(orderIds) })
  .map((entry) =>
    delivery('customers/redact', json({ customer: { id: entry.customer }, orders_to_redact: entry.orders })),
  )

const anyDelivery = fc.oneof(
  { weight: 8, arbitrary: orderDelivery },
  { weight: 5, arbitrary: productDelivery },
  { weight: 5, arbitrary: levelDelivery },
  { weight: 2, arbitrary: itemDelivery },
  { weight: 1, arbitrary: goneDelivery },
  { weight: 1, arbitrary: privacyDelivery },
)

/** A set of deliveries, and another order of it with repetitions, perhaps without excerpts, both cut into batches. */
const history = fc.array(anyDelivery, { minLength: 1, maxLength: 24 }).chain((deliveries) =>
  fc.record({
    deliveries: fc.constant(deliveries),
    shuffled: fc
      .tuple(
        fc.shuffledSubarray(deliveries, { minLength: deliveries.length }),
        fc.array(fc.constantFrom(...deliveries), { maxLength: 8 }),
      )
      .chain(([all, again]) =>
        fc.shuffledSubarray([...all, ...again], { minLength: all.length + again.length }),
      ),
    cut: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 40, maxLength: 40 }),
    cutShuffled: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 40, maxLength: 40 }),
    isWhole: fc.boolean(),
  }),
)

let database: TestDatabase
beforeAll(async () => {
  database = await testDatabase()
})
afterAll(() => database.drop())

test('any order, repetition and batching of the same deliveries ends in the same rows', async () => {
  await fc.assert(
    fc.asyncProperty(history, async ({ deliveries, shuffled, cut, cutShuffled, isWhole }) => {
      const once = await stateAfter(deliveries, cut)
      const twice = await stateAfter(shuffled, cutShuffled, { isWhole })
      expect(once.deliveries).not.toBeNull()
      expect(twice).toEqual(once)
    }),
    { numRuns: Number(process.env.PROPERTY_RUNS ?? 250), endOnFailure: false },
  )
}, 180_000)

function stateAfter(
  deliveries: readonly Delivery[],
  cut: readonly number[],
  { isWhole = false }: { isWhole?: boolean } = {},
) {
  return rollbackTest(database.admin, async (sql) => {
    let from = 0
    for (const length of cut) {
      if (from >= deliveries.length) break
      const batch = deliveries.slice(from, from + length)
      await (isWhole ? applyAt(sql, '2026-11-02', batch) : applyAll(sql, batch))
      from += length
    }
    expect(from).toBeGreaterThanOrEqual(deliveries.length)
    await expectVerified(sql)
    return stateOf(sql)
  })
}

/** JSON with bigints as integers. */
function json(value: unknown): string {
  return JSON.stringify(value, (_, entry) => (typeof entry === 'bigint' ? `#${entry}#` : entry)).replace(
    /"#(\d+)#"/g,
    '$1',
  )
}
