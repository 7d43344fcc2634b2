import { jobAttemptsMax, jobsConfirmEveryMs, jobsExpireEveryMs, jobsStateEveryMs } from '../limits.ts'
import type { Sql } from '../platform/database.ts'
import type { Log } from '../platform/log.ts'
import type { Metrics } from '../platform/metrics.ts'
import { type RepeatedTask, repeat } from '../platform/repeat.ts'
import { createJobCalls } from './calls.ts'

/**
 * What is looked at of the jobs, whoever does them: how many there are, whether the mirror shows what they did at Shopify, and whose
 * worker did not come back from the last attempt.
 * `sql` is the primary.
 */
export function startJobTasks(deps: { sql: Sql; log: Log; metrics: Metrics }): RepeatedTask {
  const { sql, log, metrics } = deps
  const calls = createJobCalls(sql, metrics)
  let restsUntil = 0
  const tasks = [
    repeat(readState, { everyMs: jobsStateEveryMs, name: 'count the jobs', log }),
    repeat(expire, { everyMs: jobsExpireEveryMs, name: 'give up jobs without a worker', log }),
    repeat(confirm, { everyMs: jobsConfirmEveryMs, name: 'confirm what Shopify was asked for', log }),
  ]
  return {
    stop: async () => {
      await Promise.all(tasks.map((task) => task.stop()))
    },
  }

  async function readState(): Promise<void> {
    const states = await calls.listJobStates()
    metrics.jobs.reset()
    metrics.oldestJob.reset()
    for (const { kind, state, count, oldestAt } of states) {
      metrics.jobs.set({ kind, state }, count)
      metrics.oldestJob.set({ kind, state }, Math.max(0, Date.now() - oldestAt.getTime()) / 1000)
    }
  }

  async function expire(): Promise<void> {
    for (const { id, kind, subject, attempt } of await calls.expireJobs(jobAttemptsMax)) {
      const reason = 'Its worker did not come back'
      log.error({ job_id: id, kind, subject, attempt, reason }, 'Job given up')
    }
  }

  /** Where much is open, because webhooks do not come, each look takes longer: it rests for ten times as long. */
  async function confirm(): Promise<void> {
    const startedAt = performance.now()
    if (startedAt < restsUntil) return
    const confirmed = await calls.applyJobConfirmations()
    const endedAt = performance.now()
    restsUntil = endedAt + 10 * (endedAt - startedAt)
    for (const { id, kind, confirmS, visibleS } of confirmed) {
      metrics.shopifyConfirmTime.observe({ kind }, confirmS)
      metrics.shopifyVisibleTime.observe({ kind }, visibleS)
      log.info({ job_id: id, kind, confirm_s: confirmS, visible_s: visibleS }, 'Job confirmed')
    }
  }
}
