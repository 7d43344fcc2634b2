import { afterEach, beforeEach, expect, test } from 'bun:test'
import {
  discardDelivery,
  listDeliveries,
  replayDelivery,
  showDelivery,
  verifyMirror,
} from '../../src/intake/commands.ts'
import { createLog } from '../../src/platform/log.ts'
import { createMetrics } from '../../src/platform/metrics.ts'
import { apply, delivery, order, product, stateOf, stockOf } from '../deliveries.ts'
import { type TestDatabase, testDatabase } from '../harness.ts'

// `deliveries list | show | replay | discard` and `verify`, with the rights that they have in service.

const metrics = createMetrics()
const log = createLog({ level: 'silent' })

let database: TestDatabase
let printed: string[]
beforeEach(async () => {
  database = await testDatabase()
  printed = []
  await apply(database.service, delivery('products/create', product()))
})
afterEach(() => database.drop())

const deps = () => ({ sql: database.service, log, metrics, print: (line: string) => printed.push(line) })
const fail = (id = 'x') =>
  apply(database.service, delivery('orders/create', '{"id": 1}', { id, at: '2026-11-01T10:00:00Z' }))

/** What stops order 500 until it is taken away: a failure whose cause can be mended. */
const stopOrders = () =>
  database.admin`alter table onsale.shopify_orders add constraint no_more check (order_id <> 500)`
const letOrders = () => database.admin`alter table onsale.shopify_orders drop constraint no_more`

async function failedOrder(): Promise<void> {
  const kept = delivery('orders/create', order(), { id: 'x' })
  await database.admin`
    select api.fail_deliveries(
      array[${kept.shop}], array['x'], array['orders/create'], array[0::bigint], array[null::text], array[null::text],
      array[${Buffer.from(kept.body).toString('base64')}::text], array['23514'], array['It was stopped'])`
}

test('list: nothing, what waits, what is dead', async () => {
  expect(await listDeliveries(deps(), { limit: 10 })).toBe(0)
  expect(printed).toEqual(['No failed deliveries'])
  await fail('waits')
  await fail('dead')
  await database.admin`update onsale.failed_deliveries set is_dead = true, attempts = 4 where delivery_id = 'dead'`
  printed = []
  expect(await listDeliveries(deps(), { limit: 10 })).toBe(0)
  expect(printed).toHaveLength(3)
  expect(
    printed
      .slice(0, 2)
      .sort()
      .map((line) => line.replaceAll(/\d{4}-\S+Z/g, '<time>')),
  ).toEqual([
    '<time>  orders/create  waits  1 attempts, next <time>  - Order has no created_at',
    '<time>  orders/create  dead  4 attempts, dead  - Order has no created_at',
  ])
  expect(printed[2]).toBe('2 failed deliveries')
})

test('show: where it stands, then its bytes', async () => {
  await fail()
  expect(await showDelivery(deps(), { id: 'x' })).toBe(0)
  expect(printed).toContain('reason: Order has no created_at')
  expect(printed).toContain('triggeredNs: 1793527200000000000')
  expect(printed.slice(-2)).toEqual(['', '{"id": 1}'])
})

for (const [name, command] of [
  ['show', showDelivery],
  ['discard', discardDelivery],
  [
    'replay',
    (deps_: ReturnType<typeof deps>, { id }: { id: string }) =>
      replayDelivery(deps_, { id, dryRun: false, providers: [] }),
  ],
  [
    'rehearse',
    (deps_: ReturnType<typeof deps>, { id }: { id: string }) =>
      replayDelivery(deps_, { id, dryRun: true, providers: [] }),
  ],
] as const) {
  test(`${name}: what is not kept is told in a sentence, and the exit code says so`, async () => {
    expect(await command(deps(), { id: 'nobody' })).toBe(1)
    expect(printed).toEqual([
      'No delivery nobody is kept: it was applied without its bytes, discarded, or never came',
    ])
  })
}

test('a rehearsal shows what would change, and changes nothing and tells nobody', async () => {
  const heard: string[] = []
  await database.admin.listen('onsale_changes', (payload) => heard.push(payload))
  await failedOrder()
  const before = await stateOf(database.admin)
  expect(await replayDelivery(deps(), { id: 'x', dryRun: true, providers: [] })).toBe(0)
  expect(printed).toEqual(['Rock Night / General: sold 0 -> 1, available 100 -> 99', 'Would be applied'])
  expect(await stateOf(database.admin)).toEqual(before)
  expect(await database.admin`select from onsale.failed_deliveries`).toHaveLength(1)
  await database.admin`select pg_notify('onsale_changes', 'end')`
  while (heard.at(-1) !== 'end') await Bun.sleep(1)
  expect(heard).toEqual(['end'])
})

