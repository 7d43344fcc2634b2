import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { createDemoAccounts } from './accounts/commands.ts'
import { type Config, demoSecretPrefix, readConfig, type ServiceConfig } from './config.ts'
import { postgresRestartsMax, postgresRestartsWithinMs } from './limits.ts'
import { openPool, roleFor } from './platform/database.ts'
import { type EmbeddedServer, startPostgres } from './platform/embedded.ts'
import { type Home, takeHome } from './platform/home.ts'
import { type LocalRedis, startLocalRedis } from './platform/local_redis.ts'
import { hasUsers, loginToGrant, migrate, mirrorIsEmpty } from './platform/migrate.ts'
import { freePort } from './platform/process.ts'
import { Refusal } from './platform/refusal.ts'
import { stopOnSignal } from './platform/shutdown.ts'
import { requireFreePort, type Service, startService } from './serve.ts'

/** Where the played shop's Admin API listens, if nobody else does. */
const shopPort = 3001

type Env = Record<string, string | undefined>

export type UpOptions = {
  /** False: no demo shop, whatever the mirror holds. */
  demo: boolean
  print: (line: string) => void
  /** Tells why and ends the process; for what goes wrong after the start. */
  fail: (error: Error) => void
}

/** What is running. A promise is there from the moment its start begins, so that a stop finds it at any time. */
type Parts = {
  home: Home
  postgres: Promise<EmbeddedServer> | null
  redis: Promise<LocalRedis> | null
  service: Promise<Service> | null
  demo: ChildProcess | null
  /** The shop that is written to, where none is configured. */
  shop: ChildProcess | null
  /** Those that are up. */
  servers: Set<{ kill(): void }>
  isStopping: boolean
}

/**
 * Starts everything on one machine: PostgreSQL and Redis where none are configured, the newest schema, the
 * service, and on the first run a demo shop. Runs until a signal; throws a Refusal where it cannot start.
 */
export async function up(env: Env, options: UpOptions): Promise<void> {
  const { dataDir, host, port } = readConfig(env)
  requireFreePort({ host, port })
  const home = takeHome(dataDir)
  const parts: Parts = {
    home,
    postgres: null,
    redis: null,
    service: null,
    demo: null,
    shop: null,
    servers: new Set(),
    isStopping: false,
  }
  stopOnSignal({
    stop: () => stopParts(parts),
    force: () => killParts(parts),
    // Set by whoever runs a script of package.json.
    withLaunchers: env.npm_lifecycle_event === 'up',
  })
  try {
    await start(parts, env, options)
  } catch (error) {
    // A stop in the middle of the start makes steps fail; that is no fault to tell.
    if (parts.isStopping) return
    await stopParts(parts)
    throw error
  }
}

async function start(parts: Parts, env: Env, { demo, print, fail }: UpOptions) {
  const { home } = parts
  const wanted = readConfig(environmentFor(env, home))
  if (wanted.databaseUrl === null) parts.postgres = startOwnPostgres(home, { print })
  if (wanted.redisUrl === null) parts.redis = startLocalRedis({ dataDir: home.path })
  const postgres = noted(parts, await parts.postgres)
  const redis = noted(parts, await parts.redis)

  const shop = await playedShop(wanted, home)
  const config = { ...serviceConfig(wanted, { postgres, redis }), ...shop }
  await migrate(config.databaseAdminUrl, { serviceLogin: loginToGrant(config), onStep: print })
  const isEmpty = await mirrorIsEmpty(config.databaseAdminUrl)
  parts.service = startService(config, { sharesPort: false })
  const service = await parts.service
  if (postgres) supervise(parts, postgres, { print, fail })
  if (shop !== null) startShop(parts, { service, config, isDemo: demo, print })

  // A loader that was interrupted goes on at the next start: it repeats itself without harm.
  const before = home.kept.UP_DEMO
  const loadsDemo = demo && !config.production && (before === 'loading' || (isEmpty && before !== 'loaded'))
  let accounts = demoAccountsIn(home)
  const keep = (state: string) =>
    home.keep({ ...keptValues({ config, service, home, postgres, redis, shop, state }), ...accounts })
  const loading = loadsDemo ? 'loading' : (before ?? 'none')
  const hasDemo = demo && !config.production && (loadsDemo || before === 'loaded')
  if (hasDemo && (await wantsAccounts(accounts, { config, postgres, loadsDemo }))) {
    // Kept before they are made: a start that is interrupted in between goes on with the same passwords.
    const isNew = accounts.UP_ACCOUNTS === undefined
    accounts = { ...newDemoAccounts(), ...accounts, UP_ACCOUNTS: 'making' }
    keep(loading)
    const isMade = await makeDemoAccounts(accounts, { config, service })
    // Whose password is not known here is not shown.
    accounts = isMade || !isNew ? { ...accounts, UP_ACCOUNTS: 'made' } : {}
  }
  keep(loading)
  if (loadsDemo && (await loadDemo(parts, { service, config }))) keep('loaded')
  const shown = hasDemo ? accounts : {}
  if (!parts.isStopping)
    welcome({ config, service, home, postgres, redis, shop, accounts: shown }).forEach(print)
}

