import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { type AdminApi, startAdminApi } from '../../sandbox/admin_api.ts'
import { World } from '../../sandbox/world.ts'
import { createLog } from '../../src/platform/log.ts'
import { createMetrics } from '../../src/platform/metrics.ts'
import { waitUntil } from '../../src/platform/process.ts'
import { Refusal } from '../../src/platform/refusal.ts'
import { createShopify, type Shopify } from '../../src/shopify/client.ts'
import { createSubscription, deleteSubscription, updateSubscription } from '../../src/shopify/documents.ts'
import { ShopifyError } from '../../src/shopify/error.ts'
import { findSubscriptions, wantedTopics } from '../../src/shopify/subscriptions.ts'
import { fixedToken } from '../../src/shopify/tokens.ts'
import { createWatchCalls } from '../../src/watch/calls.ts'
import { checkWebhooks, listWebhooks, registerWebhooks, removeWebhooks } from '../../src/watch/commands.ts'
import { startWatchTasks } from '../../src/watch/tasks.ts'
import { type TestDatabase, testDatabase } from '../harness.ts'

// The commands `webhooks …` and their watch, with a real database and a shop that knows subscriptions.

const url = 'http://127.0.0.1:1/webhooks/shopify'
const log = createLog({ level: 'silent' })
const metrics = createMetrics()

let api: AdminApi
let shopify: Shopify
let database: TestDatabase
let lines: string[]

beforeAll(async () => {
  // Nobody waits for points here.
  const faults = { bucket_size: 100_000, restore_rate: 10_000 }
  const world = new World({ seed: 'subscriptions', start_at: new Date(), lag_ms_max: 0 })
  api = await startAdminApi({ world, token: 'a token', secret: 'a secret that both sides know', faults })
  shopify = createShopify({
    url: `${api.url}/admin/api/2026-10/graphql.json`,
    tokens: fixedToken('a token'),
    log,
    metrics,
    retryMs: 5,
  })
  database = await testDatabase({ connections: 2 })
})
beforeEach(async () => {
  lines = []
  api.shop.subscriptions.length = 0
  await createWatchCalls(database.service, metrics).updateSubscriptionWatch(null)
})
afterAll(async () => {
  await api.stop()
  await database.drop()
})

type Command = typeof registerWebhooks
const run = (command: Command, options: { url?: string | null; publicUrl?: string | null } = {}) =>
  command(
    { sql: database.service, log, metrics, print: (line) => lines.push(line) },
    { shopify, version: '2026-10', url: null, publicUrl: null, ...options },
  )
const there = () => api.shop.subscriptions.map(({ topic, uri }) => `${topic} ${uri}`).toSorted()
const idOf = (topic: string) =>
  `gid://shopify/WebhookSubscription/${api.shop.subscriptions.find((one) => one.topic === topic)?.id}`
const create = (topic: string, fields: { uri: string; metafieldNamespaces?: string[] }) =>
  shopify.call(createSubscription, { topic, fields })

test('what is missing is made, in our version and with our metafields, and a second time nothing is to be done', async () => {
  expect(await run(registerWebhooks, { url })).toBe(0)
  expect(api.shop.subscriptions).toHaveLength(wantedTopics.length)
  for (const one of api.shop.subscriptions) {
    expect(one).toMatchObject({ uri: url, format: 'JSON', namespaces: ['onsale'], api_version: '2026-10' })
  }
  expect(there()).toContain(`ORDERS_EDITED ${url}`)
  const before = structuredClone(api.shop.subscriptions)
  lines = []
  // It is known by now where they go.
  expect(await run(registerWebhooks)).toBe(0)
  expect(lines).toEqual([`Nothing was to be done: webhooks go to ${url}`])
  expect(api.shop.subscriptions).toEqual(before)
})

test('a check ends with 1 and names what is missing, until it is registered', async () => {
  await run(registerWebhooks, { url })
  await shopify.call(deleteSubscription, { id: idOf('ORDERS_CREATE') })
  lines = []
  expect(await run(checkWebhooks)).toBe(1)
  expect(lines).toEqual(['missing  orders/create', `1 to be mended by register: ${url}`])
  expect(there()).toHaveLength(wantedTopics.length - 1)
  await run(registerWebhooks)
  expect(await run(checkWebhooks)).toBe(0)
})

test("somebody else's are listed, and left alone by everything", async () => {
  const other = 'https://127.0.0.1/erp/shopify'
  await create('ORDERS_CREATE', { uri: other })
  await run(registerWebhooks, { url })
  await run(listWebhooks)
  expect(lines).toContain(`other    orders/create  ${other} (2026-10)`)
  await run(removeWebhooks)
  expect(there()).toEqual([`ORDERS_CREATE ${other}`])
})

