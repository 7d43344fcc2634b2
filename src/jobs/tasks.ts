import { jobsStateEveryMs } from '../limits.ts'
import type { Sql } from '../platform/database.ts'
import type { Log } from '../platform/log.ts'
import type { Metrics } from '../platform/metrics.ts'
import { type RepeatedTask, repeat } from '../platform/repeat.ts'
import { createJobCalls } from './calls.ts'

/** What is looked at of the jobs, whoever does them: how many there are. `sql` is the primary. */
export function startJobTasks(deps: { sql: Sql; log: Log; metrics: Metrics }): RepeatedTask {
  const { sql, log, metrics } = deps
  const calls = createJobCalls(sql, metrics)
  return repeat(readState, { everyMs: jobsStateEveryMs, name: 'count the jobs', log })

  async function readState(): Promise<void> {
    const states = await calls.listJobStates()
    metrics.jobs.reset()
    metrics.oldestJob.reset()
    for (const { kind, state, count, oldestAt } of states) {
      metrics.jobs.set({ kind, state }, count)
      metrics.oldestJob.set({ kind, state }, Math.max(0, Date.now() - oldestAt.getTime()) / 1000)
    }
  }
}