/** The Admin API of a played shop, as `config` names it. */
type PlayedShop = { shopifyApiUrl: string; shopifyAccessToken: string; reconcileEveryHours: null }

const shopProgram = resolve(import.meta.dir, '../sandbox/shop.ts')

/** Where a shop will be played that can be written to; null where the environment names one, or says whose shop this is. */
async function playedShop(config: Config, { kept }: Home): Promise<PlayedShop | null> {
  const isNamed = config.shopifyApiUrl !== null || config.shopifyAccessToken !== null
  if (isNamed || config.production || !existsSync(shopProgram)) return null
  const keptPort = /^http:\/\/127\.0\.0\.1:(\d+)\//.exec(kept.SHOPIFY_API_URL ?? '')?.[1]
  const port = await freePort(Number(keptPort ?? shopPort))
  return {
    shopifyApiUrl: `http://127.0.0.1:${port}/admin/api/2026-10/graphql.json`,
    shopifyAccessToken: kept.SHOPIFY_ACCESS_TOKEN || `${demoSecretPrefix}${randomBytes(16).toString('hex')}`,
    // It forgets what was made in it, and what another played shop told it never knew: that is not to be deleted here.
    reconcileEveryHours: null,
  }
}

/** Plays the shop by a program of its own, which tells the service of each change, and ends with us whatever ends us. */
function startShop(
  parts: Parts,
  {
    service,
    config,
    isDemo,
    print,
  }: { service: Service; config: ServiceConfig; isDemo: boolean; print: UpOptions['print'] },
) {
  const domain = config.shopifyShops[0]
  const args = [
    ...[shopProgram, '--serve', '--attached', '--port', new URL(config.shopifyApiUrl ?? '').port],
    ...[
      '--url',
      `http://127.0.0.1:${service.port}`,
      '--locations',
      '1',
      '--currency',
      config.shopifyCurrency,
    ],
    ...(isDemo ? ['--demo'] : []),
    ...(domain ? ['--shop-domain', domain] : []),
  ]
  const child = spawn(process.execPath, args, {
    env: {
      ...process.env,
      SHOPIFY_WEBHOOK_SECRET: config.shopifyWebhookSecrets[0] ?? '',
      SHOPIFY_ACCESS_TOKEN: config.shopifyAccessToken ?? '',
    },
    stdio: ['pipe', 'ignore', 'inherit'],
  })
  child.once('exit', () => {
    if (!parts.isStopping) print('The played shop ended: writes to Shopify wait until `up` is started again')
  })
  parts.shop = child
  parts.servers.add(child)
}

function noted<Server extends { kill(): void } | null>(parts: Parts, server: Server): Server {
  if (server) parts.servers.add(server)
  return server
}

/**
 * The environment with what an earlier run kept: secrets are made once, and addresses of servers that `up`
 * started itself (someone sourced DATA_DIR/env) are its own to choose again.
 */
function environmentFor(env: Env, { kept }: Home): Env {
  const own = (kept.UP_STARTED ?? '').split(',').filter((name) => env[name] && env[name] === kept[name])
  const chosen: Env = { ...env, ...Object.fromEntries(own.map((name) => [name, undefined])) }
  // On a terminal a line a request would bury what a person reads.
  if (!env.LOG_LEVEL && process.stdout.isTTY) chosen.LOG_LEVEL = 'warn'
  if (env.NODE_ENV === 'production') return chosen
  for (const name of ['SHOPIFY_WEBHOOK_SECRET', 'SECRET_KEY', 'PAYMENT_WEBHOOK_SECRET']) {
    if (env[name]?.trim()) continue
    chosen[name] = kept[name] || `${demoSecretPrefix}${randomBytes(16).toString('hex')}`
  }
  return chosen
}

function startOwnPostgres(home: Home, { print, port }: { print: UpOptions['print']; port?: number }) {
  const keptPort = Number(/:(\d+)\/onsale$/.exec(home.kept.DATABASE_URL ?? '')?.[1] ?? 0)
  return startPostgres({
    folder: join(home.path, 'postgres'),
    database: 'onsale',
    port: port ?? keptPort,
    onStep: print,
  })
}

