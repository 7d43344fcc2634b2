import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import type { Delivery } from '../../src/intake/model.ts'
import type { Session } from '../../src/platform/database.ts'
import { apply, delivery, level, order, product, stockOf, variant } from '../deliveries.ts'
import { expectVerified, type TestDatabase, testDatabase } from '../harness.ts'
import { blockersOf, withSessions } from './sessions.ts'

// The lock order of sql/README.md, held against real sessions. A first batch is stopped in the middle, by a lock of
// ours on one row of one table; a second batch about the same things in the opposite order then has to queue up behind
// the first without holding anything that the first still needs. When ours is let go both must finish.

let database: TestDatabase
beforeEach(async () => {
  database = await testDatabase()
})
afterEach(async () => {
  await expectVerified(database.admin)
  await database.drop()
})

const at = (second: number) => `2026-11-01T12:00:${String(second).padStart(2, '0')}+01:00`

/** Three events with a ticket each, and of an order and a level that nobody knows the ticket of. */
const productOf = (nth: number, second = 0) =>
  product({
    id: nth,
    title: `Night ${nth} at ${second}`,
    updated_at: at(second),
    variants: [variant({ id: nth * 10 + 1 })],
  })
const orderOf = (nth: number, second = 0) =>
  order({
    id: nth,
    updated_at: at(second),
    lines: [{ id: 1, variant_id: nth * 10 + 1, quantity: 1 + second }],
  })
const levelOf = (nth: number, second = 0) =>
  level(50 - second, { inventory_item_id: nth * 10 + 1 + 1000, updated_at: at(second) })

const things = [1, 2, 3]
const known = () => [
  ...things.map((nth) => delivery('products/create', productOf(nth))),
  ...things.map((nth) => delivery('orders/create', orderOf(nth))),
  ...things.map((nth) => delivery('inventory_levels/update', levelOf(nth))),
  ...[8, 9].map((nth) => delivery('orders/create', orderOf(nth))),
  ...[8, 9].map((nth) => delivery('inventory_levels/update', levelOf(nth))),
]

/** A batch about everything, `second` newer than what is known. */
const news = (second: number): Delivery[] => [
  ...things.map((nth) => delivery('orders/updated', orderOf(nth, second))),
  ...things.map((nth) => delivery('products/update', productOf(nth, second))),
  ...[7, 8, 9].map((nth) => delivery('orders/updated', orderOf(nth, second))),
  ...[7, 8, 9].map((nth) => delivery('inventory_levels/update', levelOf(nth, second))),
  ...things.map((nth) => delivery('inventory_levels/update', levelOf(nth, second))),
  ...['repeated a', 'repeated b', 'repeated c'].map((id) => delivery('themes/publish', {}, { id })),
]

/** One row in the middle of each table that a batch locks. */
const middles: Record<string, (sql: Session) => PromiseLike<unknown>> = {
  shopify_orders: (sql) => sql`select from onsale.shopify_orders where order_id = 2 for update`,
  'shopify_orders, of a variant without ticket': (sql) =>
    sql`select from onsale.shopify_orders where order_id = 8 for update`,
  'shopify_orders, one that is new': (sql) => sql`
    insert into onsale.shopify_orders (order_id, shop, status, is_test, stamp)
    values (7, '', 'open', false, row('-infinity', 0, '')::onsale.stamp)`,
  shopify_products: (sql) => sql`select from onsale.shopify_products where product_id = 2 for update`,
  events: (sql) => sql`select from onsale.events where shopify_product_id = 2 for update`,
  shopify_variants: (sql) => sql`select from onsale.shopify_variants where variant_id = 21 for update`,
  'shopify_variants, without ticket': (sql) =>
    sql`select from onsale.shopify_variants where variant_id = 81 for update`,
  tickets: (sql) => sql`select from onsale.tickets where shopify_variant_id = 21 for update`,
  'inventory_items, without variant': (sql) =>
    sql`select from onsale.inventory_items where inventory_item_id = 1081 for update`,
  inventory_levels: (sql) =>
    sql`select from onsale.inventory_levels where inventory_item_id = 1021 for update`,
  stock: (sql) => sql`
    select from onsale.stock where ticket_id = (select id from onsale.tickets where shopify_variant_id = 21) for update`,
  event_revisions: (sql) => sql`
    select from onsale.event_revisions
    where event_id = (select id from onsale.events where shopify_product_id = 2) for update`,
  catalogue: (sql) => sql`select from onsale.catalogue for update`,
  deliveries: (sql) => sql`
    insert into onsale.deliveries (shop, delivery_id, topic, received_at, outcome)
    values ('demo.myshopify.com', 'repeated b', 'themes/publish', now(), 'ignored')`,
}