test('what is wrong is mended in place, or made anew where it cannot be', async () => {
  await run(registerWebhooks, { url })
  const [orders, levels] = [idOf('ORDERS_CREATE'), idOf('INVENTORY_LEVELS_UPDATE')]
  await shopify.call(updateSubscription, {
    id: orders,
    fields: { format: 'XML', metafieldNamespaces: ['mine'] },
  })
  Object.assign(api.shop.subscriptions.find(({ topic }) => topic === 'INVENTORY_LEVELS_UPDATE') ?? {}, {
    filter: 'location_id:1',
    api_version: '2026-01',
  })
  lines = []
  expect(await run(registerWebhooks)).toBe(0)
  expect(lines).toEqual([
    `wrong    orders/create  ${url} (2026-10): comes as XML, comes without the metafields of onsale`,
    `wrong    inventory_levels/update  ${url} (2026-01): is filtered by location_id:1, is of API version 2026-01`,
    `2 made or mended: webhooks go to ${url}`,
  ])
  expect(idOf('ORDERS_CREATE')).toBe(orders)
  const mended = api.shop.subscriptions.find(({ topic }) => topic === 'ORDERS_CREATE')
  expect(mended).toMatchObject({ format: 'JSON', namespaces: ['mine', 'onsale'] })
  expect(idOf('INVENTORY_LEVELS_UPDATE')).not.toBe(levels)
})

test('at another address they follow, and one for the path of its topic is not doubled', async () => {
  await run(registerWebhooks, { url })
  const next = 'http://127.0.0.1:2/webhooks/shopify'
  await create('ORDERS_PAID', { uri: 'http://127.0.0.1:2/webhooks/orders/paid' })
  expect(await run(registerWebhooks, { url: next })).toBe(0)
  expect(new Set(api.shop.subscriptions.map(({ uri }) => uri))).toEqual(new Set([next]))
  expect(there()).toHaveLength(wantedTopics.length)
})

test('what the shop refuses is said, and does not keep the rest from being made', async () => {
  const call: Shopify['call'] = (document, variables, options) => {
    const { topic } = variables as { topic?: string }
    // As the fake has no rights that could be missing.
    if (topic === 'INVENTORY_ITEMS_CREATE')
      throw new ShopifyError('user_errors', 'Refused', { faults: [fault] })
    return shopify.call(document, variables, options)
  }
  const fault = { message: 'You do not have permission to this topic', field: null }
  const options = { shopify: { call }, version: '2026-10', url, publicUrl: null }
  const print = (line: string) => lines.push(line)
  expect(await registerWebhooks({ sql: database.service, log, metrics, print }, options)).toBe(1)
  expect(there()).toHaveLength(wantedTopics.length - 1)
  expect(lines).toContain('refused  inventory_items/create: You do not have permission to this topic')
  expect(lines).toContain('still missing  inventory_items/create')
})

test('without an address nothing can be registered, and none that Shopify would not call', async () => {
  expect(run(registerWebhooks)).rejects.toThrow(Refusal)
  expect(run(registerWebhooks, { url: 'http://tickets.example/webhooks/shopify' })).rejects.toThrow(Refusal)
  expect(await run(registerWebhooks, { publicUrl: 'http://127.0.0.1:3' })).toBe(0)
  expect(there()).toContain('ORDERS_CREATE http://127.0.0.1:3/webhooks/shopify')
})

test('many are read page by page', async () => {
  await run(registerWebhooks, { url })
  for (let nth = 0; nth < 95; nth++) await create('ORDERS_CREATE', { uri: `https://127.0.0.1/${nth}` })
  const found = await findSubscriptions(shopify, { url, formerUrl: null, version: null })
  expect(found.filter(({ state }) => state === 'other')).toHaveLength(95)
  expect(found.filter(({ state }) => state === 'right')).toHaveLength(wantedTopics.length)
})

test('the service mends by itself what the shop has deleted, and says so', async () => {
  await run(registerWebhooks, { url })
  await shopify.call(deleteSubscription, { id: idOf('PRODUCTS_UPDATE') })
  await database.admin`update onsale.subscription_watch set claimed_at = '-infinity'`
  const told: string[] = []
  const calls = createWatchCalls(database.service, metrics)
  const tasks = startWatchTasks({
    shopify,
    access: { readScopes: async () => ['read_orders'], shopDomain: async () => 'demo.myshopify.com' },
    calls,
    log: createLog({ level: 'warn', destination: { write: (line) => told.push(line) } }),
    metrics,
    claimEveryMs: 10,
  })
  await waitUntil(() => there().length === wantedTopics.length, { timeoutMs: 10_000 })
  await waitUntil(async () => (await calls.claimSubscriptionWatch(1e9)).faultCount === 1, {
    timeoutMs: 10_000,
  })
  await tasks.stop()
  expect(there()).toContain(`PRODUCTS_UPDATE ${url}`)
  expect(told.join('')).toContain('products/update missing')
  // What it may not do is said at the start.
  expect(told.join('')).toContain('without write_products events and tickets cannot be changed')
  expect(told.join('')).not.toContain('without read_orders')
  expect(await metrics.registry.metrics()).toContain('shopify_subscriptions_mended_total 1')
})

test('every topic that is wanted tells the mirror something, or has it asked about an order', async () => {
  const rows = await database.admin<{ topic: string }[]>`
    select u.topic from unnest(${database.admin.array([...wantedTopics])}::text[]) as u (topic)
    where api.get_delivery_kind(u.topic) is null`
  expect(rows.map(({ topic }) => topic)).toEqual(['orders/edited', 'refunds/create'])
})
