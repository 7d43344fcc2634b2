import { TimeoutStrategy, timeout } from 'cockatiel'
import { reasonOf } from '../errors.ts'
import {
  jobAttemptMsMax,
  jobAttemptsMax,
  jobLeaseS,
  jobRetryFactor,
  jobRetryS,
  jobRetrySMax,
  jobsAtOnceMax,
  jobsEveryMs,
  jobsStateEveryMs,
} from '../limits.ts'
import type { Sql } from '../platform/database.ts'
import type { Log } from '../platform/log.ts'
import type { Metrics } from '../platform/metrics.ts'
import { type RepeatedTask, repeat } from '../platform/repeat.ts'
import { createJobCalls, type Job } from './calls.ts'

/**
 * Does one kind of job and answers what is kept as its result. A rejection has it tried again later, a Refused does not. It
 * may be called again for a job that it did before, when the end of that was lost: the same call must have the effect of one.
 */
export type JobHandler = (job: Job) => Promise<Record<string, unknown>>

/** The far side refuses the call for good: to repeat it would change nothing. */
export class Refused extends Error {
  override name = 'Refused'
}

/**
 * Does jobs as they come due, a few at once. Any number of workers may run side by side: PostgreSQL hands each job to one of
 * them, and to another one when the first has not ended it in time. Nothing is locked while the far side is asked.
 */
export function startWorker(deps: {
  sql: Sql
  handlers: Readonly<Record<string, JobHandler>>
  log: Log
  metrics: Metrics
  attemptMsMax?: number
}): RepeatedTask {
  const { sql, handlers, log, metrics, attemptMsMax = jobAttemptMsMax } = deps
  const inTime = timeout(attemptMsMax, TimeoutStrategy.Aggressive)
  const calls = createJobCalls(sql, metrics)
  const kinds = Object.keys(handlers)
  const tasks = [
    repeat(work, { everyMs: jobsEveryMs, name: 'do the jobs', log }),
    repeat(readState, { everyMs: jobsStateEveryMs, name: 'count the jobs', log }),
  ]
  return {
    stop: async () => {
      await Promise.all(tasks.map((task) => task.stop()))
    },
  }

  async function work(isStopping: () => boolean): Promise<void> {
    while (!isStopping()) {
      const jobs = await calls.claimJobs({ kinds, limit: jobsAtOnceMax, leaseS: jobLeaseS })
      if (jobs.length === 0) return
      await Promise.all(jobs.map(attempt))
    }
  }

  async function attempt(job: Job): Promise<void> {
    const about = { job_id: job.id, kind: job.kind, subject: job.subject, attempt: job.attempt }
    try {
      const isEnded = await tryOnce(job, about)
      if (!isEnded) log.warn(about, 'Job was taken by another worker')
    } catch (error) {
      // Comes up again when its lease is over; those beside it are not to wait for that.
      log.error({ ...about, err: error }, 'Could not end a job')
    }
  }

  async function tryOnce(job: Job, about: object): Promise<boolean> {
    try {
      const handler = handlers[job.kind]
      if (handler === undefined) throw new Error(`Nobody here does ${job.kind}`)
      const result = await inTime.execute(() => handler(job))
      const isEnded = await calls.completeJob(job, result)
      if (isEnded) log.info({ ...about, result }, 'Job done')
      return isEnded
    } catch (error) {
      return await fail(job, about, error)
    }
  }

  async function fail(job: Job, about: object, error: unknown): Promise<boolean> {
    const reason = reasonOf(error)
    const errors = [{ message: reason, field: null }]
    const isRefused = error instanceof Refused
    if (isRefused || job.attempt >= jobAttemptsMax) {
      const isEnded = await calls.failJob(job, { state: isRefused ? 'failed' : 'dead', errors })
      if (isEnded) log.error({ ...about, reason }, 'Job given up')
      return isEnded
    }
    const delayS = Math.min(jobRetryS * jobRetryFactor ** (job.attempt - 1), jobRetrySMax)
    // A share of chance keeps jobs that failed together from coming back together.
    const retryAt = new Date(Date.now() + delayS * 1000 * (0.8 + 0.4 * Math.random()))
    const isEnded = await calls.failJob(job, { state: 'waiting', retryAt, errors })
    if (isEnded) log.warn({ ...about, reason, retry_at: retryAt.toISOString() }, 'Job is tried again later')
    return isEnded
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
}
