import { expireEventsMax, expireEveryMs } from '../limits.ts'
import type { Sql } from '../platform/database.ts'
import type { Log } from '../platform/log.ts'
import type { Metrics } from '../platform/metrics.ts'
import { type RepeatedTask, repeat } from '../platform/repeat.ts'
import { createSalesCalls } from './calls.ts'

/**
 * What the sales do by themselves: expire the orders whose time is over, so that what is shown follows. `sql` is the primary.
 * Any number of processes may run it side by side; a second one finds nothing left.
 */
export function startSalesTasks(deps: { sql: Sql; log: Log; metrics: Metrics }): RepeatedTask {
  const { sql, log, metrics } = deps
  const calls = createSalesCalls(metrics)
  return repeat(
    async (isStopping) => {
      for (const eventId of await calls.listExpiredSales(sql, { limit: expireEventsMax })) {
        if (isStopping()) return
        await calls.expireOrders(sql, eventId)
      }
    },
    { everyMs: expireEveryMs, name: 'expire orders', log },
  )
}
