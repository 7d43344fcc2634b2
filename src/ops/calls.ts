import type { Sql } from '../platform/database.ts'
import { callTimer, type Metrics } from '../platform/metrics.ts'

/** The SQL functions of operations. */
export function createOpsCalls(sql: Sql, metrics: Pick<Metrics, 'queryTime'>) {
  const timed = callTimer(metrics)
  return {
    /** The clock of the database: the smallest question that the service's role may ask. */
    getClock: () => timed('get_clock', async () => void (await sql`select api.get_clock()`)),
  }
}
