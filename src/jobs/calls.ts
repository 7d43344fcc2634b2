import { type Session, textArray } from '../platform/database.ts'
import { callTimer, type Metrics } from '../platform/metrics.ts'

/** A call that is owed, leased to the worker that holds it. `attempt` counts from 1. */
export type Job = {
  id: number
  kind: string
  subject: string
  request: Record<string, unknown>
  idempotencyKey: string
  attempt: number
}

/** A job of whose last attempt nothing was heard. */
export type LostJob = Pick<Job, 'id' | 'kind' | 'subject' | 'attempt'>

/** What an attempt failed for, as an admin reads it. */
export type JobError = { message: string; field: string | null }

/** How an attempt ends that did not come out as wanted; `api.fail_job` says what each means. */
export type JobFailure =
  | { state: 'waiting'; retryAt: Date; errors: readonly JobError[] }
  | { state: 'failed' | 'dead'; errors: readonly JobError[] }

export type JobQuery = { state: string | null; kind: string | null; page: number; limit: number }

/**
 * What a person's word did to a job: the words of `api.update_job_due` and `api.cancel_job`. `body`: the job as JSON text, and of one
 * that is `overtaken` the later job.
 */
export type JobChange = {
  outcome: 'queued' | 'overtaken' | 'discarded' | 'running' | 'unchanged' | 'not_found'
  body: string | null
}

/** A job that the mirror has come to show: in seconds, how long after it was done, and after it was queued. */
export type JobConfirmation = { id: number; kind: string; confirmS: number; visibleS: number }

/** Jobs of one kind and state. */
export type JobCount = { kind: string; state: string; count: number; oldestAt: Date }

