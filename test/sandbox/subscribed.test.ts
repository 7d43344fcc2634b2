import { afterAll, beforeAll, expect, test } from 'bun:test'
import { type AdminApi, startAdminApi } from '../../sandbox/admin_api.ts'
import { createPlaybill } from '../../sandbox/playbill.ts'
import { createRandom } from '../../sandbox/random.ts'
import { World } from '../../sandbox/world.ts'
import { createLog } from '../../src/platform/log.ts'
import { createMetrics } from '../../src/platform/metrics.ts'
import { createShopify } from '../../src/shopify/client.ts'
import { fixedToken } from '../../src/shopify/tokens.ts'
import { registerWebhooks, removeWebhooks } from '../../src/watch/commands.ts'
import { type TestDatabase, testDatabase } from '../harness.ts'
import { type RunningService, runService, webhookSecret } from '../service.ts'

// A shop that tells nobody anything, until the service has subscribed.

const log = createLog({ level: 'silent' })
const metrics = createMetrics()

let api: AdminApi
let database: TestDatabase
let service: RunningService

beforeAll(async () => {
  const world = new World({ seed: 'subscribed', start_at: new Date(), lag_ms_max: 0, by_namespace: true })
  const faults = { bucket_size: 100_000, restore_rate: 10_000 }
  api = await startAdminApi({ world, token: 'a token', secret: webhookSecret, faults })
  database = await testDatabase({ connections: 2 })
  service = await runService(database)
})
afterAll(async () => {
  await service.stop()
  await api.stop()
  await database.drop()
})

const idea = createPlaybill(createRandom('subscribed'), { from: new Date(), days: 60 })
/** Puts an event on sale, and waits until the shop has told of it whom it tells. */
async function open() {
  const product = api.shop.world.addProduct(idea())
  api.courier.collect()
  await api.courier.idle()
  return { product, answer: await service.ask(`GET /events/shopify:${product.id}`) }
}

test('what is subscribed to arrives with its metafields, and nothing before or after', async () => {
  const shopify = createShopify({
    url: `${api.url}/admin/api/2026-10/graphql.json`,
    tokens: fixedToken('a token'),
    log,
    metrics,
  })
  const deps = { sql: database.service, log, metrics, print: () => {} }
  const options = { shopify, version: '2026-10', url: null, publicUrl: service.url }

  expect((await open()).answer.status).toBe(404)
  expect(await registerWebhooks(deps, options)).toBe(0)
  const { product, answer } = await open()
  expect(answer.body).toMatchObject({
    title: product.title,
    starts_at: product.fields.starts_at?.toISOString(),
    venue: { name: product.fields.venue?.name },
  })
  expect(await removeWebhooks(deps, options)).toBe(0)
  expect((await open()).answer.status).toBe(404)
})
