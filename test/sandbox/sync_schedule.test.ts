import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'bun:test'
import { type AdminApi, startAdminApi } from '../../sandbox/admin_api.ts'
import { createShop } from '../../sandbox/life.ts'
import { syncAttemptsMax } from '../../src/limits.ts'
import { createLog } from '../../src/platform/log.ts'
import { createMetrics } from '../../src/platform/metrics.ts'
import { waitUntil } from '../../src/platform/process.ts'
import { createSyncCalls, createWantedSyncCalls, type SyncRun } from '../../src/shopify/calls.ts'
import { createShopify, type Shopify } from '../../src/shopify/client.ts'
import { SnapshotBusy, takeSnapshot } from '../../src/shopify/snapshot.ts'
import { startSyncing } from '../../src/shopify/sync_schedule.ts'
import { fixedToken } from '../../src/shopify/tokens.ts'
import { expectVerified, type TestDatabase, testDatabase } from '../harness.ts'
import { served, wanted } from '../living_shop.ts'
import { spawnOnsale } from '../platform/spawn.ts'
import { runService } from '../service.ts'
import { wantedSync } from '../sync.ts'

// A sync that an admin asks for, done by whichever process comes first, of a shop that a mirror has heard nothing of.

const shop = createShop({
  seed: 'wanted',
  start_at: new Date(Date.now() - 20 * 60_000),
  events: 3,
  large_events: 0,
  silent_events: 0,
})
shop.live(100)
const metrics = createMetrics()
const lines: { msg: string; reason?: string }[] = []
const log = createLog({ level: 'info', destination: { write: (line) => lines.push(JSON.parse(line)) } })

let api: AdminApi
let env: Record<string, string>
let shopify: Shopify
let database: TestDatabase

beforeAll(async () => {
  const faults = { bulk_ms: 20, bucket_size: 100_000, restore_rate: 10_000 }
  api = await startAdminApi({ world: shop.world, token: 'a_token', secret: 'a secret', faults })
  env = { SHOPIFY_API_URL: `${api.url}/admin/api/2026-10/graphql.json`, SHOPIFY_ACCESS_TOKEN: 'a_token' }
  shopify = createShopify({ url: env.SHOPIFY_API_URL ?? '', tokens: fixedToken('a_token'), log, metrics })
})
afterAll(() => api.stop())
beforeEach(async () => {
  lines.length = 0
  Object.assign(api.faults, { bulk_ms: 20, bulk_fails: false })
  // Five at most may be under way.
  api.shop.bulk_operations.length = 0
  database = await testDatabase()
})
afterEach(() => database.drop())

/** A process that does what is wanted. */
const start = () =>
  startSyncing({
    shopify,
    calls: createWantedSyncCalls(database.service, metrics),
    config: { databaseAdminUrl: database.adminUrl, shopifyCurrency: 'EUR' },
    log,
    metrics,
    times: { claimEveryMs: 20, retryMs: 20, heartbeatMs: 50, lookEveryMs: 5 },
  })
const want = () =>
  createWantedSyncCalls(database.service, metrics).placeWantedSync({ actor: 'user 7', ordersDays: null })
const runs = async () => {
  const body = await createSyncCalls(database.service, metrics).listSyncRuns(10)
  return (JSON.parse(body) as { runs: SyncRun[] }).runs.reverse()
}
const soon = async (condition: () => Promise<boolean>) =>
  expect(await waitUntil(condition, { timeoutMs: 30_000 })).toBe(true)
const ended = () => soon(async () => (await wantedSync(database.admin)) === undefined)
const underWay = () => soon(async () => (await runs()).at(-1)?.parts.at(-1)?.operation_id != null)
const said = (sentence: string) => lines.filter(({ msg }) => msg === sentence)

async function expectWholeShop() {
  expect(await served(database.admin)).toEqual(wanted(shop.truth()))
  await expectVerified(database.admin)
}

test('an admin asks the service, and sees in the end what came of it', async () => {
  const service = await runService(database, env)
  try {
    const { token } = await service.somebody({ role: 'ADMIN' })
    expect((await service.ask('POST /admin/sync', { token })).status).toBe(202)
    await ended()
    const { body } = await service.ask('GET /admin/sync', { token })
    expect(body).toMatchObject({ wanted: null, runs: [{ id: 1, purpose: 'sync', state: 'done' }] })
    const [{ report, parts }] = body.runs as [SyncRun]
    expect(report?.drift).toBe(0)
    expect(report?.counts.map(({ kind }) => kind)).toEqual(['product', 'variant', 'item', 'level', 'order'])
    for (const { there, here, missing } of report?.counts ?? []) expect([here, missing]).toEqual([there, 0])
    expect(parts.every((part) => part.is_loaded && part.is_applied)).toBe(true)
    await expectWholeShop()
  } finally {
    await service.stop()
  }
})

test('where the process stops in the middle another goes on with the same run', async () => {
  api.faults.bulk_ms = 2_000
  await want()
  const first = start()
  await underWay()
  await first.stop()
  expect(await wantedSync(database.admin)).toMatchObject({ state: 'queued', attempts: 0, reason: null })
  const [stopped] = await runs()
  expect(stopped).toMatchObject({ state: 'loading', reason: null })

  const second = start()
  await ended()
  await second.stop()
  const operations = stopped?.parts.map(({ operation_id }) => ({ operation_id }))
  expect(await runs()).toMatchObject([{ state: 'done', report: { drift: 0 }, parts: operations }])
  expect(said('Syncing with the shop')).toMatchObject([{ is_resumed: false }, { is_resumed: true }])
  await expectWholeShop()
})

