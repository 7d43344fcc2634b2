import { createAllotment } from './allotment/allotment.ts'
import type { Config, ServiceConfig } from './config.ts'
import { isTransient } from './errors.ts'
import { createIntakeCalls } from './intake/calls.ts'
import { createJobCalls } from './jobs/calls.ts'
import { startJobTasks } from './jobs/tasks.ts'
import { startWorker } from './jobs/worker.ts'
import { jobsPoolSize, paymentsPoolSize, writesEveryMs } from './limits.ts'
import { createPayments, type Payments } from './payments/payments.ts'
import { openProviders } from './payments/providers.ts'
import { openWatchedPool, roleFor, type Sql, unusable } from './platform/database.ts'
import { createLog, type Log } from './platform/log.ts'
import { createMetrics, type Metrics } from './platform/metrics.ts'
import { schemaFault } from './platform/migrate.ts'
import { Refusal } from './platform/refusal.ts'
import type { RepeatedTask } from './platform/repeat.ts'
import { stopInOrder, stopOnSignal } from './platform/shutdown.ts'
import type { Shopify } from './shopify/client.ts'
import { createPlaces } from './shopify/places.ts'
import { openShopify } from './shopify/shopify.ts'
import { createShopifyWrites } from './shopify/writes.ts'
import { type Access, createAccess } from './watch/access.ts'
import { createLookHandlers } from './watch/looks.ts'

/**
 * Does all jobs: one worker for each far side, so that one that is slow keeps no job of the other waiting, and one for looks, so
 * that no write waits behind them. `sql` is the primary.
 */
export function startWorkers(deps: {
  sql: Sql
  config: Config
  /** The Admin API, and who we are there; null: there is none. */
  shop: { shopify: Shopify; access: Access } | null
  payments: Pick<Payments, 'handlers'>
  log: Log
  metrics: Metrics
}): RepeatedTask[] {
  const { sql, config, shop, payments, log, metrics } = deps
  return [
    startWorker({ sql, handlers: payments.handlers, log, metrics }),
    ...(shop === null
      ? []
      : [
          startWorker({ sql, handlers: writesOf(shop), log, metrics, everyMs: writesEveryMs }),
          startWorker({ sql, handlers: looksOf(shop), log, metrics }),
        ]),
    startJobTasks({ sql, log, metrics }),
  ]

  function writesOf({ shopify }: { shopify: Shopify }) {
    const places = createPlaces(shopify, { locationId: config.shopifyLocationId })
    return {
      ...createShopifyWrites({ shopify, calls: createJobCalls(sql, metrics), config }),
      ...createAllotment({ sql, shopify, places, metrics }),
    }
  }

  function looksOf({ shopify, access }: { shopify: Shopify; access: Access }) {
    const { applyDeliveries } = createIntakeCalls(sql, metrics)
    return createLookHandlers({ shopify, access, applyDeliveries })
  }
}

/** The shop of the environment with who we are there, asked once for all who want to know; null: none can be asked. */
export function openShop(config: Config, options: Parameters<typeof openShopify>[1]) {
  const shopify = openShopify(config, options)
  return shopify === null ? null : { shopify, access: createAccess(shopify) }
}

/** The role `worker`: does the jobs of the environment's database, and nothing else, until a signal. */
export async function work(config: ServiceConfig): Promise<void> {
  const { databaseUrl, databaseAdminUrl: adminUrl, dbPrepare: prepare } = config
  const log = createLog({ level: config.logLevel })
  const metrics = createMetrics()
  const role = roleFor({ databaseUrl, adminUrl })
  const open = (name: string, max: number) => openWatchedPool(databaseUrl, { name, max, role, prepare })
  const pools = { jobs: open('jobs', jobsPoolSize), payments: open('payments', paymentsPoolSize) }
  const endPools = () => Promise.all(Object.values(pools).map((pool) => pool.end({ timeout: 1 })))
  try {
    const fault = await schemaFault(pools.jobs)
    if (fault !== null) throw new Refusal(fault)
    const { providers } = await openProviders(config)
    const payments = createPayments({ pool: pools.payments, providers, log, metrics })
    const shop = openShop(config, { log, metrics, processes: 1 })
    const workers = startWorkers({ sql: pools.jobs, config, shop, payments, log, metrics })
    log.info({ shopify: config.shopifyApiUrl }, 'Working')
    // Nothing else does while the database is away.
    setInterval(() => {}, 2 ** 30)
    const stop = () =>
      stopInOrder(
        [
          ['end the jobs under way', () => Promise.all(workers.map((worker) => worker.stop()))],
          ['apply what the jobs gathered', () => payments.drain()],
          ['end the database connections', endPools],
          ['write the log', () => log.writeOut()],
        ],
        { log },
      )
    stopOnSignal({ stop, force: () => {} })
  } catch (error) {
    await endPools()
    await log.writeOut()
    throw error instanceof Error && isTransient(error) ? unusable(databaseUrl, error) : error
  }
}
