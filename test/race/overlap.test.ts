import { expect, test } from 'bun:test'
import { createIntakeCalls } from '../../src/intake/calls.ts'
import type { Delivery, Outcome } from '../../src/intake/model.ts'
import { openPool, type Sql, serviceRole } from '../../src/platform/database.ts'
import { createMetrics } from '../../src/platform/metrics.ts'
import { applyAll, delivery, level, order, product, stateOf, variant } from '../deliveries.ts'
import { expectVerified, type TestDatabase, testDatabase } from '../harness.ts'

const metrics = createMetrics()

/** Always the same numbers, so that a failed run can be had again. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    return Math.floor((state / 2 ** 31) * below)
  }
}

function shuffled<T>(items: readonly T[], random: (below: number) => number): T[] {
  const result = [...items]
  for (let last = result.length - 1; last > 0; last--) {
    const other = random(last + 1)
    ;[result[last], result[other]] = [result[other] as T, result[last] as T]
  }
  return result
}

const at = (second: number) => new Date(Date.UTC(2026, 10, 1, 11, 0, second)).toISOString()

/** Twelve events, twenty tickets, everything that can be said of them, in the seconds in which bases change. */
function busyShop(count: number, seed: number): Delivery[] {
  const random = randomFrom(seed)
  const pick = <T>(...items: T[]): T => items[random(items.length)] as T
  const words = ['amber', 'blue', 'crimson', 'denim', 'ebony', 'fawn', 'gold', 'hazel']
  const productOf = () => {
    const id = 1 + random(12)
    const own = [variant({ id: id * 10, inventory_quantity: random(50), price: pick('10.00', '12.00') })]
    if (id <= 8) own.push(variant({ id: id * 10 + 1, title: 'VIP', inventory_quantity: random(50) }))
    return product({
      id,
      title: `${pick(...words)} ${pick(...words)}`,
      updated_at: at(random(60)),
      variants: own,
    })
  }
  const variantId = () => (1 + random(12)) * 10 + random(2)
  return Array.from({ length: count }, (_, nth) => {
    const told = { id: `d${nth}`, ...(random(3) > 0 ? { at: at(random(60)) } : {}) }
    const kind = random(100)
    if (kind < 50) {
      const created = random(60)
      const id = 1 + random(120)
      const lines = Array.from({ length: 1 + random(3) }, (_, line) => {
        const quantity = 1 + random(3)
        return { id: line + 1, variant_id: variantId(), quantity, current_quantity: random(quantity + 1) }
      })
      const rest = random(8) === 0 ? { cancelled_at: at(created) } : {}
      return delivery(
        'orders/updated',
        order({ id, lines, at: at(id % 60), updated_at: at(created), ...rest }),
        told,
      )
    }
    if (kind < 65) return delivery('products/update', productOf(), told)
    if (kind < 90) {
      const level_ = {
        inventory_item_id: variantId() + 1000,
        location_id: 1 + random(2),
        updated_at: at(random(60)),
      }
      return delivery('inventory_levels/update', level(random(40), level_), told)
    }
    if (kind < 93) {
      return delivery(
        'inventory_levels/disconnect',
        { inventory_item_id: variantId() + 1000, location_id: 1 },
        told,
      )
    }
    if (kind < 96) {
      const item = { id: variantId() + 1000, tracked: random(2) === 0, updated_at: at(random(60)) }
      return delivery('inventory_items/update', item, told)
    }
    if (kind < 97) return delivery('orders/delete', { id: 1 + random(120) }, told)
    if (kind < 98) return delivery('products/delete', { id: 1 + random(12) }, told)
    if (kind < 99) {
      return delivery(
        'customers/redact',
        { customer: { id: 7000 + random(120) }, orders_to_redact: [1 + random(120)] },
        told,
      )
    }
    return delivery('orders/create', { id: 1 + random(120) }, told)
  })
}

/** Applies all of them in an order and in batches of its own. */
async function work(sql: Sql, deliveries: readonly Delivery[], seed: number): Promise<[string, Outcome][]> {
  const random = randomFrom(seed)
  const calls = createIntakeCalls(sql, metrics)
  const rest = shuffled(deliveries, random)
  const answers: [string, Outcome][] = []
  while (rest.length > 0) {
    const batch = rest.splice(0, 1 + random(100))
    const results = await calls.applyDeliveries(batch)
    for (const [nth, { outcome }] of results.entries()) answers.push([batch[nth]!.deliveryId, outcome])
  }
  return answers
}

