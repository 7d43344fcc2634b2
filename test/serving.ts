import { composeApp } from '../src/app.ts'
import { type Catalog, createCatalog } from '../src/catalog/catalog.ts'
import { catalogRoutes } from '../src/catalog/routes.ts'
import { openPool, type Sql, serviceRole } from '../src/platform/database.ts'
import { createLog } from '../src/platform/log.ts'
import { createMetrics } from '../src/platform/metrics.ts'
import { openSharedCache } from '../src/platform/redis.ts'
import type { TestDatabase } from './harness.ts'

export type CatalogServer = {
  url: string
  catalog: Catalog
  /** Calls of an SQL function so far. */
  calls: (name: string) => Promise<number>
  /** Lines of the log so far. */
  lines: string[]
  /** Waits until a condition holds; fails after a second unless told otherwise. */
  until: (condition: () => Promise<boolean> | boolean, withinMs?: number) => Promise<void>
  stop: () => Promise<void>
}

/**
 * The catalog behind the real shell on a port of its own: one process as far as caching goes. `databaseUrl` and
 * `replicaUrl` lead its pools elsewhere, past a proxy for example.
 */
export async function serveCatalog(
  database: Pick<TestDatabase, 'url'>,
  {
    redisUrl = null,
    databaseUrl = database.url,
    listenUrl = databaseUrl,
    replicaUrl = null,
    staleIfErrorS = 600,
  }: {
    redisUrl?: string | null
    databaseUrl?: string
    listenUrl?: string
    replicaUrl?: string | null
    staleIfErrorS?: number
  } = {},
): Promise<CatalogServer> {
  const lines: string[] = []
  const log = createLog({ level: 'info', destination: { write: (line) => lines.push(line) } })
  const metrics = createMetrics()
  const pool = openPool(databaseUrl, { name: 'test reads', max: 15, role: serviceRole })
  const replica: Sql | null =
    replicaUrl === null ? null : openPool(replicaUrl, { name: 'test replica', max: 4, role: serviceRole })
  const redis = redisUrl === null ? null : openSharedCache(redisUrl, { log })
  const config = { browserMaxAgeS: 5, cdnMaxAgeS: 1, staleWhileRevalidateS: 30, staleIfErrorS }
  const catalog = createCatalog({
    pool,
    replica,
    redis,
    log,
    metrics,
    config,
    listenUrl,
    listenRole: serviceRole,
  })
  await catalog.start()
  const app = composeApp(catalogRoutes({ catalog }), { config: { corsOrigins: [] }, log, metrics })
  const server = Bun.serve({ ...app.serve, port: 0, hostname: '127.0.0.1' })

  return {
    url: `http://127.0.0.1:${server.port}`,
    catalog,
    lines,
    async calls(name) {
      const { values } = await metrics.queryTime.get()
      return (
        values.find(
          ({ metricName, labels }) =>
            metricName === 'db_query_time_seconds_count' && labels.function === name,
        )?.value ?? 0
      )
    },
    async until(condition, withinMs = 1_000) {
      const startedAt = performance.now()
      while (!(await condition())) {
        if (performance.now() - startedAt > withinMs) throw new Error(`Not so within ${withinMs} ms`)
        await Bun.sleep(2)
      }
    },
    async stop() {
      await server.stop(true)
      await catalog.stop()
      await Promise.all([pool.end({ timeout: 1 }), replica?.end({ timeout: 1 }), redis?.stop()])
    },
  }
}