function serviceConfig(
  config: Config,
  { postgres, redis }: { postgres: EmbeddedServer | null; redis: LocalRedis | null },
): ServiceConfig {
  const databaseUrl = postgres?.url ?? config.databaseUrl
  if (databaseUrl === null) throw new Refusal('DATABASE_URL must be set')
  return Object.freeze({
    ...config,
    databaseUrl,
    databaseDirectUrl: config.databaseDirectUrl ?? databaseUrl,
    databaseAdminUrl: config.databaseAdminUrl ?? databaseUrl,
    redisUrl: redis === null ? config.redisUrl : redis.url,
  })
}

/** A PostgreSQL that ends while we run is started again on its port, and the pools find it by themselves. */
function supervise(parts: Parts, postgres: EmbeddedServer, { print, fail }: Omit<UpOptions, 'demo'>) {
  const startedAt: number[] = []
  const watch = async (server: EmbeddedServer): Promise<void> => {
    await server.exited
    if (parts.isStopping) return
    const now = performance.now()
    if (startedAt.filter((time) => now - time < postgresRestartsWithinMs).length >= postgresRestartsMax) {
      throw new Refusal(`PostgreSQL ended again and again: see ${join(parts.home.path, 'postgres.log')}`)
    }
    startedAt.push(now)
    print('PostgreSQL ended, starting it again')
    parts.postgres = startOwnPostgres(parts.home, { print, port: server.port })
    const next = noted(parts, await parts.postgres)
    parts.servers.delete(server)
    if (next.port !== server.port) throw new Refusal(`Port ${server.port} of PostgreSQL was taken meanwhile`)
    await watch(next)
  }
  watch(postgres).catch(async (error: Error) => {
    if (parts.isStopping) return
    await stopParts(parts)
    fail(error)
  })
}

/** By the names under which they are kept; none where there are none. */
type DemoAccounts = Partial<Record<(typeof demoAccountNames)[number], string>>
const demoAccountNames = [
  'DEMO_ADMIN_EMAIL',
  'DEMO_ADMIN_PASSWORD',
  'DEMO_USER_EMAIL',
  'DEMO_USER_PASSWORD',
  'UP_ACCOUNTS',
] as const

function demoAccountsIn({ kept }: Home): DemoAccounts {
  return Object.fromEntries(demoAccountNames.flatMap((name) => (kept[name] ? [[name, kept[name]]] : [])))
}

function newDemoAccounts(): DemoAccounts {
  const password = () => randomBytes(15).toString('base64url')
  return {
    DEMO_ADMIN_EMAIL: 'admin@demo.example',
    DEMO_ADMIN_PASSWORD: password(),
    DEMO_USER_EMAIL: 'user@demo.example',
    DEMO_USER_PASSWORD: password(),
  }
}

/** Once; a database that was given to us gets them only with its demo shop, and no admin beside users of its own. */
async function wantsAccounts(
  { UP_ACCOUNTS }: DemoAccounts,
  {
    config,
    postgres,
    loadsDemo,
  }: { config: ServiceConfig; postgres: EmbeddedServer | null; loadsDemo: boolean },
): Promise<boolean> {
  if (UP_ACCOUNTS !== undefined) return UP_ACCOUNTS === 'making'
  return postgres !== null || (loadsDemo && !(await hasUsers(config.databaseAdminUrl)))
}

async function makeDemoAccounts(
  accounts: DemoAccounts,
  { config, service }: { config: ServiceConfig; service: Service },
): Promise<boolean> {
  const role = roleFor({ databaseUrl: config.databaseUrl, adminUrl: config.databaseAdminUrl })
  const sql = openPool(config.databaseUrl, { name: 'up', max: 1, role, prepare: config.dbPrepare })
  try {
    const { DEMO_ADMIN_EMAIL = '', DEMO_ADMIN_PASSWORD = '' } = accounts
    const { DEMO_USER_EMAIL = '', DEMO_USER_PASSWORD = '' } = accounts
    return await createDemoAccounts(
      { sql, metrics: service.metrics },
      {
        admin: { email: DEMO_ADMIN_EMAIL, password: DEMO_ADMIN_PASSWORD },
        user: { email: DEMO_USER_EMAIL, password: DEMO_USER_PASSWORD },
      },
    )
  } finally {
    await sql.end({ timeout: 1 })
  }
}