/** The SQL functions of the jobs; each call is timed under its function's name. */
export function createJobCalls(sql: Session, metrics: Pick<Metrics, 'queryTime'>) {
  const timed = callTimer(metrics)
  return {
    /** Leases jobs that are due, the oldest of each subject. */
    claimJobs: (options: {
      kinds: readonly string[]
      limit: number
      leaseS: number
      attemptsMax: number
    }): Promise<Job[]> =>
      timed('claim_jobs', async () => {
        const rows = await sql<Job[]>`
          select
            j.id::float8 as id, j.kind, j.subject, j.request, j.idempotency_key as "idempotencyKey",
            j.attempts as attempt
          from api.claim_jobs(
            p_kinds => ${textArray(options.kinds)}::text[],
            p_limit => ${options.limit}::integer,
            p_lease => make_interval(secs => ${options.leaseS}::float8),
            p_attempts_max => ${options.attemptsMax}::integer
          ) j`
        return [...rows]
      }),

    /** Gives up jobs whose worker did not come back from their last attempt. */
    expireJobs: (attemptsMax: number): Promise<LostJob[]> =>
      timed('expire_jobs', async () => {
        const rows = await sql<LostJob[]>`
          select e.id::float8 as id, e.kind, e.subject, e.attempts as attempt
          from api.expire_jobs(p_attempts_max => ${attemptsMax}::integer) e`
        return [...rows]
      }),

    /** Ends a job that came out as wanted; false: somebody else has it by now. */
    completeJob: (job: Pick<Job, 'id' | 'attempt'>, result: Record<string, unknown>): Promise<boolean> =>
      timed('complete_job', async () => {
        const [row] = await sql<{ isDone: boolean }[]>`
          select api.complete_job(
            p_id => ${job.id}::bigint,
            p_attempt => ${job.attempt}::integer,
            p_result => ${JSON.stringify(result)}::text::jsonb
          ) as "isDone"`
        return row!.isDone
      }),

    /** Ends an attempt that failed; false: somebody else has the job by now. */
    failJob: (job: Pick<Job, 'id' | 'attempt'>, failure: JobFailure): Promise<boolean> =>
      timed('fail_job', async () => {
        const retryAt = failure.state === 'waiting' ? failure.retryAt.toISOString() : null
        const [row] = await sql<{ isDone: boolean }[]>`
          select api.fail_job(
            p_id => ${job.id}::bigint,
            p_attempt => ${job.attempt}::integer,
            p_state => ${failure.state}::text,
            p_errors => ${JSON.stringify(failure.errors)}::text::jsonb,
            p_retry_at => ${retryAt}::text::timestamptz
          ) as "isDone"`
        return row!.isDone
      }),

    /** Extends the leases of attempts under way; answers the ids of those that are still held. */
    updateJobLeases: (
      held: readonly Pick<Job, 'id' | 'attempt'>[],
      { leaseS }: { leaseS: number },
    ): Promise<number[]> =>
      timed('update_job_leases', async () => {
        const rows = await sql<{ id: number }[]>`
          select l.id::float8 as id
          from api.update_job_leases(
            p_ids => ${textArray(held.map(({ id }) => String(id)))}::text[]::bigint[],
            p_attempts => ${textArray(held.map(({ attempt }) => String(attempt)))}::text[]::integer[],
            p_lease => make_interval(secs => ${leaseS}::float8)
          ) l`
        return rows.map(({ id }) => id)
      }),

    /** Confirms jobs that are done and that the mirror shows by now. */
    applyJobConfirmations: (): Promise<JobConfirmation[]> =>
      timed('apply_job_confirmations', async () => {
        const rows = await sql<JobConfirmation[]>`
          select c.job_id::float8 as id, c.kind, c.confirm_s as "confirmS", c.visible_s as "visibleS"
          from api.apply_job_confirmations() c`
        return [...rows]
      }),

    /**
     * Looks how many units there are, before an attempt of an update_capacity job works out by how much it changes that. False:
     * tickets are being sold, and it is off by what is on its way; ask again.
     */
    updateCapacitySeen: (job: Pick<Job, 'id' | 'attempt'>): Promise<boolean> =>
      timed('update_capacity_seen', async () => {
        const [row] = await sql<{ isQuiet: boolean }[]>`
          select api.update_capacity_seen(
            p_job_id => ${job.id}::bigint, p_attempt => ${job.attempt}::integer
          ) as "isQuiet"`
        return row!.isQuiet
      }),

    /**
     * By how much an attempt of an update_capacity job changes the stock in Shopify: the same for each attempt. Null: no number is
     * wanted (unlimited), it is a day old and may have been added or not, or somebody else has the job by now.
     */
    updateCapacityDelta: (job: Pick<Job, 'id' | 'attempt'>): Promise<number | null> =>
      timed('update_capacity_delta', async () => {
        const [row] = await sql<{ delta: number | null }[]>`
          select api.update_capacity_delta(
            p_job_id => ${job.id}::bigint, p_attempt => ${job.attempt}::integer
          )::float8 as delta`
        return row!.delta
      }),

    /** Keeps a call that failed while somebody waited for it. */
    placeDeadJob: (job: {
      kind: 'start_payment'
      subject: string
      request: Record<string, unknown>
      errors: readonly JobError[]
      createdBy: string
    }): Promise<void> =>
      timed('place_dead_job', async () => {
        await sql`
          select from api.place_dead_job(
            p_kind => ${job.kind}::text,
            p_subject => ${job.subject}::text,
            p_request => ${JSON.stringify(job.request)}::text::jsonb,
            p_errors => ${JSON.stringify(job.errors)}::text::jsonb,
            p_created_by => ${job.createdBy}::text
          )`
      }),

    /** A job as JSON text; null: there is none. */
    getJob: (id: number): Promise<string | null> =>
      timed('get_job', async () => {
        const [row] = await sql<
          { body: string | null }[]
        >`select api.get_job(p_id => ${id}::bigint)::text as body`
        return row!.body
      }),

    /** A page of jobs as JSON text. */
    listJobs: ({ state, kind, page, limit }: JobQuery): Promise<string> =>
      timed('list_jobs', async () => {
        const [row] = await sql<{ body: string }[]>`
          select api.list_jobs(
            p_state => ${state}::text, p_kind => ${kind}::text, p_page => ${page}::integer, p_limit => ${limit}::integer
          )::text as body`
        return row!.body
      }),

    /** Has a job tried again at once. */
    updateJobDue: (id: number, actor: string): Promise<JobChange> =>
      timed('update_job_due', async () => {
        const [row] = await sql<JobChange[]>`
          select r.outcome, r.body::text as body from api.update_job_due(p_id => ${id}::bigint, p_actor => ${actor}::text) r`
        return row!
      }),

    /** Discards a job that is not done. */
    cancelJob: (id: number, actor: string): Promise<JobChange> =>
      timed('cancel_job', async () => {
        const [row] = await sql<JobChange[]>`
          select r.outcome, r.body::text as body from api.cancel_job(p_id => ${id}::bigint, p_actor => ${actor}::text) r`
        return row!
      }),

    /** How many jobs there are that are not done, by kind and state. */
    listJobStates: (): Promise<JobCount[]> =>
      timed('list_job_states', async () => {
        const rows = await sql<JobCount[]>`
          select s.kind, s.state, s.job_count::float8 as count, s.oldest_at as "oldestAt"
          from api.list_job_states() s`
        return [...rows]
      }),
  }
}