test('where the process is killed in the middle another goes on with the same run', async () => {
  api.faults.bulk_ms = 4_000
  await want()
  const killed = await spawnOnsale(['serve'], { ...env, DATABASE_URL: database.url })
  await underWay()
  killed.process.kill('SIGKILL')
  await killed.process.exited
  expect(await wantedSync(database.admin)).toMatchObject({ state: 'running', attempts: 1 })

  const second = start()
  // Until the lease is over nobody may know that it is dead; here nobody waits for that.
  await database.admin`update onsale.wanted_syncs set next_attempt_at = now()`
  await ended()
  await second.stop()
  expect(await runs()).toMatchObject([{ state: 'done', report: { drift: 0 } }])
  expect(said('Syncing with the shop')).toMatchObject([{ run_id: 1, is_resumed: true }])
  await expectWholeShop()
})

test('where Shopify gives up it is tried again after a pause, and says why until then', async () => {
  api.faults.bulk_fails = true
  await want()
  const syncing = start()
  await soon(async () => (await wantedSync(database.admin))?.reason != null)
  expect((await wantedSync(database.admin))?.reason).toStartWith(
    'The bulk operation for products did not end',
  )
  api.faults.bulk_fails = false
  await ended()
  await syncing.stop()
  const told = await runs()
  expect(told.at(0)).toMatchObject({ state: 'failed', reason: expect.stringContaining('did not end well') })
  expect(told.at(-1)).toMatchObject({ state: 'done', reason: null })
  expect(said('Sync broke off, and goes on later').length).toBeGreaterThan(0)
  expect(said('Synced with the shop')).toHaveLength(1)
  await expectWholeShop()
})

test('what fails each time is given up, and can be asked for again', async () => {
  api.faults.bulk_fails = true
  await want()
  await database.admin`update onsale.wanted_syncs set attempts = ${syncAttemptsMax - 1}`
  const syncing = start()
  await soon(async () => (await wantedSync(database.admin))?.state === 'failed')
  const reason = expect.stringContaining('did not end well')
  expect(await wantedSync(database.admin)).toMatchObject({ attempts: syncAttemptsMax, reason })
  expect(said('Sync given up')).toMatchObject([{ reason }])
  api.faults.bulk_fails = false
  await want()
  await ended()
  await syncing.stop()
})

test('what processes never come back from is given up', async () => {
  await want()
  await database.admin`update onsale.wanted_syncs set state = 'running', attempts = ${syncAttemptsMax}`
  const syncing = start()
  await soon(async () => said('Sync given up').length === 1)
  await syncing.stop()
  const reason = 'The process that was at it did not come back'
  expect(await wantedSync(database.admin)).toMatchObject({ state: 'failed', reason })
  expect(await runs()).toEqual([])
})

test('whoever has lost it to another process stops, and changes nothing any more', async () => {
  api.faults.bulk_ms = 60_000
  await want()
  const syncing = start()
  await underWay()
  await database.admin`
    update onsale.wanted_syncs set attempts = 2, next_attempt_at = now() + interval '1 minute'`
  await soon(async () => said('Sync was taken by another process').length === 1)
  await syncing.stop()
  expect(await wantedSync(database.admin)).toMatchObject({ state: 'running', attempts: 2, reason: null })
  expect(await runs()).toMatchObject([{ state: 'loading', reason: null }])
})

test('one that is asked for while another snapshot is taken begins when that has ended', async () => {
  let syncing: ReturnType<typeof start> | undefined
  await takeSnapshot(
    async (run, calls) => {
      await want()
      syncing = start()
      // It was claimed and given back: it is due later than it was asked for.
      await soon(async () => {
        const [row] = await database.admin<{ is_back: boolean }[]>`
          select state = 'queued' and next_attempt_at > wanted_at as is_back from onsale.wanted_syncs`
        return row?.is_back === true
      })
      await calls.completeSyncRun(run.id, { report: null })
    },
    { ...snapshotOptions(), purpose: 'reconcile' },
  )
  await ended()
  await syncing?.stop()
  expect(await runs()).toMatchObject([
    { purpose: 'reconcile', state: 'done' },
    { purpose: 'sync', state: 'done' },
  ])
  expect(said('Sync broke off, and goes on later')).toEqual([])
})

test('of two processes one is at it; no other snapshot is taken, and what is asked for meanwhile follows', async () => {
  api.faults.bulk_ms = 1_500
  await want()
  const syncing = [start(), start()]
  await underWay()
  await want()
  const command = takeSnapshot(async () => {}, { ...snapshotOptions(), purpose: 'sync' })
  await expect(command).rejects.toBeInstanceOf(SnapshotBusy)
  await ended()
  await Promise.all(syncing.map((process) => process.stop()))
  expect(await runs()).toMatchObject([{ state: 'done' }, { state: 'done' }])
  expect(said('Synced with the shop')).toMatchObject([{ attempt: 1 }, { attempt: 1 }])
})

function snapshotOptions() {
  const { signal } = new AbortController()
  return { shopify, sql: database.admin, metrics, currency: 'EUR', lookEveryMs: 5, signal }
}
