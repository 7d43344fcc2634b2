import { TimeoutStrategy, timeout } from 'cockatiel'
import { reasonOf, storableText } from '../errors.ts'
import {
  jobAttemptMsMax,
  jobAttemptsMax,
  jobHeartbeatMs,
  jobLeaseS,
  jobRetryFactor,
  jobRetryS,
  jobRetrySMax,
  jobStopMsMax,
  jobsAtOnceMax,
  jobsEveryMs,
} from '../limits.ts'
import type { Sql } from '../platform/database.ts'
import type { Log } from '../platform/log.ts'
import type { Metrics } from '../platform/metrics.ts'
import { type RepeatedTask, repeat } from '../platform/repeat.ts'
import { createJobCalls, type Job, type JobError } from './calls.ts'

/**
 * Does one kind of job and answers what is kept as its result. A rejection has it tried again later, and not before the
 * `retryAfterMs` of the error where it has one; a Refused does not. It may be called again for a job that it did before, when the
 * end of that was lost: the same call must have the effect of one. `signal` is aborted when the attempt takes too long, or when
 * the job is not this worker's any more: somebody else does it then.
 */
export type JobHandler = (job: Job, options: { signal: AbortSignal }) => Promise<Record<string, unknown>>

/** The far side refuses the call for good: to repeat it would change nothing. `faults`: what an admin has to change. */
export class Refused extends Error {
  override name = 'Refused'
  readonly faults: readonly JobError[]

  constructor(
    message: string,
    { faults = [], cause }: { faults?: readonly JobError[]; cause?: unknown } = {},
  ) {
    super(message, { cause })
    this.faults = faults
  }
}

/** A job under way. */
type Held = {
  job: Job
  lost: AbortController
  /** On the clock of `performance.now`: from then on another worker may have it. */
  heldUntil: number
  ended: Promise<void>
}

/**
 * Does jobs as they come due, a few at once. Any number of workers may run side by side: PostgreSQL hands each job to one of
 * them, and to another one when the first is not heard of any more. Nothing is locked while the far side is asked.
 */
