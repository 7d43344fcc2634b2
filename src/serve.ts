import { randomBytes } from 'node:crypto'
import { version } from '../package.json'
import { createAccounts } from './accounts/accounts.ts'
import { createPasswords, type Passwords } from './accounts/passwords.ts'
import { createAdmin } from './admin/admin.ts'
import type { Shop } from './admin/shop_bodies.ts'
import { buildApp } from './app.ts'
import { createCatalog } from './catalog/catalog.ts'
import { startCatalogTasks } from './catalog/tasks.ts'
import { type Config, type ServiceConfig, withDatabase } from './config.ts'
import { isTransient } from './errors.ts'
import type { StoredDelivery } from './intake/calls.ts'
import { createIntake } from './intake/intake.ts'
import { startIntakeTasks } from './intake/tasks.ts'
import { createJobCalls } from './jobs/calls.ts'
import {
  accountsPoolSize,
  adminPoolSize,
  intakePoolSize,
  jobsPoolSize,
  paymentsPoolSize,
  poolStatementTimeoutMs,
  redisFirstAnswerMsMax,
  salesPoolSize,
  taskPoolSize,
  taskStatementTimeoutMs,
} from './limits.ts'
import { createOps } from './ops/ops.ts'
import { createPayments, isPaymentDelivery } from './payments/payments.ts'
import { openProviders } from './payments/providers.ts'
import { startPaymentTasks } from './payments/tasks.ts'
import { openWatchedPool, roleFor, unusable } from './platform/database.ts'
import { createLog, type Log } from './platform/log.ts'
import { createMetrics, type Metrics } from './platform/metrics.ts'
import { schemaFault } from './platform/migrate.ts'
import { waitUntil } from './platform/process.ts'
import { openSharedCache, type SharedCache } from './platform/redis.ts'
import { Refusal } from './platform/refusal.ts'
import { drainServer, retireServer, type Step, stopInOrder, stopOnSignal } from './platform/shutdown.ts'
import { createRateLimits } from './rate_limits/rate_limits.ts'
import { createSales } from './sales/sales.ts'
import { startSalesTasks } from './sales/tasks.ts'
import { createTicketLinks } from './sales/ticket_links.ts'
import { createSyncCalls, createWantedSyncCalls } from './shopify/calls.ts'
import { hasShopify } from './shopify/shopify.ts'
import { startSyncing } from './shopify/sync_schedule.ts'
import { createWatchCalls } from './watch/calls.ts'
import { startReconciling } from './watch/schedule.ts'
import { startWatchTasks } from './watch/tasks.ts'
import { openShop, startWorkers } from './work.ts'

export type Service = {
  /** Where it listens, for a person on this machine. */
  url: string
  port: number
  log: Log
  metrics: Metrics
  /** In order: accept no more, answer what is open, apply what is gathered, end the connections. */
  stop(): Promise<void>
  /** As `stop`, in no hurry before `signal`: others serve on the same port, and the listener is closed already. */
  retire(options: { signal: AbortSignal }): Promise<void>
}

export type ServiceOptions = {
  /** Other processes of ours may listen on the same port, and the system spreads the connections. */
  sharesPort: boolean
  /** So many serve side by side, this one included, and share the points of Shopify's Admin API. Default: 1. */
  processes?: number
  /** What `GET /metrics` answers. Default: the metrics of this process. */
  readMetrics?: () => Promise<string>
  /** Default: hashes that cost what `limits.ts` wants. */
  passwords?: Passwords
}

/** The role `serve`: on the database of the environment, until a signal. */
export async function serve(config: Config): Promise<void> {
  const service = await startService(withDatabase(config), { sharesPort: true })
  stopOnSignal({ stop: service.stop, force: () => {} })
}

