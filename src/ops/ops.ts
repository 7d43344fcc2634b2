import { sqlState } from '../errors.ts'
import { healthProbeMsMax, healthReusedMs, notifyLagMsMax, schemaProbeEveryMs } from '../limits.ts'
import type { Sql } from '../platform/database.ts'
import type { Metrics } from '../platform/metrics.ts'
import { schemaFault } from '../platform/migrate.ts'
import { createOpsCalls } from './calls.ts'
import type { Health } from './model.ts'

export type Ops = ReturnType<typeof createOps>

export type OpsDeps = {
  /** A pool of its own, of one connection: a busy service is slow, not unhealthy. */
  sql: Sql
  /** Asks Redis; rejects where it does not answer. Null: the service runs without. */
  pingRedis: (() => Promise<unknown>) | null
  /** Whether changes of the database are heard, and how long the newest sign of life took to come here. */
  changes: () => { isConnected: boolean; lagMs: number | null }
  /** Read once from package.json. */
  version: string
  metrics: Metrics
}

/** What an operator and a load balancer ask: is it well, and may it get requests. */
export function createOps({ sql, pingRedis, changes, version, metrics }: OpsDeps) {
  const calls = createOpsCalls(sql, metrics)
  const probePostgres = createProbe(() => calls.getClock().catch(refuseUnlessAnswered), {
    msMax: healthProbeMsMax,
    reusedMs: healthReusedMs,
  })
  const probeRedis =
    pingRedis && createProbe(pingRedis, { msMax: healthProbeMsMax, reusedMs: healthReusedMs })
  const probeSchema = createProbe(() => schemaFault(sql), {
    msMax: healthProbeMsMax,
    reusedMs: schemaProbeEveryMs,
  })
  const startedAt = performance.now()
  let isDraining = false

  return { health, ready, startDraining }

  /** Never rejects and takes at most healthProbeMsMax. */
  async function health(): Promise<Health> {
    const [postgres, redis, schema] = await Promise.all([probePostgres(), probeRedis?.(), probeSchema()])
    const { isConnected, lagMs } = changes()
    const isLate = !isConnected || (lagMs !== null && lagMs > notifyLagMsMax)
    const schemaState = !schema.isOk ? 'unknown' : schema.value === null ? 'current' : 'behind'
    const isUnhealthy = !postgres.isOk || schemaState === 'behind'
    const isDegraded = isLate || redis?.isOk === false
    return {
      status: isUnhealthy ? 'unhealthy' : isDegraded ? 'degraded' : 'healthy',
      postgres: postgres.isOk ? 'ok' : 'error',
      redis: redis === undefined ? 'off' : redis.isOk ? 'ok' : 'error',
      schema: schemaState,
      changes: isConnected ? 'heard' : 'lost',
      lag_ms: lagMs === null ? null : Math.round(lagMs * 1_000) / 1_000,
      version,
      uptime_s: Math.floor((performance.now() - startedAt) / 1000),
      timestamp: new Date().toISOString(),
    }
  }

  /**
   * Null where requests may come, else why not. Who listens has reached the database and found its schema; that the
   * database goes away later does not change it: cached reads are still served, and a balancer that took every
   * process away would stop even those.
   */
  function ready(): string | null {
    return isDraining ? 'The server is shutting down' : null
  }

  /** From now on `ready` refuses, so that balancers look elsewhere while open requests are answered. */
  function startDraining(): void {
    isDraining = true
  }
}

/** A server that says that it lacks our schema or function does answer: that fault is the schema's. */
function refuseUnlessAnswered(error: unknown): void {
  if (!/^(42|3F)/.test(sqlState(error) ?? '')) throw error
}

type Probed<T> = { isOk: true; value: T } | { isOk: false }

/**
 * A question with a bounded answer: false where it fails or takes longer than msMax. Asked again after reusedMs
 * at the earliest, and never while an earlier one is under way: a server that hangs is not asked in a heap.
 */
export function createProbe<T>(
  ask: () => Promise<T>,
  { msMax, reusedMs }: { msMax: number; reusedMs: number },
) {
  let known: { at: number; result: Probed<T> } | null = null
  let underWay: Promise<Probed<T>> | null = null

  return async function probe(): Promise<Probed<T>> {
    // A failure is asked about again soon, however long a success would be good.
    const goodMs = known?.result.isOk ? reusedMs : Math.min(reusedMs, healthReusedMs)
    if (known !== null && performance.now() - known.at < goodMs) return known.result
    underWay ??= ask()
      .then(
        (value): Probed<T> => ({ isOk: true, value }),
        (): Probed<T> => ({ isOk: false }),
      )
      .then((result) => {
        known = { at: performance.now(), result }
        underWay = null
        return result
      })
    const { promise: late, resolve } = Promise.withResolvers<Probed<T>>()
    const timer = setTimeout(() => resolve({ isOk: false }), msMax)
    const result = await Promise.race([underWay, late])
    clearTimeout(timer)
    return result
  }
}