export function startWorker(deps: {
  sql: Sql
  handlers: Readonly<Record<string, JobHandler>>
  log: Log
  metrics: Metrics
  /** How often it looks for jobs that are due. */
  everyMs?: number
  attemptMsMax?: number
}): RepeatedTask {
  const { sql, handlers, log, metrics } = deps
  const { everyMs = jobsEveryMs, attemptMsMax = jobAttemptMsMax } = deps
  const inTime = timeout(attemptMsMax, TimeoutStrategy.Aggressive)
  const calls = createJobCalls(sql, metrics)
  const kinds = Object.keys(handlers)
  const underWay = new Set<Held>()
  const looking = repeat(work, { everyMs, name: 'do the jobs', log })
  const heartbeat = repeat(keepLeases, { everyMs: jobHeartbeatMs, name: 'keep the leases of jobs', log })
  return {
    stop: async () => {
      // Whoever stops us does not wait for ever; what is given up comes back at another worker, or here after a restart.
      const late = setTimeout(giveUp, jobStopMsMax)
      await looking.stop()
      await Promise.all([...underWay].map(({ ended }) => ended))
      await heartbeat.stop()
      clearTimeout(late)
    },
  }

  /** Takes jobs for as long as any is under way: each that ends makes room, and lets the next one of its subject begin. */
  async function work(isStopping: () => boolean): Promise<void> {
    while (!isStopping()) {
      const room = jobsAtOnceMax - underWay.size
      if (room > 0) await begin(room)
      if (underWay.size === 0) return
      const anyEnded = Promise.race([...underWay].map(({ ended }) => ended))
      await (underWay.size < jobsAtOnceMax ? orPause(anyEnded, everyMs) : anyEnded)
    }
  }

  async function begin(limit: number): Promise<void> {
    const askedAt = performance.now()
    const jobs = await calls.claimJobs({ kinds, limit, leaseS: jobLeaseS, attemptsMax: jobAttemptsMax })
    for (const job of jobs) {
      const lost = new AbortController()
      const held: Held = { job, lost, heldUntil: askedAt + jobLeaseS * 1_000, ended: Promise.resolve() }
      underWay.add(held)
      held.ended = attempt(job, lost.signal).finally(() => underWay.delete(held))
    }
  }

  async function keepLeases(): Promise<void> {
    const held = [...underWay]
    if (held.length === 0) return
    const askedAt = performance.now()
    try {
      const kept = new Set(
        await calls.updateJobLeases(
          held.map(({ job }) => job),
          { leaseS: jobLeaseS },
        ),
      )
      for (const one of held) {
        if (kept.has(one.job.id)) one.heldUntil = askedAt + jobLeaseS * 1_000
        else one.lost.abort()
      }
    } finally {
      // A database that does not answer us may answer another worker.
      const nextAt = performance.now() + jobHeartbeatMs
      for (const { lost, heldUntil } of held) if (heldUntil < nextAt) lost.abort()
    }
  }

  function giveUp(): void {
    for (const { lost } of underWay) lost.abort()
  }

  async function attempt(job: Job, lost: AbortSignal): Promise<void> {
    const about = { job_id: job.id, kind: job.kind, subject: job.subject, attempt: job.attempt }
    try {
      const isEnded = await tryOnce(job, about, lost)
      if (!isEnded) log.warn(about, 'Job was taken by another worker')
    } catch (error) {
      // Comes up again when its lease is over; those beside it are not to wait for that.
      log.error({ ...about, err: error }, 'Could not end a job')
    }
  }

  async function tryOnce(job: Job, about: object, lost: AbortSignal): Promise<boolean> {
    try {
      const handler = handlers[job.kind]
      if (handler === undefined) throw new Error(`Nobody here does ${job.kind}`)
      const result = await inTime.execute(({ signal }) => handler(job, { signal }), lost)
      const isEnded = await calls.completeJob(job, result)
      if (isEnded) log.info({ ...about, result }, 'Job done')
      return isEnded
    } catch (error) {
      return await fail(job, about, lost.aborted ? new Error('The worker was cut off or stopped') : error)
    }
  }

  async function fail(job: Job, about: object, error: unknown): Promise<boolean> {
    const reason = reasonOf(error)
    const errors = errorsOf(error)
    const isRefused = error instanceof Refused
    if (isRefused || job.attempt >= jobAttemptsMax) {
      const isEnded = await calls.failJob(job, { state: isRefused ? 'failed' : 'dead', errors })
      if (isEnded) log.error({ ...about, reason }, 'Job given up')
      return isEnded
    }
    const retryAt = new Date(Date.now() + retryDelayMs(job, error))
    const isEnded = await calls.failJob(job, { state: 'waiting', retryAt, errors })
    if (isEnded) log.warn({ ...about, reason, retry_at: retryAt.toISOString() }, 'Job is tried again later')
    return isEnded
  }
}

/**
 * What the far side asks for is the least: were it all, one that is away for an hour and says "in ten seconds" each time would use
 * up all attempts in two minutes.
 */
function retryDelayMs({ attempt }: Job, error: unknown): number {
  const delayS = Math.min(jobRetryS * jobRetryFactor ** (attempt - 1), jobRetrySMax)
  const wantedMs = error instanceof Error && 'retryAfterMs' in error ? Number(error.retryAfterMs ?? 0) : 0
  // A share of chance keeps jobs that failed together from coming back together.
  return Math.max(delayS * 1_000 * (0.8 + 0.4 * Math.random()), wantedMs)
}

/** Waits for the end of a job, but no longer than until the next look. */
async function orPause(anyEnded: Promise<void>, everyMs: number): Promise<void> {
  let timer: Timer | undefined
  const pause = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, everyMs)
  })
  await Promise.race([anyEnded, pause])
  clearTimeout(timer)
}

function errorsOf(error: unknown): JobError[] {
  const faults = error instanceof Refused ? error.faults : []
  if (faults.length === 0) return [{ message: reasonOf(error), field: null }]
  return faults.map(({ message, field }) => ({
    message: storableText(message),
    field: field === null ? null : storableText(field),
  }))
}
