import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { type AdminApi, startAdminApi } from '../../sandbox/admin_api.ts'
import { compare } from '../../sandbox/compare.ts'
import { deliver } from '../../sandbox/deliver.ts'
import { createShop } from '../../sandbox/life.ts'
import { createLog } from '../../src/platform/log.ts'
import { createMetrics } from '../../src/platform/metrics.ts'
import { createShopify, type Shopify } from '../../src/shopify/client.ts'
import { type SyncEnd, type SyncOptions, type SyncProgress, syncShop } from '../../src/shopify/sync.ts'
import { fixedToken } from '../../src/shopify/tokens.ts'
import { expectVerified, type TestDatabase, testDatabase } from '../harness.ts'
import { type RunningService, runService, webhookSecret } from '../service.ts'

// A shop that has lived is brought into an empty mirror, whose service then serves what the shop has.

const metrics = createMetrics()
const shop = createShop({
  seed: 'sync',
  events: 8,
  large_events: 1,
  start_at: new Date(Date.now() - 3_600_000),
})
shop.live(shop.deliveries.length + 800)
let api: AdminApi
let shopify: Shopify

beforeAll(async () => {
  api = await startAdminApi({
    world: shop.world,
    token: 'a token',
    secret: webhookSecret,
    faults: { bulk_ms: 20, bucket_size: 20_000, restore_rate: 1_000 },
  })
  shopify = createShopify({
    url: `${api.url}/admin/api/2026-10/graphql.json`,
    tokens: fixedToken('a token'),
    log: createLog({ level: 'silent' }),
    metrics,
    retryMs: 5,
  })
})
afterAll(() => api.stop())

async function onMirror(work: (database: TestDatabase, service: RunningService) => Promise<void>) {
  const database = await testDatabase()
  const service = await runService(database)
  try {
    await work(database, service)
    await expectVerified(database.admin)
  } finally {
    await service.stop()
    await database.drop()
  }
}

function sync(database: TestDatabase, more: Partial<SyncOptions> = {}): Promise<SyncEnd> {
  return syncShop({
    shopify,
    sql: database.admin,
    metrics,
    currency: 'EUR',
    signal: new AbortController().signal,
    countDrift: async () => (await database.admin`select from api.verify()`).length,
    lookEveryMs: 5,
    pieceLines: 200,
    batchRecords: 5,
    ...more,
  })
}

/** What the mirror serves against what the shop has. */
async function differences({ url }: RunningService) {
  const { differences } = await compare(shop.truth(), { url, promised_ms: 0, second_look_ms: 500 })
  return differences
}

