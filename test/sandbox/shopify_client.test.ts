import { afterAll, beforeAll, expect, test } from 'bun:test'
import { type AdminApi, startAdminApi } from '../../sandbox/admin_api.ts'
import { World } from '../../sandbox/world.ts'
import { createLog } from '../../src/platform/log.ts'
import { createMetrics } from '../../src/platform/metrics.ts'
import { createShopify, type Shopify } from '../../src/shopify/client.ts'
import {
  adjustInventory,
  createEvent,
  deleteEvent,
  getEvent,
  listLocations,
  updateEvent,
} from '../../src/shopify/documents.ts'
import { fixedToken } from '../../src/shopify/tokens.ts'

// The client of src/ against the fake shop: two that were written apart must understand each other.

let api: AdminApi
let shopify: Shopify
let locationId: string

beforeAll(async () => {
  const world = new World({
    seed: 'client',
    start_at: new Date(),
    lag_ms_max: 0,
    locations: 2,
    by_namespace: true,
  })
  api = await startAdminApi({ world, token: 'a token', secret: 'a secret that both sides know' })
  shopify = createShopify({
    url: `${api.url}/admin/api/2026-10/graphql.json`,
    tokens: fixedToken('a token'),
    log: createLog({ level: 'silent' }),
    metrics: createMetrics(),
    retryMs: 5,
  })
  const { locations } = await shopify.call(listLocations, {})
  locationId = locations.nodes[0]?.id ?? ''
})
afterAll(() => api.stop())

const night = (handle: string) => ({
  title: 'Rock Night',
  handle,
  status: 'ACTIVE' as const,
  productOptions: [{ name: 'Ticket', position: 1, values: [{ name: 'General' }] }],
  variants: [
    {
      optionValues: [{ optionName: 'Ticket', name: 'General' }],
      price: '25.00',
      inventoryItem: { tracked: true },
      inventoryQuantities: [{ locationId, name: 'available' as const, quantity: 40 }],
    },
  ],
})

test('an event is made with its tickets, read back, changed, counted down and deleted', async () => {
  const identifier = { handle: 'rock-night' }
  const made = await shopify.call(createEvent, { identifier, input: night('rock-night') })
  const { id, variants } = made.productSet.product ?? { id: '', variants: { nodes: [] } }
  expect(variants.nodes).toMatchObject([{ title: 'General' }])

  await shopify.call(updateEvent, { product: { id, title: 'Rock Morning' } })
  const inventoryItemId = variants.nodes[0]?.inventoryItem.id ?? ''
  const changes = [{ inventoryItemId, locationId, delta: -15, changeFromQuantity: null }]
  const input = { name: 'available' as const, reason: 'correction', changes }
  for (const _ of ['once', 'the same again']) {
    await shopify.call(adjustInventory, { input }, { idempotencyKey: 'one change' })
  }
  const { productByIdentifier: read } = await shopify.call(getEvent, { identifier: { id } })
  expect(read).toMatchObject({ id, title: 'Rock Morning', handle: 'rock-night' })
  expect(JSON.stringify(read?.variants)).toContain('"quantity":25')

  await shopify.call(deleteEvent, { id })
  expect((await shopify.call(getEvent, { identifier: { id } })).productByIdentifier).toBeNull()
})

test('a create whose answer was lost is not repeated, and is found by its handle', async () => {
  api.faults.lost_answer_share = 1
  const identifier = { handle: 'lost-night' }
  const lost = await shopify
    .call(createEvent, { identifier, input: night('lost-night') })
    .catch((error: unknown) => error)
  expect(lost).toMatchObject({ kind: 'unknown_outcome', isTransient: false })
  api.faults.lost_answer_share = 0
  const { productByIdentifier } = await shopify.call(getEvent, { identifier })
  expect(productByIdentifier).toMatchObject({ handle: 'lost-night' })
})

test('what the shop refuses is told in words, by field', async () => {
  const input = { ...night('blank'), title: '' }
  const refused = await shopify.call(createEvent, { input }).catch((error: unknown) => error)
  expect(refused).toMatchObject({
    kind: 'user_errors',
    faults: [{ field: expect.stringContaining('title') }],
  })
})