test('a rehearsal of what would fail again says so and keeps the count of attempts', async () => {
  await failedOrder()
  await stopOrders()
  expect(await replayDelivery(deps(), { id: 'x', dryRun: true, providers: [] })).toBe(1)
  expect(printed[0]).toStartWith(
    'Would be failed: new row for relation "shopify_orders" violates check constraint',
  )
  await fail('faulty')
  printed = []
  expect(await replayDelivery(deps(), { id: 'faulty', dryRun: true, providers: [] })).toBe(1)
  expect(printed).toEqual(['Would be failed: Order has no created_at'])
  const rows = await database.admin`select attempts from onsale.failed_deliveries`
  expect(rows.map((row) => row.attempts)).toEqual([1, 1])
})

test('a replay applies what could be mended; a second one finds it settled', async () => {
  await failedOrder()
  await stopOrders()
  expect(await replayDelivery(deps(), { id: 'x', dryRun: false, providers: [] })).toBe(1)
  expect([...(await database.admin`select attempts from onsale.failed_deliveries`)]).toEqual([
    { attempts: 2 },
  ])
  await letOrders()
  printed = []
  expect(await replayDelivery(deps(), { id: 'x', dryRun: false, providers: [] })).toBe(0)
  expect(printed).toEqual(['Is applied'])
  expect(await stockOf(database.admin)).toMatchObject({ sold: 1, available: 99 })
  expect(await replayDelivery(deps(), { id: 'x', dryRun: false, providers: [] })).toBe(1)
})

test('a replay of a dead letter works as of any other', async () => {
  await failedOrder()
  await database.admin`update onsale.failed_deliveries set is_dead = true, attempts = 20`
  expect(await replayDelivery(deps(), { id: 'x', dryRun: false, providers: [] })).toBe(0)
  expect(printed).toEqual(['Is applied'])
})

test('a delivery that was applied and kept can be replayed', async () => {
  await database.admin`select api.update_settings('EUR', null, null, true, 24)`
  await apply(database.service, delivery('orders/create', order(), { id: 'x' }))
  expect(await replayDelivery(deps(), { id: 'x', dryRun: false, providers: [] })).toBe(0)
  expect(printed).toEqual(['Is stale'])
  await database.admin`truncate onsale.shopify_orders, onsale.shopify_order_lines`
  await database.admin`select from api.update_stock()`
  expect(await replayDelivery(deps(), { id: 'x', dryRun: false, providers: [] })).toBe(0)
  expect(await stockOf(database.admin)).toMatchObject({ sold: 1 })
})

test('discard gives it up for good', async () => {
  await failedOrder()
  expect(await discardDelivery(deps(), { id: 'x' })).toBe(0)
  expect(printed).toEqual(['Discarded x'])
  expect(await discardDelivery(deps(), { id: 'x' })).toBe(1)
})

test('verify: exact, then what differs, then repaired', async () => {
  expect(await verifyMirror(deps(), { repair: false })).toBe(0)
  expect(printed).toEqual(['Exact: every counter equals its facts'])
  await database.admin`update onsale.stock set sold = 7, capacity = base - taken + 7`
  printed = []
  expect(await verifyMirror(deps(), { repair: false })).toBe(1)
  expect(printed.sort()).toEqual([
    '2 values differ',
    expect.stringMatching(/^stock ticket \d+: capacity is 107, the facts say 100$/),
    expect.stringMatching(/^stock ticket \d+: sold is 7, the facts say 0$/),
  ])
  printed = []
  expect(await verifyMirror(deps(), { repair: true })).toBe(0)
  expect(printed).toContain('stock: 1 rows set from the facts')
  expect(printed.at(-1)).toBe('Exact: every counter equals its facts')
})

test('verify: what no repair can set is still told, and the exit code says so', async () => {
  await database.admin`
    insert into onsale.shopify_order_lines (order_id, line_id, quantity, current_quantity, created_at)
    values (99, 1, 2, 2, now())`
  expect(await verifyMirror(deps(), { repair: true })).toBe(1)
  expect(printed.at(-1)).toBe('1 values differ')
})