describe('a batch that is stopped at', () => {
  for (const [table, lock] of Object.entries(middles)) {
    test(`${table} lets the same things in the opposite order queue up behind it`, async () => {
      await apply(database.service, ...known())
      await withSessions(database, 3, async (blocker, first, second) => {
        await blocker.sql`begin`
        await lock(blocker.sql)
        const one = apply(first.sql, ...news(3))
        expect(await blockersOf(database, first)).toEqual([blocker.pid])
        const two = apply(second.sql, ...news(4).reverse())
        const waits = await blockersOf(database, second)
        expect(waits.filter((pid) => pid !== first.pid && pid !== blocker.pid)).toEqual([])
        await blocker.sql`rollback`
        const outcomes = [...(await one), ...(await two)]
        expect(outcomes.filter((outcome) => outcome === 'failed')).toEqual([])
      })
      expect(await stockOf(database.admin, 21)).toMatchObject({ base: 46, sold: 5 })
    })
  }
})

test('new words that two batches bring in opposite parts do not lock each other out', async () => {
  const night = (id: number, title: string, second = 0) =>
    delivery('products/update', product({ id, title, updated_at: at(second), variants: [] }))
  await apply(database.service, night(1, 'one'), night(2, 'two'))
  await withSessions(database, 3, async (blocker, first, second) => {
    await blocker.sql`begin`
    await blocker.sql`insert into onsale.search_words (word) values ('aa')`
    // Of each batch one product is edited and one is new: two statements' worth of words.
    const one = apply(first.sql, night(1, 'zzz', 1), night(3, 'aa aaa'))
    await blockersOf(database, first)
    const two = apply(second.sql, night(2, 'aaa', 1), night(4, 'zzz'))
    await Promise.race([two, Bun.sleep(300)])
    await blocker.sql`rollback`
    expect([...(await one), ...(await two)]).toEqual(Array(4).fill('applied'))
  })
})

describe('the gate', () => {
  const redact = (customer: number, id?: string) =>
    delivery(
      'customers/redact',
      { customer: { id: customer }, orders_to_redact: [] },
      id === undefined ? {} : { id },
    )

  test('a privacy request waits for the batches under way, and those behind it for the request', async () => {
    await withSessions(database, 3, async (batch, request, late) => {
      await batch.sql`begin`
      await apply(batch.sql, delivery('orders/create', order({ customer: { id: 8 } })))
      const redacted = apply(request.sql, redact(8))
      expect(await blockersOf(database, request)).toEqual([batch.pid])
      const after = apply(late.sql, delivery('orders/create', order({ id: 501, customer: { id: 8 } })))
      await blockersOf(database, late)
      await batch.sql`commit`
      expect([...(await redacted), ...(await after)]).toEqual(['applied', 'applied'])
    })
    const rows = await database.admin`select customer_id from onsale.shopify_orders`
    expect([...rows]).toEqual([{ customer_id: null }, { customer_id: null }])
  })

  test('a failure that is being kept is over before the request looks for its bytes', async () => {
    const bytes = Buffer.from('{"customer":{"id":8},').toString('base64')
    await withSessions(database, 2, async (failing, request) => {
      await failing.sql`begin`
      await failing.sql`
        select api.fail_deliveries(
          array['demo.myshopify.com'], array['x'], array['orders/create'], array[0::bigint], array[null::text],
          array[null::text], array[${bytes}::text], array['22P02'], array['no JSON'])`
      const redacted = apply(request.sql, redact(8))
      expect(await blockersOf(database, request)).toEqual([failing.pid])
      await failing.sql`commit`
      expect(await redacted).toEqual(['applied'])
    })
    expect([...(await database.admin`select length(body) as bytes from onsale.failed_deliveries`)]).toEqual([
      { bytes: 0 },
    ])
  })

  test('a request that fails in part keeps its failure although others wait at the gate', async () => {
    await withSessions(database, 3, async (batch, request, late) => {
      await batch.sql`begin`
      await apply(batch.sql, delivery('orders/create', order()))
      const redacted = apply(request.sql, redact(8), delivery('customers/redact', {}))
      await blockersOf(database, request)
      const after = apply(late.sql, delivery('orders/create', { id: 1 }))
      await blockersOf(database, late)
      await batch.sql`commit`
      expect([...(await redacted), ...(await after)]).toEqual(['applied', 'failed', 'failed'])
    })
  })

  test('a change of the tag waits for the batches that went by the old one, and reaches what they brought', async () => {
    await withSessions(database, 2, async (batch, deploy) => {
      await batch.sql`begin`
      await apply(batch.sql, delivery('products/create', product()))
      const changed = deploy.sql`select api.update_settings('EUR', 'ticket', null, true, 0)`.execute()
      expect(await blockersOf(database, deploy)).toEqual([batch.pid])
      await batch.sql`commit`
      await changed
    })
    expect([...(await database.admin`select status from onsale.events`)]).toEqual([{ status: 'archived' }])
  })
})

