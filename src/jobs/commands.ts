import type { CommandDeps } from '../commands.ts'
import { Refusal } from '../platform/refusal.ts'
import { createJobCalls, type JobChange, type JobError } from './calls.ts'
import { jobStates } from './model.ts'

type Card = {
  id: number
  kind: string
  subject: string
  state: (typeof jobStates)[number]
  attempts: number
  next_attempt_at: string | null
  created_at: string
  errors: JobError[]
}

// Who is named in the audit log.
const actor = 'command'

/** `jobs list`: one line each, newest first. Answers the exit code. */
export async function listJobs(
  { sql, metrics, print }: CommandDeps,
  { state: wanted, limit }: { state: string; limit: number },
) {
  const state = jobStates.find((one) => one === wanted) ?? null
  if (state === null && wanted !== 'any') {
    throw new Refusal(`There is no state "${wanted}": it is one of ${jobStates.join(', ')}, or any`)
  }
  const body = await createJobCalls(sql, metrics).listJobs({ state, kind: null, page: 1, limit })
  const { jobs, total } = JSON.parse(body) as { jobs: Card[]; total: number }
  for (const { id, kind, subject, state, attempts, next_attempt_at: next, created_at, errors } of jobs) {
    const why = errors.map(({ message, field }) => (field === null ? message : `${field}: ${message}`))
    print(
      `${created_at}  ${id}  ${kind}  ${subject}  ${state}, ${attempts} attempts` +
        `${next === null ? '' : `, next ${next}`}  ${why.join('; ')}`.trimEnd(),
    )
  }
  print(total === 0 ? 'No jobs' : `${jobs.length} of ${total} jobs`)
  return 0
}

/** `jobs show <id>`: all that an admin sees of it, as JSON. */
export async function showJob({ sql, metrics, print }: CommandDeps, { id }: { id: number }) {
  const body = await createJobCalls(sql, metrics).getJob(id)
  print(body === null ? `There is no job ${id}` : JSON.stringify(JSON.parse(body), null, 2))
  return body === null ? 1 : 0
}

/** `jobs retry <id>`: has one that waits, was refused or was given up tried again at once. */
export async function retryJob(deps: CommandDeps, { id }: { id: number }) {
  return told(deps, id, await createJobCalls(deps.sql, deps.metrics).updateJobDue(id, actor))
}

/** `jobs discard <id>`: has one that is not done never tried again. */
export async function discardJob(deps: CommandDeps, { id }: { id: number }) {
  return told(deps, id, await createJobCalls(deps.sql, deps.metrics).cancelJob(id, actor))
}

function told({ print }: CommandDeps, id: number, { outcome, body }: JobChange): number {
  // Of one that is overtaken it is the later one.
  const shown = body === null ? null : (JSON.parse(body) as Card)
  print(
    {
      queued: `Job ${id} is tried again`,
      overtaken: `Job ${id} is not tried again: job ${shown?.id} (${shown?.kind}, ${shown?.state}) came later and changes the same`,
      discarded: `Discarded job ${id}`,
      running: `Job ${id} is running: ask again when it has ended`,
      unchanged: `Job ${id} is ${shown?.state}, and stays so`,
      not_found: `There is no job ${id}`,
    }[outcome],
  )
  return outcome === 'queued' || outcome === 'discarded' ? 0 : 1
}