/** Serves until `stop`. Throws a Refusal where the schema is not the one this code needs or the port is taken. */
export async function startService(
  config: ServiceConfig,
  { sharesPort, processes = 1, readMetrics, passwords = createPasswords() }: ServiceOptions,
): Promise<Service> {
  const log = createLog({ level: config.logLevel })
  const metrics = createMetrics()
  const role = roleFor({ databaseUrl: config.databaseUrl, adminUrl: config.databaseAdminUrl })
  const openOwn = (name: string, max: number, statementTimeoutMs = poolStatementTimeoutMs) =>
    openWatchedPool(config.databaseUrl, {
      name,
      max,
      role,
      prepare: config.dbPrepare,
      statementTimeoutMs,
      onReplaced: () => log.warn({ pool: name }, 'The database did not answer, its connections are replaced'),
    })

  // One pool a purpose: statements of one connection queue behind each other, and a slow batch must not hold
  // up a read, nor either of them the question whether the service is well.
  const pools = {
    reads: openOwn('reads', config.dbPoolSize),
    intake: openOwn('intake', intakePoolSize),
    accounts: openOwn('accounts', accountsPoolSize),
    sales: openOwn('sales', salesPoolSize),
    payments: openOwn('payments', paymentsPoolSize),
    jobs: openOwn('jobs', jobsPoolSize),
    admin: openOwn('admin', adminPoolSize),
    tasks: openOwn('tasks', taskPoolSize, taskStatementTimeoutMs),
    ops: openOwn('ops', 1),
    ...(config.databaseReplicaUrl === null
      ? {}
      : {
          replica: openWatchedPool(config.databaseReplicaUrl, {
            name: 'replica',
            max: config.dbPoolSize,
            role,
          }),
        }),
  }
  const endPools = () => Promise.all(Object.values(pools).map((pool) => pool.end({ timeout: 1 })))
  const redis = config.redisUrl === null ? null : openSharedCache(config.redisUrl, { log })

  // Asked first, so that the database looks and the rest is built at the same time.
  const schema = schemaFault(pools.ops)
  const intake = createIntake({ sql: pools.intake, log, metrics })
  const secrets = config.secretKeys.length > 0 ? config.secretKeys : [randomBytes(32).toString('hex')]
  const accounts = createAccounts({ pool: pools.accounts, secrets, metrics, passwords })
  const sales = createSales({ pool: pools.sales, metrics })
  const { providers, simulator } = await openProviders(config)
  const payments = createPayments({ pool: pools.payments, providers, log, metrics })
  const admin = createAdmin({ pool: pools.admin, metrics, shop: shopOf(config) })
  const catalog = createCatalog({
    pool: pools.reads,
    replica: pools.replica ?? null,
    redis,
    log,
    metrics,
    config,
    listenUrl: config.databaseDirectUrl,
    listenRole: roleFor({ databaseUrl: config.databaseDirectUrl, adminUrl: config.databaseAdminUrl }),
  })
  const ops = createOps({
    sql: pools.ops,
    pingRedis: redis && (() => ping(redis)),
    changes: () => ({ isConnected: catalog.isListening(), lagMs: catalog.changeLagMs() }),
    version,
    metrics,
  })
  const shop = openShop(config, { log, metrics, processes })
  const watchCalls = createWatchCalls(pools.tasks, metrics)
  const app = buildApp({
    config,
    log,
    metrics,
    catalog,
    intake,
    accounts,
    sales,
    payments,
    simulator,
    jobs: createJobCalls(pools.jobs, metrics),
    syncs: { ...createSyncCalls(pools.admin, metrics), ...createWantedSyncCalls(pools.admin, metrics) },
    deliveries: { replaying: { sql: pools.admin, log, metrics }, providers },
    ticketLinks: createTicketLinks(secrets),
    rateLimits: createRateLimits({ redis, config }),
    admin,
    watch: createWatchCalls(pools.admin, metrics),
    ops,
    readMetrics: readMetrics ?? (() => metrics.registry.metrics()),
  })

  try {
    const fault = await schema
    if (fault !== null) throw new Refusal(fault)
    await Promise.all([
      intake.calls.updateSettings(config),
      watchCalls.updateConnection(shop !== null),
      // A Redis that is there answers in milliseconds; one that is not keeps nobody waiting for long.
      waitUntil(() => redis?.state() !== 'error', { timeoutMs: redisFirstAnswerMsMax }).then(catalog.start),
    ])
    const tasksIntake = createIntake({ sql: pools.tasks, log, metrics })
    const applyStored = (stored: StoredDelivery) =>
      isPaymentDelivery(stored) ? payments.applyStored(stored) : tasksIntake.applyStored(stored)
    const server = listen(app.serve, config, { sharesPort })
    const tasks = [
      startIntakeTasks({ intake: tasksIntake, applyStored, log, metrics }),
      startCatalogTasks({ sql: pools.tasks, log, metrics }),
      startSalesTasks({ sql: pools.tasks, log, metrics }),
      startPaymentTasks({ sql: pools.tasks, log, metrics }),
      ...startWorkers({ sql: pools.jobs, config, shop, payments, log, metrics }),
      ...(shop === null
        ? []
        : [
            startWatchTasks({ ...shop, calls: watchCalls, log, metrics }),
            startReconciling({
              shopify: shop.shopify,
              calls: watchCalls,
              submit: tasksIntake.submit,
              config,
              log,
              metrics,
            }),
            // The pool of the jobs: no statement there takes long enough for a lease to run out behind it.
            startSyncing({
              shopify: shop.shopify,
              calls: createWantedSyncCalls(pools.jobs, metrics),
              config,
              log,
              metrics,
            }),
          ]),
    ]

    const port = server.port ?? config.port
    log.info({ port, version }, 'Serving')
    if (config.shopifyWebhookSecrets.length === 0) {
      log.warn('SHOPIFY_WEBHOOK_SECRET is not set: every webhook is answered 401')
    }
    if (config.paymentProvider === 'simulator' && config.paymentWebhookSecrets.length === 0) {
      log.warn(
        'PAYMENT_WEBHOOK_SECRET is not set: simulated payments count in this process and until it ends',
      )
    }
    if (config.secretKeys.length === 0) {
      log.warn('SECRET_KEY is not set: tokens and links to tickets count in this process and until it ends')
    }
    if (config.production && !config.rateLimits) {
      log.warn('RATE_LIMITS is off: passwords may be guessed and orders placed without a limit')
    }
    const stopAfter = (...answering: Step[]) =>
      stopInOrder(
        [
          ...answering,
          ['apply what is gathered', () => Promise.all([intake.drain(), accounts.drain(), sales.drain()])],
          ['stop the tasks', () => Promise.all(tasks.map((task) => task.stop()))],
          ['apply what the tasks gathered', () => payments.drain()],
          ['stop listening to the database', () => catalog.stop()],
          ['close Redis', () => redis?.stop()],
          ['end the database connections', endPools],
          ['write the log', () => log.writeOut()],
        ],
        { log },
      )
    return {
      url: `http://localhost:${port}`,
      port,
      log,
      metrics,
      stop: () =>
        stopAfter(
          ['refuse new work', () => ops.startDraining()],
          ['answer what is open', () => drainServer(server, app.serve)],
        ),
      retire: ({ signal }) =>
        stopAfter(['answer what is open', () => retireServer(server, app.serve, { port, signal })]),
    }
  } catch (error) {
    await Promise.all([catalog.stop(), endPools(), redis?.stop()])
    await log.writeOut()
    if (error instanceof Error && isTransient(error)) throw unusable(config.databaseUrl, error)
    throw error
  }
}

