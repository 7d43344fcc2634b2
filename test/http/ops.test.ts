import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { createServer, type Server } from 'node:net'
import { Elysia } from 'elysia'
import { composeApp } from '../../src/app.ts'
import { healthProbeMsMax, healthReusedMs, notifyLagMsMax } from '../../src/limits.ts'
import type { Health } from '../../src/ops/model.ts'
import { createOps, createProbe } from '../../src/ops/ops.ts'
import { opsRoutes } from '../../src/ops/routes.ts'
import { openPool, type Sql } from '../../src/platform/database.ts'
import { createLog } from '../../src/platform/log.ts'
import { createMetrics } from '../../src/platform/metrics.ts'
import { openSharedCache } from '../../src/platform/redis.ts'
import { emptyDatabase, type TestDatabase, testDatabase, testRedis } from '../harness.ts'
import { runOnsale } from '../platform/spawn.ts'

const log = createLog({ level: 'silent' })
const ending: (() => unknown)[] = []
let database: TestDatabase

beforeAll(async () => {
  database = await testDatabase()
})
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})
afterAll(() => database.drop())

type Given = {
  sql?: Sql
  pingRedis?: (() => Promise<unknown>) | null
  changes?: { isConnected: boolean; lagMs: number | null }
}

function start({ sql = database.service, pingRedis = null, changes }: Given = {}) {
  const metrics = createMetrics()
  const heard = changes ?? { isConnected: true, lagMs: 1.5 }
  const ops = createOps({ sql, pingRedis, changes: () => heard, version: '1.2.3', metrics })
  const flows = new Elysia().use(opsRoutes({ ops, readMetrics: () => metrics.registry.metrics() }))
  const app = composeApp(flows, { config: { corsOrigins: [] }, log, metrics })
  const server = Bun.serve({ ...app.serve, port: 0, hostname: '127.0.0.1' })
  ending.push(() => server.stop(true))
  const get = (path: string) => fetch(new URL(path, server.url))
  return { ops, get }
}

async function healthOf(response: Response): Promise<Health> {
  expect(response.headers.get('cache-control')).toBe('no-store')
  return (await response.json()) as Health
}

function poolOn(url: string): Sql {
  const pool = openPool(url, { name: 'test ops', max: 1 })
  ending.push(() => pool.end({ timeout: 0 }))
  return pool
}