test('a repair beside a batch about the same tickets waits for it and believes nothing of before', async () => {
  await apply(database.service, ...known())
  await database.admin`update onsale.stock set sold = sold + 5, capacity = capacity + 5`
  await withSessions(database, 2, async (batch, repair) => {
    await batch.sql`begin`
    await apply(batch.sql, ...news(3))
    const repaired = repair.sql`select from api.update_stock()`.execute()
    expect(await blockersOf(database, repair)).toEqual([batch.pid])
    await batch.sql`commit`
    await repaired
  })
  expect(await stockOf(database.admin, 21)).toMatchObject({ base: 47, sold: 4 })
})

test('the same delivery in two batches at once is applied by one and a duplicate in the other', async () => {
  const one = delivery('orders/create', order())
  await apply(database.service, delivery('products/create', product()))
  await withSessions(database, 2, async (first, second) => {
    await first.sql`begin`
    expect(await apply(first.sql, one)).toEqual(['applied'])
    const again = apply(second.sql, one)
    expect(await blockersOf(database, second)).toEqual([first.pid])
    await first.sql`commit`
    expect(await again).toEqual(['duplicate'])
  })
  expect(await stockOf(database.admin)).toMatchObject({ sold: 1 })
})

test('the same delivery in two batches at once, and the first undone: the second applies it', async () => {
  const one = delivery('orders/create', order())
  await apply(database.service, delivery('products/create', product()))
  await withSessions(database, 2, async (first, second) => {
    await first.sql`begin`
    await apply(first.sql, one)
    const again = apply(second.sql, one)
    await blockersOf(database, second)
    await first.sql`rollback`
    expect(await again).toEqual(['applied'])
  })
  expect(await stockOf(database.admin)).toMatchObject({ sold: 1 })
})

test('an order and the product that makes its ticket at once: whoever waits sees the other', async () => {
  for (const [nth, isOrderFirst] of [true, false].entries()) {
    const id = 10 + nth
    const made = delivery('products/create', product({ id, variants: [variant({ id })] }))
    const sold = delivery('orders/create', order({ id, lines: [{ id: 1, variant_id: id, quantity: 3 }] }))
    await withSessions(database, 2, async (first, second) => {
      await first.sql`begin`
      await apply(first.sql, isOrderFirst ? sold : made)
      const other = apply(second.sql, isOrderFirst ? made : sold)
      expect(await blockersOf(database, second)).toEqual([first.pid])
      await first.sql`commit`
      await other
    })
    expect(await stockOf(database.admin, id)).toMatchObject({ sold: 3, available: 97 })
  }
})

test('a level and the product that names its item at once: whoever waits sees the other', async () => {
  for (const [nth, isLevelFirst] of [true, false].entries()) {
    const id = 10 + nth
    const made = delivery('products/create', product({ id, variants: [variant({ id })] }))
    const told = delivery('inventory_levels/update', level(7, { inventory_item_id: id + 1000 }))
    await withSessions(database, 2, async (first, second) => {
      await first.sql`begin`
      await apply(first.sql, isLevelFirst ? told : made)
      const other = apply(second.sql, isLevelFirst ? made : told)
      if (isLevelFirst) expect(await blockersOf(database, second)).toEqual([first.pid])
      else await Promise.race([other, Bun.sleep(50)])
      await first.sql`commit`
      await other
    })
    expect(await stockOf(database.admin, id)).toMatchObject({ base: 7 })
  }
})
