import { afterAll, beforeAll, expect, test } from 'bun:test'
import { type AdminApi, startAdminApi } from '../../sandbox/admin_api.ts'
import { createPlaybill } from '../../sandbox/playbill.ts'
import { createRandom } from '../../sandbox/random.ts'
import { World } from '../../sandbox/world.ts'
import { waitUntil } from '../../src/platform/process.ts'
import { expectVerified, type TestDatabase, testDatabase } from '../harness.ts'
import { applyInBatches, served, told, wanted } from '../living_shop.ts'
import { type RunningService, runService } from '../service.ts'

// The service as it runs, a shop that can be asked, and webhooks of it that get lost: looks bring what they told.

let api: AdminApi
let world: World
let database: TestDatabase
let service: RunningService
let heard = 0

beforeAll(async () => {
  // A minute ago, so that what is ordered then has waited for its level.
  world = new World({ seed: 'looks', start_at: new Date(Date.now() - 60_000), lag_ms_max: 0, locations: 2 })
  const idea = createPlaybill(createRandom('looks'), { from: new Date(), days: 60 })
  world.addProduct(idea())
  world.addProduct(idea())
  world.settle()
  const faults = { bucket_size: 100_000, restore_rate: 10_000 }
  api = await startAdminApi({ world, token: 'a_token', secret: 'a secret', faults })
  database = await testDatabase({ connections: 4 })
  service = await runService(database, {
    SHOPIFY_API_URL: `${api.url}/admin/api/2026-10/graphql.json`,
    SHOPIFY_ACCESS_TOKEN: 'a_token',
  })
})
afterAll(async () => {
  await service.stop()
  await api.stop()
  await database.drop()
})

/** Tells what has left the shop since the last time, but for the topics that get lost. */
async function tell({ lost = [] }: { lost?: string[] } = {}): Promise<void> {
  world.settle()
  // Two changes within a second could not be told apart.
  world.advance(2_000_000)
  const news = world.deliveries.slice(heard)
  heard = world.deliveries.length
  const shop = world.shop.domain
  await applyInBatches(
    database.admin,
    news.filter(({ topic }) => !lost.includes(topic)).map((one) => told(one, { shop })),
  )
}
const looks = (kind: string) => database.admin`select state, result from onsale.jobs where kind = ${kind}`
const isExact = async () => Bun.deepEquals(await served(database.admin), wanted(world.truth()))
const isDone = async (kind: string) => (await looks(kind)).every(({ state }) => state === 'done')

test('an order whose refund alone was told is asked about, and counted as the shop has it', async () => {
  const variant = world.products[0]!.variants[0]!
  await tell()
  const order = world.placeOrder([{ variant, units: 3 }], { paid: true })!
  await tell()
  expect(await isExact()).toBe(true)
  const [line] = order.lines
  world.refundOrder(order, [{ line: line!, units: 2, restock_type: 'no_restock' }])
  await tell({ lost: ['orders/updated'] })
  expect(await isExact()).toBe(false)

  expect(await looks('look_order')).toHaveLength(1)
  await database.admin`update onsale.jobs set next_attempt_at = now() where kind = 'look_order'`
  expect(await waitUntil(() => isDone('look_order'), { timeoutMs: 20_000 })).toBe(true)
  expect(await looks('look_order')).toMatchObject([{ result: { order_id: order.id, outcome: 'applied' } }])
  expect(await isExact()).toBe(true)
  const [row] =
    await database.admin`select shop from onsale.shopify_orders where order_id = ${order.id}::bigint`
  expect(row?.shop).toBe(world.shop.domain)
  await expectVerified(database.admin)
})

test('an item whose levels are lost is found by its orders, asked about once, and served as the shop has it', async () => {
  const variant = world.products[1]!.variants[0]!
  world.setAvailable(variant, variant.item.levels[0]!, 5)
  world.advance(2_000_000)
  const order = world.placeOrder([{ variant, units: 2 }])
  expect(order).not.toBeNull()
  await tell({ lost: ['inventory_levels/update', 'products/update'] })
  // Not what the shop has: its levels of before less what was ordered.
  expect(await isExact()).toBe(false)
  const count = async () =>
    (await database.admin`select api.place_level_looks(10, now() + interval '60 seconds') as count`)[0]?.count
  expect(await count()).toBe(1)
  await database.admin`update onsale.jobs set next_attempt_at = now() where kind = 'look_level'`
  expect(await waitUntil(() => isDone('look_level'), { timeoutMs: 20_000 })).toBe(true)
  expect(await isExact()).toBe(true)
  expect(await count()).toBe(0)
  await expectVerified(database.admin)
})

test('an order that the shop does not have changes nothing', async () => {
  const body = JSON.stringify({ id: 1, order_id: 404 })
  const before = await served(database.admin)
  await applyInBatches(database.admin, [
    told({ topic: 'refunds/create', headers: { 'X-Shopify-Webhook-Id': 'of none' }, body }, { shop: '' }),
  ])
  await database.admin`update onsale.jobs set next_attempt_at = now() where kind = 'look_order'`
  expect(await waitUntil(() => isDone('look_order'), { timeoutMs: 20_000 })).toBe(true)
  const results = (await looks('look_order')).map(({ result }) => result)
  expect(results).toContainEqual({ order_id: '404', outcome: 'not_found' })
  expect(await served(database.admin)).toEqual(before)
})