describe('a sync', () => {
  test('brings everything that the shop has, and says so', async () => {
    await onMirror(async (database, service) => {
      const { report, run } = await sync(database)
      expect(run).toMatchObject({ state: 'done', shop: shop.world.shop.domain, reason: null })
      expect(report.drift).toBe(0)
      expect(report.counts.map(({ kind }) => kind)).toEqual(['product', 'variant', 'item', 'level', 'order'])
      for (const { there, here, missing, surplus } of report.counts) {
        expect(there).toBeGreaterThan(0)
        expect([here, missing, surplus]).toEqual([there, 0, 0])
      }
      expect(await differences(service)).toEqual([])
    })
  })

  test('goes on where it was stopped, however often', async () => {
    await onMirror(async (database, service) => {
      const runs = new Set<number>()
      const told = new Set<SyncProgress['step']>()
      for (let stops = 1; ; stops++) {
        const stopping = new AbortController()
        let steps = 0
        const end = await sync(database, {
          signal: stopping.signal,
          onStart: ({ id }, { isResumed }) => {
            runs.add(id)
            expect(isResumed).toBe(stops > 1)
          },
          onProgress: ({ step }) => {
            told.add(step)
            if (++steps === 4) stopping.abort()
          },
        }).catch(() => null)
        if (end === null) continue
        expect(stops).toBeGreaterThan(5)
        expect(end.report.counts.map(({ missing, surplus }) => missing + surplus)).toEqual([0, 0, 0, 0, 0])
        // Nothing is applied twice.
        for (const part of end.run.parts) {
          expect(part.loaded_lines).toBe(part.object_count ?? -1)
          expect(part.loaded_bytes).toBe(part.file_bytes ?? -1)
          expect(part.news_count).toBe(part.read_count)
        }
        break
      }
      expect(runs.size).toBe(1)
      expect([...told]).toEqual(expect.arrayContaining(['loading', 'applying', 'verifying']))
      expect(await differences(service)).toEqual([])
    })
  })

  test('loses to the webhooks that arrive while it runs', async () => {
    await onMirror(async (database, service) => {
      // Nobody was told of what was before.
      let sent = shop.deliveries.length
      const live = async (count: number) => {
        shop.live(shop.deliveries.length + count)
        const news = shop.deliveries.slice(sent)
        sent = shop.deliveries.length
        await deliver(news, { url: service.url, secret: webhookSecret, shuffle: true, duplicates: 0.2 })
      }
      let living: Promise<unknown> = Promise.resolve()
      const seen = new Set<string>()
      await sync(database, {
        onStart: () => {
          living = live(80)
        },
        onProgress: ({ step }) => {
          if (seen.has(step)) return
          seen.add(step)
          living = living.then(() => live(80))
        },
      })
      await living
      expect(await differences(service)).toEqual([])
    })
  })

  test('passes over lines that are garbage and records that PostgreSQL refuses, and tells of each', async () => {
    const database = await testDatabase()
    try {
      // One price comes out as a word.
      await database.admin.unsafe(`
        create function public.spoil() returns trigger language plpgsql as $$ begin
          new.body := new.body || '{"price": "dear"}';
          return new;
        end $$;
        create trigger spoil before insert on onsale.staged_records for each row
          when (new.kind = 'variant' and new.line = 2) execute function public.spoil()`)
      const garbage = ['{"id":', 'null', '{}', `"${'x'.repeat(5_000_000)}"`]
      let isSpoiled = false
      const { run, report } = await sync(database, {
        // The files are written all at once, and fetched one after the other.
        onProgress: (progress) => {
          if (progress.step !== 'loading' || progress.kind !== 'inventory' || isSpoiled) return
          isSpoiled = true
          const orders = api.shop.bulk_operations.findLast(({ query }) => query.includes('orders('))!
          expect(orders.status).toBe('COMPLETED')
          orders.lines = [...garbage, ...orders.lines]
        },
      })
      const [products, , orders] = run.parts
      expect(products?.faults).toEqual([{ line: 1, reason: 'invalid input syntax for type numeric: "dear"' }])
      expect(orders?.faults).toEqual([
        { line: 1, reason: 'Not JSON' },
        { line: 2, reason: 'Not an object' },
        { line: 3, reason: 'Not a record of orders: its id is "undefined"' },
        { line: 4, reason: 'Longer than any record' },
      ])
      const missing = Object.fromEntries(report.counts.map((count) => [count.kind, count.missing]))
      expect(missing).toMatchObject({ product: 1, level: 0, order: 0 })
      expect(report.drift).toBe(0)
    } finally {
      await database.drop()
    }
  })

  test('of which Shopify gives up a file has failed, and the next one begins anew', async () => {
    const database = await testDatabase()
    try {
      api.faults.bulk_fails = true
      await expect(sync(database)).rejects.toThrow('did not end well (FAILED, INTERNAL_SERVER_ERROR)')
      api.faults.bulk_fails = false
      const { run } = await sync(database, {
        onStart: (_, { isResumed }) => expect(isResumed).toBe(false),
      })
      expect(run).toMatchObject({ id: 2, state: 'done' })
      const [failed] = await database.admin`select state, reason from onsale.sync_runs where id = 1`
      expect(failed?.state).toBe('failed')
      expect(failed?.reason).toStartWith('The bulk operation for products did not end well')
    } finally {
      api.faults.bulk_fails = false
      await database.drop()
    }
  })

  test('counts what was sold before as an admin says', async () => {
    const database = await testDatabase()
    try {
      const variantId = shop.world.products.find(({ deleted, variants }) => !deleted && variants.length > 0)!
        .variants[0]!.id
      const soldOf = async () => {
        const [row] = await database.admin<{ sold: number }[]>`
          select s.sold::integer from onsale.stock s join onsale.tickets t on t.id = s.ticket_id
          where t.shopify_variant_id = ${variantId}::text::bigint`
        return row!.sold
      }
      await sync(database)
      const before = await soldOf()
      const soldBefore = [
        { variantId, units: 40 },
        { variantId: '4711', units: 5 },
      ]
      const { soldBeforeKnown, report } = await sync(database, { soldBefore })
      expect([soldBeforeKnown, report.drift]).toEqual([1, 0])
      expect(await soldOf()).toBe(before + 40)
    } finally {
      await database.drop()
    }
  })
})
