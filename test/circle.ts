import { type AdminApi, startAdminApi } from '../sandbox/admin_api.ts'
import type { Faults } from '../sandbox/admin_faults.ts'
import { World } from '../sandbox/world.ts'
import { createAdminCalls, type ShopifyWrite } from '../src/admin/calls.ts'
import { createAllotment } from '../src/allotment/allotment.ts'
import type { Config } from '../src/config.ts'
import { createJobCalls } from '../src/jobs/calls.ts'
import { startJobTasks } from '../src/jobs/tasks.ts'
import { startWorker } from '../src/jobs/worker.ts'
import { writesEveryMs } from '../src/limits.ts'
import { createLog } from '../src/platform/log.ts'
import { createMetrics } from '../src/platform/metrics.ts'
import { createShopify } from '../src/shopify/client.ts'
import { createPlaces } from '../src/shopify/places.ts'
import { fixedToken } from '../src/shopify/tokens.ts'
import { createShopifyWrites } from '../src/shopify/writes.ts'
import { type TestDatabase, testDatabase } from './harness.ts'
import { jobOf, type TestJob } from './jobs.ts'
import { type RunningService, runService, webhookSecret } from './service.ts'

export type Circle = Awaited<ReturnType<typeof startCircle>>

type Settings = Pick<Config, 'shopifyEventTag' | 'shopifyEventType' | 'shopifyLocationId'>
type Truth = ReturnType<typeof truthIn>

/** The token of the fake shop. */
export const accessToken = 'shpat_of_the_fake_shop'

/**
 * All that a write goes through: a queue, a worker, the fake shop's Admin API, its webhooks, and the mirror they make. The worker
 * calls again soon after what it does not know the end of.
 */
export async function startCircle({
  faults = {},
  locations = 1,
  seed = 'circle',
  settings = {},
  workers: workerCount = 1,
}: {
  faults?: Partial<Faults>
  locations?: number
  seed?: string
  settings?: Partial<Settings>
  /** Each with a client of its own, as processes side by side have. */
  workers?: number
} = {}) {
  const database = await testDatabase()
  const service = await runService(database)
  const api = await startShop({ url: service.url, faults, locations, seed })
  const log = createLog({ level: 'silent' })
  const metrics = createMetrics()
  const jobs = createJobCalls(database.service, metrics)
  const writes = createAdminCalls(metrics)
  const config = { shopifyEventTag: null, shopifyEventType: null, shopifyLocationId: null, ...settings }
  const clientOf = () =>
    createShopify({
      url: apiUrlOf(api),
      tokens: fixedToken(accessToken),
      log,
      metrics,
      retryMs: 5,
      breakMs: 50,
    })
  const workers = Array.from({ length: workerCount }, () => {
    const shopify = clientOf()
    const places = createPlaces(shopify, { locationId: config.shopifyLocationId })
    const handlers = {
      ...createShopifyWrites({ shopify, calls: jobs, config, settleMs: 20 }),
      ...createAllotment({ sql: database.service, shopify, places, metrics }),
    }
    return startWorker({ sql: database.service, handlers, log, metrics, everyMs: writesEveryMs })
  })
  const tasks = startJobTasks({ sql: database.service, log, metrics })
  const asker = { actor: 'user 1', token: null, digest: null }

  return {
    database,
    service,
    api,
    metrics,
    /** A client beside those of the workers. */
    shopify: clientOf(),
    place: async (write: Omit<ShopifyWrite, 'version'>): Promise<number> => {
      const { outcome, jobId } = await writes.placeShopifyWrite(
        database.service,
        { ...write, version: null },
        asker,
      )
      if (jobId === null) throw new Error(`Expected a job, not ${outcome}`)
      return jobId
    },
    placeEvent: async (event: Record<string, unknown>, locationId: string | null = null) =>
      (await writes.placeShopifyEvent(database.service, event, { ...asker, locationId })).jobId,
    /** The job once it has come to its end; where it is done, once the mirror shows it. */
    ended: (id: number) => endOf(database, id),
    truth: () => truthIn(api),
    stop: async () => {
      await Promise.all(workers.map((worker) => worker.stop()))
      await tasks.stop()
      await api.stop()
      await service.stop()
      await database.drop()
    },
  }
}

/** A fake shop that tells `url` of every change, with points enough unless told otherwise. */
export async function startShop({
  url,
  faults = {},
  locations = 1,
  seed = 'circle',
}: {
  url: string
  faults?: Partial<Faults>
  locations?: number
  seed?: string
}): Promise<AdminApi> {
  const world = new World({ seed, start_at: new Date(), lag_ms_max: 0, locations, by_namespace: true })
  return await startAdminApi({
    world,
    token: accessToken,
    secret: webhookSecret,
    url,
    seed,
    faults: { bucket_size: 100_000, restore_rate: 10_000, ...faults },
  })
}

export function apiUrlOf(api: Pick<AdminApi, 'url'>): string {
  return `${api.url}/admin/api/2026-10/graphql.json`
}

/** A job once it is confirmed, or ended otherwise. */
export async function endOf(
  { admin }: Pick<TestDatabase, 'admin'>,
  id: number,
): Promise<TestJob & { confirmed_at: Date | null }> {
  for (const endsAt = performance.now() + 30_000; performance.now() < endsAt; await Bun.sleep(10)) {
    const [row] = await admin<{ isEnded: boolean; confirmed_at: Date | null }[]>`
      select state in ('failed', 'dead') or confirmed_at is not null as "isEnded", confirmed_at
      from onsale.jobs where id = ${id}`
    if (row?.isEnded) return { ...(await jobOf(admin, id)), confirmed_at: row.confirmed_at }
  }
  throw new Error(`Job ${id} did not end: ${JSON.stringify(await jobOf(admin, id))}`)
}

/** What the shop has by now. */
function truthIn({ shop }: AdminApi) {
  return {
    products: shop.products,
    /** Names of the mutations that changed something, in their order. */
    applied: () => shop.log.filter(({ outcome }) => outcome === 'applied').map(({ name }) => name),
  }
}

export type { RunningService, Truth }
