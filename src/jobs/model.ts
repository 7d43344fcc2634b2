import { t } from 'elysia'
import { closed, id, instant, orNull, pageLimit, pageNumber } from '../platform/fields.ts'

/** Every state of a job; `sql/migrations/0009_jobs.sql` says what each means. */
export const jobStates = ['queued', 'running', 'waiting', 'done', 'failed', 'dead'] as const
const state = t.Union(jobStates.map((word) => t.Literal(word)))

export const jobListQuery = t.Object(
  {
    state: t.Optional(state),
    kind: t.Optional(t.String({ minLength: 1, maxLength: 50 })),
    page: t.Optional(pageNumber),
    limit: t.Optional(pageLimit),
  },
  closed,
)

export const jobAnswer = t.Object(
  {
    id,
    kind: t.String(),
    subject: t.String(),
    event_id: orNull(id, 'What it changes in Shopify; null: nothing, or an event that has not come back yet'),
    ticket_id: orNull(id),
    state,
    attempts: t.Integer(),
    next_attempt_at: orNull(instant),
    created_by: t.String(),
    created_at: instant,
    updated_at: instant,
    confirmed_at: orNull(instant, 'When the mirror showed what it changed in Shopify'),
    superseded_by: orNull(id, 'The job that did this, too: this one was never begun'),
    result: orNull(t.Object({}, { additionalProperties: true })),
    errors: t.Array(t.Object({ message: t.String(), field: orNull(t.String()) })),
  },
  {
    examples: [
      {
        id: 5,
        kind: 'refund',
        subject: 'payment 3',
        event_id: null,
        ticket_id: null,
        state: 'done',
        attempts: 1,
        next_attempt_at: null,
        created_by: 'payment',
        created_at: '2026-11-20T09:10:00.000Z',
        updated_at: '2026-11-20T09:10:01.000Z',
        confirmed_at: null,
        superseded_by: null,
        result: { is_refunded: true, provider_refund_id: 're_1', order_status: 'REFUNDED' },
        errors: [],
      },
    ],
  },
)

export const jobListAnswer = t.Object(
  {
    jobs: t.Array(jobAnswer),
    page: t.Integer(),
    limit: t.Integer(),
    total: t.Integer(),
    pages: t.Integer(),
  },
  { examples: [{ jobs: jobAnswer.examples, page: 1, limit: 20, total: 1, pages: 1 }] },
)