/** Accepts connections and never says a word, as a server does whose machine hangs. */
async function silentServer(): Promise<{ port: number }> {
  const server: Server = createServer(() => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  ending.push(() => server.close())
  return { port: (server.address() as { port: number }).port }
}

describe('GET /health', () => {
  test('a service whose parts answer is healthy', async () => {
    const response = await start().get('/health')
    expect(response.status).toBe(200)
    expect(await healthOf(response)).toEqual({
      status: 'healthy',
      postgres: 'ok',
      redis: 'off',
      schema: 'current',
      changes: 'heard',
      lag_ms: 1.5,
      version: '1.2.3',
      uptime_s: expect.any(Number),
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    })
  })

  test('without Redis it is degraded and still 200, and well again when Redis is back', async () => {
    const redis = await testRedis()
    ending.push(() => redis.stop())
    const cache = openSharedCache(redis.url, { log })
    ending.push(() => cache.stop())
    const pingRedis = async () => {
      if (cache.state() !== 'ok') throw new Error('Redis is away')
    }
    const { get } = start({ pingRedis })
    const becomes = async (wanted: object) => {
      for (let attempt = 0; ; attempt++) {
        const response = await get('/health')
        expect(response.status).toBe(200)
        const { status, redis } = await healthOf(response)
        if (attempt > 50) expect({ status, redis }).toEqual(wanted as never)
        if (Bun.deepEquals({ status, redis }, wanted)) return
        await Bun.sleep(100)
      }
    }
    await becomes({ status: 'healthy', redis: 'ok' })
    await redis.kill()
    await becomes({ status: 'degraded', redis: 'error' })
    await redis.start()
    await becomes({ status: 'healthy', redis: 'ok' })
  }, 20_000)

  test('changes that are not heard, or heard late, degrade it', async () => {
    const lost = await start({ changes: { isConnected: false, lagMs: null } }).get('/health')
    expect(lost.status).toBe(200)
    expect(await healthOf(lost)).toMatchObject({ status: 'degraded', changes: 'lost', lag_ms: null })
    const late = await start({ changes: { isConnected: true, lagMs: notifyLagMsMax + 1 } }).get('/health')
    expect(await healthOf(late)).toMatchObject({ status: 'degraded', changes: 'heard' })
  })

  test('without PostgreSQL it is unhealthy and 503', async () => {
    const response = await start({ sql: poolOn('postgres://nobody@127.0.0.1:1/none') }).get('/health')
    expect(response.status).toBe(503)
    expect(await healthOf(response)).toMatchObject({
      status: 'unhealthy',
      postgres: 'error',
      schema: 'unknown',
    })
  })

  test('a PostgreSQL that accepts and says nothing is found out in time', async () => {
    const { port } = await silentServer()
    const { get } = start({ sql: poolOn(`postgres://nobody@127.0.0.1:${port}/none`) })
    const startedAt = performance.now()
    const answers = await Promise.all(Array.from({ length: 5 }, () => get('/health')))
    expect(performance.now() - startedAt).toBeLessThan(healthProbeMsMax + 500)
    for (const answer of answers) expect(answer.status).toBe(503)
  })

  test('a schema that is older than the code is unhealthy', async () => {
    const empty = await emptyDatabase()
    ending.push(() => empty.drop())
    const response = await start({ sql: poolOn(empty.url) }).get('/health')
    expect(response.status).toBe(503)
    expect(await healthOf(response)).toMatchObject({ status: 'unhealthy', postgres: 'ok', schema: 'behind' })
  })
})

describe('GET /ready', () => {
  test('a process on the right schema may get requests', async () => {
    const response = await start().get('/ready')
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({ ready: true })
  })

  test('before it has reached the database, on the schema it needs, a process does not even listen', async () => {
    const empty = await emptyDatabase()
    ending.push(() => empty.drop())
    const behind = await runOnsale(['serve'], { DATABASE_URL: empty.url })
    expect(behind.output).toContain('run `migrate` first')
    const away = await runOnsale(['serve'], { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' })
    expect(away.output).toContain('Cannot use the database')
    for (const { code, output } of [behind, away]) {
      expect(code).toBe(1)
      expect(output).not.toContain('Serving')
    }
  })

  test('once ready, a database that goes away does not unmake it', async () => {
    const own = await testDatabase()
    ending.push(() => own.drop())
    const sql = poolOn(own.url)
    const { get } = start({ sql })
    expect((await get('/ready')).status).toBe(200)
    await sql.end({ timeout: 0 })
    await Bun.sleep(healthReusedMs)
    expect((await get('/health')).status).toBe(503)
    expect((await get('/ready')).status).toBe(200)
  })

  test('while shutting down it may not', async () => {
    const { ops, get } = start()
    expect((await get('/ready')).status).toBe(200)
    ops.startDraining()
    expect((await get('/ready')).status).toBe(503)
  })
})

describe('GET /metrics', () => {
  test('is Prometheus text with every name of the contract', async () => {
    const { get } = start()
    await get('/health')
    const response = await get('/metrics')
    expect(response.headers.get('content-type')).toStartWith('text/plain; version=0.0.4')
    const text = await response.text()
    const names = [
      'api_requests_total',
      'api_response_time_seconds',
      'db_query_time_seconds',
      'db_pool_wait_seconds',
      'cache_hits_total',
      'cache_misses_total',
      'cache_stale_total',
      'webhook_deliveries_total',
      'webhook_processing_seconds',
      'webhook_event_age_seconds',
      'gather_batch_size',
      'gather_queue_depth',
      'dead_letters',
      'verify_drift_rows',
      'orders_created_total',
      'shopify_api_calls_total',
      'process_resident_memory_bytes',
    ]
    for (const name of names) expect(text).toContain(`# TYPE ${name} `)
    expect(text).toMatch(/^api_requests_total\{endpoint="\/health",method="GET",status="200"\} 1$/m)
    expect(text).toMatch(/^db_query_time_seconds_count\{function="get_clock"\} 1$/m)
  })

  test('every line is a comment or a sample', async () => {
    const text = await (await start().get('/metrics')).text()
    const sample = /^[a-z_0-9]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? (-?[\d.e+-]+|NaN|[+-]Inf)$/
    for (const line of text.split('\n')) {
      if (line !== '' && !line.startsWith('#')) expect(line).toMatch(sample)
    }
  })
})

test('a query is refused where none is taken', async () => {
  const { get } = start()
  for (const path of ['/health', '/ready', '/metrics']) {
    const response = await get(`${path}?x=1`)
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({
      errors: [{ path: 'query.x', message: 'Unexpected property' }],
    })
  }
})

describe('a probe', () => {
  test('is asked once by all who wait, and again only after its time', async () => {
    let asked = 0
    const probe = createProbe(async () => ++asked, { msMax: 100, reusedMs: 50 })
    for (const probed of await Promise.all([probe(), probe(), probe()])) {
      expect(probed).toEqual({ isOk: true, value: 1 })
    }
    expect(await probe()).toEqual({ isOk: true, value: 1 })
    await Bun.sleep(60)
    expect(await probe()).toEqual({ isOk: true, value: 2 })
  })

  test('that hangs is not asked again beside itself, and answers again when it does', async () => {
    let asked = 0
    const { promise, resolve } = Promise.withResolvers<string>()
    const probe = createProbe(
      () => {
        asked++
        return promise
      },
      { msMax: 20, reusedMs: 0 },
    )
    expect(await probe()).toEqual({ isOk: false })
    expect(await probe()).toEqual({ isOk: false })
    expect(asked).toBe(1)
    resolve('well')
    expect(await probe()).toEqual({ isOk: true, value: 'well' })
  })
})