/** The shop that admins' writes go to; null where none can be written to. */
function shopOf(config: Config): Shop | null {
  const { shopifyCurrency: currency, shopifyEventType: eventType } = config
  return hasShopify(config) ? { currency, eventType } : null
}

/** Asks for a key that nobody keeps: without a question, what the cache knows of Redis may be old. */
async function ping(redis: SharedCache) {
  await redis.get('ping')
  if (redis.state() === 'error') throw new Error('Redis does not answer')
}

function listen(
  serve: ReturnType<typeof buildApp>['serve'],
  { host, port }: Pick<Config, 'host' | 'port'>,
  { sharesPort }: { sharesPort: boolean },
): Bun.Server<undefined> {
  try {
    return Bun.serve({ ...serve, hostname: host, port, reusePort: sharesPort })
  } catch (error) {
    throw isInUse(error) ? portInUse(port) : error
  }
}

/** Asks before anything is started; what listens later is found by listening itself. */
export function requireFreePort({ host, port }: Pick<Config, 'host' | 'port'>) {
  try {
    Bun.listen({ hostname: host, port, socket: { data() {} } }).stop(true)
  } catch (error) {
    if (isInUse(error)) throw portInUse(port)
    throw new Refusal(`Cannot listen on ${host}:${port} (HOST, PORT): ${String(error)}`, { cause: error })
  }
}

function isInUse(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
}

function portInUse(port: number): Refusal {
  return new Refusal(`Port ${port} is in use: stop what listens there, or set PORT to another`)
}
