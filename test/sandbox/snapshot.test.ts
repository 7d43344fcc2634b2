import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { type AdminApi, startAdminApi } from '../../sandbox/admin_api.ts'
import { createShop } from '../../sandbox/life.ts'
import { createLog } from '../../src/platform/log.ts'
import { createMetrics } from '../../src/platform/metrics.ts'
import type { SyncCalls, SyncRun } from '../../src/shopify/calls.ts'
import { createShopify, type Shopify } from '../../src/shopify/client.ts'
import { type SnapshotOptions, takeSnapshot } from '../../src/shopify/snapshot.ts'
import { fixedToken } from '../../src/shopify/tokens.ts'
import { type TestDatabase, testDatabase } from '../harness.ts'

// A shop's files as the fake Admin API writes them, loaded into the staging tables.

const shop = createShop({
  seed: 'snapshot',
  events: 6,
  large_events: 1,
  start_at: new Date(Date.now() - 3_600_000),
})
shop.live(shop.deliveries.length + 400)
const metrics = createMetrics()
let api: AdminApi
let shopify: Shopify
let database: TestDatabase

beforeAll(async () => {
  api = await startAdminApi({
    world: shop.world,
    token: 'a token',
    secret: 'a secret that both sides know',
    faults: { bulk_ms: 20, bucket_size: 20_000, restore_rate: 1_000 },
  })
  shopify = createShopify({
    url: `${api.url}/admin/api/2026-10/graphql.json`,
    tokens: fixedToken('a token'),
    log: createLog({ level: 'silent' }),
    metrics,
    retryMs: 5,
  })
  database = await testDatabase()
})
afterAll(async () => {
  await api.stop()
  await database.drop()
})

const options = (more: Partial<SnapshotOptions> = {}): SnapshotOptions => ({
  shopify,
  sql: database.admin,
  metrics,
  purpose: 'sync',
  currency: 'EUR',
  signal: new AbortController().signal,
  lookEveryMs: 5,
  ordersDays: 60,
  ...more,
})

async function staged() {
  const rows = await database.admin<{ kind: string; count: number }[]>`
    select s.kind, count(*)::integer as count from onsale.staged_records s group by s.kind`
  return Object.fromEntries(rows.map(({ kind, count }) => [kind, count]))
}

const end = async (run: SyncRun, calls: SyncCalls) => {
  await calls.completeSyncRun(run.id, { report: null })
}

describe('a snapshot', () => {
  test('has a record of everything that the shop has, and is emptied when it ends', async () => {
    const products = shop.world.products.filter(({ deleted }) => !deleted)
    const variants = products.flatMap((product) => product.variants)
    const levels = variants.flatMap(({ item }) => item.levels.filter(({ connected }) => connected))
    await takeSnapshot(async (run, calls) => {
      expect(run.state).toBe('loaded')
      expect(await staged()).toMatchObject({
        product: products.length,
        variant: variants.length,
        item: variants.length,
        level: levels.length,
        image: products.flatMap(({ images }) => images).length,
      })
      for (const part of run.parts) {
        expect(part).toMatchObject({ fault_count: 0, is_loaded: true })
        expect(part.loaded_bytes).toBe(part.file_bytes ?? -1)
        expect(part.loaded_lines).toBe(part.object_count ?? -1)
      }
      await end(run, calls)
    }, options())
    expect(await staged()).toEqual({})
  })

  test('is one at a time', async () => {
    await takeSnapshot(async (run, calls) => {
      await expect(takeSnapshot(end, options())).rejects.toThrow('is under way')
      await expect(takeSnapshot(end, options({ purpose: 'reconcile' }))).rejects.toThrow('is under way')
      await end(run, calls)
    }, options())
    await takeSnapshot(end, options())
  })
})
