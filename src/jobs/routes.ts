import { Elysia } from 'elysia'
import type { Accounts } from '../accounts/accounts.ts'
import { AppError } from '../errors.ts'
import { uncached } from '../platform/answer.ts'
import { idParams, noQuery } from '../platform/fields.ts'
import { noStoreHeader, operation } from '../platform/operation.ts'
import type { createJobCalls, JobChange } from './calls.ts'
import { jobAnswer, jobListAnswer, jobListQuery } from './model.ts'

export type JobRoutesDeps = {
  jobs: Pick<ReturnType<typeof createJobCalls>, 'getJob' | 'listJobs' | 'updateJobDue' | 'cancelJob'>
  accounts: Pick<Accounts, 'requireRole'>
}

/** `/jobs/{id}` and `/admin/jobs`: what is owed to others' services, and what came of it. */
export function jobRoutes({ jobs, accounts }: JobRoutesDeps) {
  return new Elysia({ name: 'jobs' })
    .derive(async ({ request }) => ({ admin: await accounts.requireRole(request.headers, 'ADMIN') }))
    .get(
      '/jobs/:id',
      async ({ params }) => {
        const body = await jobs.getJob(Number(params.id))
        if (body === null) throw noJob()
        return uncached(body)
      },
      {
        query: noQuery,
        params: idParams,
        detail: operation({
          access: 'admin',
          tags: ['Jobs'],
          summary: 'Look at a job',
          description:
            'A call to somebody else’s service (a change of an event in Shopify, a refund at the payment provider) and what came of it. `errors` says what was refused, field by field; `confirmed_at` when a change in Shopify is seen here.',
          answers: { 200: { schema: jobAnswer } },
          errors: ['not_found', 'unavailable'],
          headers: noStoreHeader,
        }),
      },
    )
    .get(
      '/admin/jobs',
      async ({ query: { state = null, kind = null, page = '1', limit = '20' } }) =>
        uncached(await jobs.listJobs({ state, kind, page: Number(page), limit: Number(limit) })),
      {
        query: jobListQuery,
        detail: operation({
          access: 'admin',
          tags: ['Jobs'],
          summary: 'List jobs',
          description:
            'Newest first. `state=dead` are those that were tried often enough and wait for a person.',
          answers: { 200: { schema: jobListAnswer } },
          errors: ['unavailable'],
          headers: noStoreHeader,
        }),
      },
    )
    .post(
      '/admin/jobs/:id/retry',
      async ({ admin, params }) => uncached(changed(await jobs.updateJobDue(Number(params.id), admin.name))),
      {
        query: noQuery,
        params: idParams,
        detail: operation({
          access: 'admin',
          tags: ['Jobs'],
          summary: 'Have a job tried again at once',
          description:
            'One that waits, was refused or was given up. Any other answers as it is. A change in Shopify that a later one of the same (the same fields, status, stock) has overtaken is not tried again, because that would undo the later one: `overtaken`, with its `later_job_id`.',
          answers: { 200: { schema: jobAnswer } },
          errors: ['not_found', 'overtaken', 'unavailable'],
          headers: noStoreHeader,
        }),
      },
    )
    .post(
      '/admin/jobs/:id/discard',
      async ({ admin, params }) => uncached(changed(await jobs.cancelJob(Number(params.id), admin.name))),
      {
        query: noQuery,
        params: idParams,
        detail: operation({
          access: 'admin',
          tags: ['Jobs'],
          summary: 'Discard a job',
          description:
            'One that is not done: it is not tried again. One that is running answers `bad_transition`.',
          answers: { 200: { schema: jobAnswer } },
          errors: ['not_found', 'bad_transition', 'unavailable'],
          headers: noStoreHeader,
        }),
      },
    )
}

function changed({ outcome, body }: JobChange): string {
  if (body === null) throw noJob()
  if (outcome === 'running') {
    throw new AppError('bad_transition', 'The job is running: ask again when it has ended', {
      extra: { current_state: 'running' },
    })
  }
  if (outcome === 'overtaken') {
    const { id, kind, state } = JSON.parse(body) as { id: number; kind: string; state: string }
    throw new AppError(
      'overtaken',
      `Job ${id} (${kind}, ${state}) came later and changes the same: ask for what is wanted by a new change`,
      { extra: { later_job_id: id } },
    )
  }
  return body
}

function noJob(): AppError {
  return new AppError('not_found', 'There is no such job')
}
