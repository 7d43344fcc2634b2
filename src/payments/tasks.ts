import { refundsLookEveryMs } from '../limits.ts'
import type { Sql } from '../platform/database.ts'
import type { Log } from '../platform/log.ts'
import type { Metrics } from '../platform/metrics.ts'
import { type RepeatedTask, repeat } from '../platform/repeat.ts'
import { createPaymentCalls } from './calls.ts'

/** What the payments do by themselves: tell for how long money is owed back. `sql` is the primary. */
export function startPaymentTasks(deps: { sql: Sql; log: Log; metrics: Metrics }): RepeatedTask {
  const { sql, log, metrics } = deps
  const calls = createPaymentCalls(metrics)
  return repeat(
    async () => {
      const oldestAt = await calls.getOldestRefundDue(sql)
      const ageMs = oldestAt === null ? 0 : Math.max(0, Date.now() - oldestAt.getTime())
      metrics.oldestRefundDue.set(ageMs / 1000)
    },
    { everyMs: refundsLookEveryMs, name: 'look for refunds that are due', log },
  )
}
