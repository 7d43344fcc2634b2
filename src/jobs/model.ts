import { Type } from '@sinclair/typebox'
import { t } from 'elysia'

const closed = { additionalProperties: false } as const
const id = Type.Integer({ minimum: 1, maximum: 999_999_999_999_999 })
const instant = t.String({ format: 'date-time' })
const instantOrNull = t.Union([instant, t.Null()])

/** Every state of a job; `sql/migrations/0009_jobs.sql` says what each means. */
export const jobStates = ['queued', 'running', 'waiting', 'done', 'failed', 'dead'] as const
const state = t.Union(jobStates.map((word) => t.Literal(word)))

export const jobParams = t.Object({
  id: t.String({
    pattern: '^[1-9]\\d{0,14}$',
    description: "The job's id",
    error: 'Expected a whole number',
  }),
})

export const jobListQuery = t.Object(
  {
    state: t.Optional(state),
    kind: t.Optional(t.String({ minLength: 1, maxLength: 50 })),
    page: t.Optional(
      t.String({
        pattern: '^[1-9]\\d{0,5}$',
        error: 'Expected a whole number from 1 to 999999',
        default: '1',
      }),
    ),
    limit: t.Optional(
      t.String({
        pattern: '^([1-9]\\d?|100)$',
        error: 'Expected a whole number from 1 to 100',
        default: '20',
      }),
    ),
  },
  closed,
)

export const jobAnswer = t.Object(
  {
    id,
    kind: t.String(),
    subject: t.String(),
    state,
    attempts: t.Integer(),
    next_attempt_at: instantOrNull,
    created_by: t.String(),
    created_at: instant,
    updated_at: instant,
    confirmed_at: instantOrNull,
    result: t.Union([t.Object({}, { additionalProperties: true }), t.Null()]),
    errors: t.Array(t.Object({ message: t.String(), field: t.Union([t.String(), t.Null()]) })),
  },
  {
    examples: [
      {
        id: 5,
        kind: 'refund',
        subject: 'payment 3',
        state: 'done',
        attempts: 1,
        next_attempt_at: null,
        created_by: 'payment',
        created_at: '2026-11-20T09:10:00.000Z',
        updated_at: '2026-11-20T09:10:01.000Z',
        confirmed_at: null,
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
