import { createHmac, randomBytes, randomUUID } from 'node:crypto'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { RedisClient } from 'bun'
import { seed } from '../../src/catalog/seed.ts'
import { createIntakeCalls } from '../../src/intake/calls.ts'
import { verifyEveryMs } from '../../src/limits.ts'
import { openPool, type Sql } from '../../src/platform/database.ts'
import { type EmbeddedServer, startPostgres } from '../../src/platform/embedded.ts'
import { type LocalRedis, startLocalRedis } from '../../src/platform/local_redis.ts'
import { createMetrics } from '../../src/platform/metrics.ts'
import { migrate } from '../../src/platform/migrate.ts'
import { urlOf as urlOfDatabase } from '../limits/database.ts'
import type { Scenario } from '../scenario.ts'
import { type Servers, startServers } from './servers.ts'

/** PostgreSQL and Redis of one run, in a folder of their own: nobody's data is touched. */
export type Stack = {
  postgres: EmbeddedServer
  redis: LocalRedis
  folder: string
  /** A superuser's URL of a database of this run. */
  urlOf(database: string): string
  /** A database with so many made-up events, filled once for each size: itself for who only reads, else a copy. */
  database(events: number, options: { isCopy: boolean }): Promise<string>
  drop(database: string): Promise<void>
  stop(): Promise<void>
  /** Ends everything at once, for a forced exit. */
  kill(): void
}

/** Starts what Onsale stands on, as `up` would: PostgreSQL durable (fsync on), Redis where there is one. */
export async function startStack(folder: string, say: (sentence: string) => void): Promise<Stack> {
  mkdirSync(folder, { recursive: true })
  const [postgres, redis] = await Promise.all([
    startPostgres({ folder: join(folder, 'postgres'), database: 'bench', onStep: () => {} }),
    startLocalRedis({ dataDir: folder }),
  ])
  const admin = openPool(postgres.url, { name: 'bench', max: 1, statementTimeoutMs: 0 })
  const templates = new Map<number, Promise<string>>()
  let copies = 0
  const urlOf = (name: string) => urlOfDatabase(postgres.url, name)
  return { postgres, redis, folder, urlOf, database, drop, stop, kill }

  async function database(events: number, { isCopy }: { isCopy: boolean }): Promise<string> {
    const filled = templates.get(events) ?? fill(events)
    templates.set(events, filled)
    const template = await filled
    if (!isCopy) return template
    const name = `onsale_${events}_copy_${++copies}`
    await admin.unsafe(`create database ${name} template ${template}`)
    return name
  }

  async function fill(events: number): Promise<string> {
    const name = `onsale_${events}`
    await admin.unsafe(`create database ${name}`)
    const url = urlOf(name)
    await migrate(url)
    const startedAt = performance.now()
    if (events > 0) {
      await seed({ adminUrl: url, events, isForced: false, isProduction: false, print: () => {} })
    }
    await putOffVerification(url)
    if (events >= 100_000) {
      // What the load has written goes to the disk now, and not under the commits of a scenario after it.
      await admin.unsafe('checkpoint')
      const seconds = Math.round((performance.now() - startedAt) / 1000)
      say(`${events.toLocaleString('en')} events loaded in ${seconds} s`)
    }
    return name
  }

  /**
   * The counters are verified once an hour, at a million events for half a minute in which searches take twice as long. It
   * would begin with the first process, and fill the 12 s that are measured for an hour.
   */
  async function putOffVerification(url: string): Promise<void> {
    const sql = openPool(url, { name: 'bench', max: 1 })
    await createIntakeCalls(sql, createMetrics()).claimVerification(verifyEveryMs)
    await sql.end({ timeout: 1 })
  }

  async function drop(name: string): Promise<void> {
    await admin.unsafe(`drop database if exists ${name} with (force)`)
  }

  async function stop(): Promise<void> {
    await admin.end({ timeout: 1 })
    await redis.stop()
    await postgres.stop()
    rmSync(folder, { recursive: true, force: true })
  }

  function kill(): void {
    redis.kill()
    postgres.kill()
  }
}

/** What a scenario runs against: servers of its own on a fresh database, or one that was running already. */
export type Stage = {
  urls: readonly [string, ...string[]]
  secret: string
  sql: Sql | null
  servers: Servers | null
  /** Process ids by party, for the sampler. */
  parties: Record<string, () => number[]>
  /** A superuser's URL of a server on which limits may make databases of their own; null on a target. */
  adminUrl: string | null
  timeStart(): Promise<number>
  dropCaches(): Promise<void>
  leave(): Promise<void>
  kill(): void
}

/** Starts Onsale for one scenario. */
export async function enterStage(
  stack: Stack,
  { writes, processes }: Pick<Scenario, 'writes' | 'processes'>,
  events: number,
): Promise<Stage> {
  const database = await stack.database(events, { isCopy: writes })
  const secret = randomBytes(16).toString('hex')
  const options = {
    databaseUrl: stack.urlOf(database),
    redisUrl: stack.redis.url,
    secret,
    folder: stack.folder,
  }
  const servers = await startServers({ ...options, processes })
  const sql = openPool(stack.urlOf(database), { name: 'bench', max: 2, statementTimeoutMs: 0 })
  const redisPid = stack.redis.pid
  return {
    urls: servers.urls,
    secret,
    sql,
    servers,
    parties: {
      onsale: servers.pids,
      postgres: () => [stack.postgres.pid],
      ...(redisPid === null ? {} : { redis: () => [redisPid] }),
    },
    adminUrl: stack.postgres.url,
    async timeStart() {
      const startedAt = performance.now()
      const one = await startServers({ ...options, processes: { count: 1, ports: 'shared' } })
      const ms = performance.now() - startedAt
      await one.stop()
      return ms
    },
    async dropCaches() {
      if (stack.redis.url !== null) {
        const redis = new RedisClient(stack.redis.url)
        await redis.send('FLUSHALL', [])
        redis.close()
      }
      // What a load of many events sends: everything may have changed.
      await sql`select pg_notify('onsale_changes', '*')`
    },
    async leave() {
      await servers.stop()
      await sql.end({ timeout: 1 })
      if (writes) await stack.drop(database)
    },
    kill: servers.kill,
  }
}

/** Sends one signed webhook; throws unless it is answered 200. */
export async function deliver(url: string, secret: string, topic: string, body: string): Promise<void> {
  const answer = await fetch(`${url}/webhooks/${topic}`, {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/json',
      'x-shopify-hmac-sha256': createHmac('sha256', secret).update(body).digest('base64'),
      'x-shopify-webhook-id': randomUUID(),
    },
  })
  const text = await answer.text()
  if (answer.status !== 200 || !text.includes('"applied"')) {
    throw new Error(`${topic} was answered ${answer.status}: ${text}`)
  }
}