/** What scripts may want to know, as `NAME=value` lines. UP_ names are for the next `up`. */
function keptValues({
  config,
  service,
  home,
  postgres,
  redis,
  shop,
  state,
}: {
  config: ServiceConfig
  service: Service
  home: Home
  postgres: EmbeddedServer | null
  redis: LocalRedis | null
  shop: PlayedShop | null
  state: string
}): Record<string, string> {
  const started = [
    ...(postgres ? ['DATABASE_URL'] : []),
    ...(redis?.url ? ['REDIS_URL'] : []),
    ...(shop ? ['SHOPIFY_API_URL', 'SHOPIFY_ACCESS_TOKEN'] : []),
  ]
  return {
    ONSALE_URL: service.url,
    HOST: config.host,
    PORT: String(service.port),
    DATA_DIR: home.path,
    DATABASE_URL: config.databaseUrl,
    ...(config.redisUrl === null ? {} : { REDIS_URL: config.redisUrl }),
    SHOPIFY_WEBHOOK_SECRET: config.shopifyWebhookSecrets.join(','),
    ...(shop ? { SHOPIFY_API_URL: shop.shopifyApiUrl, SHOPIFY_ACCESS_TOKEN: shop.shopifyAccessToken } : {}),
    SECRET_KEY: config.secretKeys.join(','),
    PAYMENT_WEBHOOK_SECRET: config.paymentWebhookSecrets.join(','),
    UP_STARTED: started.join(','),
    UP_DEMO: state,
  }
}

/** Runs the loader as a program of its own: `src/` knows nothing of the sandbox. True when all is loaded. */
async function loadDemo(
  parts: Parts,
  { service, config }: { service: Service; config: ServiceConfig },
): Promise<boolean> {
  const program = resolve(import.meta.dir, '../sandbox/demo.ts')
  if (!existsSync(program)) return false
  const [secret = ''] = config.shopifyWebhookSecrets
  const shop = config.shopifyShops[0]
  const args = [
    program,
    '--url',
    `http://127.0.0.1:${service.port}`,
    ...(shop ? ['--shop-domain', shop] : []),
  ]
  parts.demo = spawn(process.execPath, args, {
    env: { ...process.env, SHOPIFY_WEBHOOK_SECRET: secret },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  // Its three thousand request lines would bury everything else.
  const logRequest = service.log.request
  service.log.request = () => {}
  const code = await new Promise<number | null>((resolve) => {
    parts.demo?.once('exit', resolve).once('error', () => resolve(null))
  })
  service.log.request = logRequest
  parts.demo = null
  return code === 0
}

function welcome({
  config,
  service,
  home,
  postgres,
  redis,
  shop,
  accounts,
}: {
  config: ServiceConfig
  service: Service
  home: Home
  postgres: EmbeddedServer | null
  redis: LocalRedis | null
  shop: PlayedShop | null
  accounts: DemoAccounts
}): string[] {
  const seconds = (performance.now() / 1000).toFixed(1)
  const envFile = join(home.path, 'env')
  const secret = config.shopifyWebhookSecrets[0] ?? ''
  return [
    '',
    `Onsale serves ${service.url} (after ${seconds} s)`,
    '',
    `  Docs             ${service.url}/docs`,
    `  Webhook secret   ${config.production ? 'from SHOPIFY_WEBHOOK_SECRET' : secret}`,
    ...(accounts.DEMO_ADMIN_EMAIL
      ? [
          `  Demo admin       ${accounts.DEMO_ADMIN_EMAIL}  ${accounts.DEMO_ADMIN_PASSWORD}`,
          `  Demo user        ${accounts.DEMO_USER_EMAIL}  ${accounts.DEMO_USER_PASSWORD}`,
        ]
      : []),
    `  PostgreSQL       ${postgres ? `18, embedded, data in ${join(home.path, 'postgres')}` : 'from DATABASE_URL'}`,
    `  Redis            ${redis?.sentence ?? 'from REDIS_URL'}`,
    ...(shop ? [`  Shopify          played, its Admin API at ${shop.shopifyApiUrl}`] : []),
    `  For scripts      . ${envFile}`,
    `  Try              curl '${service.url}/events?limit=3'`,
    '  A shop at work   bun run shop --help',
    '  Stop             Ctrl-C',
    '',
  ]
}

/** What stands on something stops before it. */
async function stopParts(parts: Parts): Promise<void> {
  if (parts.isStopping) return
  parts.isStopping = true
  parts.demo?.kill('SIGTERM')
  const service = await parts.service?.catch(() => null)
  await service?.stop()
  parts.shop?.kill('SIGTERM')
  const redis = await parts.redis?.catch(() => null)
  await redis?.stop()
  const postgres = await parts.postgres?.catch(() => null)
  await postgres?.stop()
  parts.home.release()
}

/** The second signal: nothing is waited for, nothing is left behind; PostgreSQL recovers at its next start. */
function killParts({ demo, servers }: Parts) {
  demo?.kill('SIGKILL')
  for (const server of servers) server.kill()
}
