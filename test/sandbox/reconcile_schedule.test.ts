import { afterAll, beforeAll, expect, test } from 'bun:test'
import { type AdminApi, startAdminApi } from '../../sandbox/admin_api.ts'
import { createShop } from '../../sandbox/life.ts'
import { readConfig } from '../../src/config.ts'
import { createIntake } from '../../src/intake/intake.ts'
import { createLog } from '../../src/platform/log.ts'
import { createMetrics } from '../../src/platform/metrics.ts'
import { waitUntil } from '../../src/platform/process.ts'
import { createShopify, type Shopify } from '../../src/shopify/client.ts'
import { takeSnapshot } from '../../src/shopify/snapshot.ts'
import { fixedToken } from '../../src/shopify/tokens.ts'
import { createWatchCalls } from '../../src/watch/calls.ts'
import { reconcileMirror } from '../../src/watch/commands.ts'
import { startReconciling } from '../../src/watch/schedule.ts'
import { expectVerified, type TestDatabase, testDatabase } from '../harness.ts'
import { served, wanted } from '../living_shop.ts'
import { type RunningService, runService } from '../service.ts'

// A mirror that has heard nothing of a shop, brought to it by reconciling: on demand, by the schedule and by the command.

const shop = createShop({
  seed: 'schedule',
  start_at: new Date(Date.now() - 20 * 60_000),
  events: 3,
  large_events: 0,
  silent_events: 0,
})
shop.live(100)
const log = createLog({ level: 'silent' })
const metrics = createMetrics()

let api: AdminApi
let shopify: Shopify
let database: TestDatabase
let service: RunningService
let env: Record<string, string>
let token: string

beforeAll(async () => {
  const faults = { bulk_ms: 20, bucket_size: 100_000, restore_rate: 10_000 }
  api = await startAdminApi({ world: shop.world, token: 'a_token', secret: 'a secret', faults })
  env = { SHOPIFY_API_URL: `${api.url}/admin/api/2026-10/graphql.json`, SHOPIFY_ACCESS_TOKEN: 'a_token' }
  shopify = createShopify({ url: env.SHOPIFY_API_URL ?? '', tokens: fixedToken('a_token'), log, metrics })
  database = await testDatabase()
  service = await runService(database, env)
  token = (await service.somebody({ role: 'ADMIN' })).token
})
afterAll(async () => {
  await service.stop()
  await api.stop()
  await database.drop()
})

const start = () =>
  startReconciling({
    shopify,
    calls: createWatchCalls(database.service, metrics),
    submit: createIntake({ sql: database.service, log, metrics }).submit,
    config: { databaseAdminUrl: database.adminUrl, shopifyCurrency: 'EUR', reconcileEveryHours: 24 },
    log,
    metrics,
    times: { claimEveryMs: 20, graceS: 1, lookEveryMs: 5 },
  })
type Shown = {
  reconciliations: {
    id: number
    started_by: string
    dry_run: boolean
    ended_at: string | null
    counts: object[]
  }[]
  differences: { kind: string; outcome: string | null }[]
}
const show = async () => (await service.ask('GET /admin/reconcile', { token })).body as unknown as Shown
const ended = (count: number) =>
  waitUntil(
    async () => (await show()).reconciliations.filter(({ ended_at }) => ended_at !== null).length === count,
    { timeoutMs: 20_000 },
  )

test('an admin asks for a dry run, and sees what is missing', async () => {
  const { status, body } = await service.ask('POST /admin/reconcile?dry_run=true', { token })
  expect([status, body]).toEqual([202, { status: 'queued' }])
  const reconciling = start()
  expect(await ended(1)).toBe(true)
  await reconciling.stop()
  const { reconciliations, differences } = await show()
  expect(reconciliations).toMatchObject([{ dry_run: true, counts: expect.any(Array) }])
  expect(differences.length).toBeGreaterThan(10)
  expect(new Set(differences.map(({ outcome }) => outcome))).toEqual(new Set([null]))
  expect(await served(database.admin)).toEqual([])
})

test('what is asked for while a sync is under way waits for its end', async () => {
  let reconciling: ReturnType<typeof start> | undefined
  await takeSnapshot(
    async (run, calls) => {
      await service.ask('POST /admin/reconcile?limit=3', { token })
      reconciling = start()
      const claimed = async () =>
        (await database.admin`select wanted_by from onsale.reconcile_schedule`)[0]?.wanted_by === null
      expect(await waitUntil(claimed, { timeoutMs: 20_000 })).toBe(true)
      await calls.completeSyncRun(run.id, { report: null })
    },
    {
      shopify,
      sql: database.admin,
      metrics,
      purpose: 'sync',
      currency: 'EUR',
      lookEveryMs: 5,
      signal: new AbortController().signal,
    },
  )
  expect(await ended(2)).toBe(true)
  await reconciling?.stop()
  expect((await show()).differences.filter(({ outcome }) => outcome === 'repaired')).toHaveLength(3)
})

test('the schedule repairs the rest, and the mirror has what the shop has', async () => {
  await database.admin`update onsale.reconcile_schedule set claimed_at = now() - interval '1 day'`
  const reconciling = start()
  expect(await ended(3)).toBe(true)
  await reconciling.stop()
  const { reconciliations } = await show()
  expect(reconciliations[0]).toMatchObject({ started_by: 'schedule', dry_run: false })
  expect(await served(database.admin)).toEqual(wanted(shop.truth()))
  await expectVerified(database.admin)
  expect(await metrics.registry.metrics()).toMatch(/^reconcile_repaired_total [1-9]/m)
})

test('the command finds nothing more, says so and ends with 0', async () => {
  const lines: string[] = []
  const code = await reconcileMirror(
    { sql: database.service, log, metrics, print: (line) => lines.push(line) },
    { databaseUrl: database.url, databaseAdminUrl: database.adminUrl },
    {
      config: readConfig(env),
      isDryRun: false,
      repairsMax: 10,
      graceS: 1,
      signal: new AbortController().signal,
    },
  )
  expect(code).toBe(0)
  expect(lines.at(-1)).toMatch(/^\d+ products, items and orders compared, 0 records differ, 0 are left/)
})
