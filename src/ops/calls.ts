import type { Sql } from '../platform/database.ts'
import type { Metrics } from '../platform/metrics.ts'

export type OpsCalls = ReturnType<typeof createOpsCalls>

/** The SQL functions of operations. */
export function createOpsCalls(sql: Sql, { queryTime }: Pick<Metrics, 'queryTime'>) {
  return {
    /** The clock of the database: the smallest question that the service's role may ask. */
    async getClock(): Promise<void> {
      const end = queryTime.startTimer({ function: 'get_clock' })
      try {
        await sql`select api.get_clock()`
      } finally {
        end()
      }
    },
  }
}