/** Deadlocks that the server counted, whoever tried again after them. */
async function deadlocksOf({ admin, name }: TestDatabase): Promise<number> {
  // A backend tells the statistics when it goes at the latest, and the pool of the workers has ended.
  for (;;) {
    const [row] = await admin`
      select count(*)::integer as open from pg_stat_activity
      where application_name = 'onsale worker' and datname = ${name}`
    if (row?.open === 0) break
    await Bun.sleep(5)
  }
  await admin`select pg_stat_clear_snapshot()`
  const [row] = await admin`select deadlocks::integer from pg_stat_database where datname = ${name}`
  return row?.deadlocks
}

async function expectSameAsInSequence(
  database: TestDatabase,
  deliveries: readonly Delivery[],
): Promise<void> {
  const alone = await testDatabase({ connections: 1 })
  try {
    for (let from = 0; from < deliveries.length; from += 100) {
      await applyAll(alone.service, deliveries.slice(from, from + 100))
    }
    await expectVerified(alone.admin)
    await expectVerified(database.admin)
    expect(await stateOf(database.admin)).toEqual(await stateOf(alone.admin))
  } finally {
    await alone.drop()
  }
}

test('64 connections apply overlapping batches of the same 500 deliveries in different orders', async () => {
  const database = await testDatabase({ connections: 4 })
  const pool = openPool(database.url, {
    name: 'worker',
    max: 64,
    role: serviceRole,
    statementTimeoutMs: 0,
    connectTimeoutS: 60,
  })
  const deliveries = busyShop(500, 42)
  const answers = (
    await Promise.all(Array.from({ length: 64 }, (_, nth) => work(pool, deliveries, nth + 1)))
  ).flat()
  await pool.end({ timeout: 1 })
  expect(await deadlocksOf(database)).toBe(0)

  // A faulty one fails as often as it comes; of every other one delivery is news, or stale, and the rest duplicates.
  const told = answers.filter(([, outcome]) => outcome !== 'duplicate' && outcome !== 'failed')
  const failed = new Set(answers.filter(([, outcome]) => outcome === 'failed').map(([id]) => id))
  expect(new Set(told.map(([id]) => id)).size).toBe(told.length)
  expect(told.length + failed.size).toBe(500)
  expect(failed.size).toBeGreaterThan(0)
  await expectSameAsInSequence(database, deliveries)
  await database.drop()
}, 120_000)

test('products that arrive at the very moment of their first orders and levels lose none of them', async () => {
  const database = await testDatabase({ connections: 8 })
  const rounds = 120
  const all: Delivery[] = []
  for (let nth = 1; nth <= rounds; nth++) {
    const id = nth * 10
    const item = { inventory_item_id: id + 1000 }
    const lines = (quantity: number) => [{ id: 1, variant_id: id, quantity, current_quantity: quantity }]
    const facts = [
      delivery('products/create', product({ id, variants: [variant({ id })] })),
      delivery('orders/create', order({ id: id + 1, lines: lines(1) })),
      delivery('orders/create', order({ id: id + 2, lines: lines(2) })),
      delivery(
        'orders/cancelled',
        order({ id: id + 1, lines: lines(1), updated_at: at(30), cancelled_at: at(30) }),
      ),
      delivery('inventory_levels/update', level(20, { ...item, location_id: 1 })),
      delivery('inventory_levels/update', level(30, { ...item, location_id: 2, updated_at: at(-1800) })),
      delivery('inventory_items/update', { id: id + 1000, tracked: nth % 3 > 0, updated_at: at(0) }),
    ]
    await Promise.all(shuffled(facts, randomFrom(nth)).map((fact) => applyAll(database.service, [fact])))
    all.push(...facts)
  }
  await expectSameAsInSequence(database, all)
  await database.drop()
}, 60_000)

test('twenty webhooks at once on one ticket are twenty sales', async () => {
  const database = await testDatabase({ connections: 20 })
  await applyAll(database.service, [delivery('products/create', product())])
  for (let round = 0; round < 10; round++) {
    await Promise.all(
      Array.from({ length: 20 }, (_, nth) =>
        applyAll(database.service, [delivery('orders/create', order({ id: 1 + round * 20 + nth }))]),
      ),
    )
  }
  const [stock] = await database.admin`select sold::integer, available::integer from onsale.stock`
  expect(stock).toEqual({ sold: 200, available: -100 })
  await expectVerified(database.admin)
  await database.drop()
}, 60_000)
