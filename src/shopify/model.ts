import { t } from 'elysia'
import { id, instant, orNull } from '../platform/fields.ts'

const count = t.Integer({ minimum: 0 })
const kind = t.Union([t.Literal('products'), t.Literal('inventory'), t.Literal('orders')])

const part = t.Object({
  kind,
  operation_id: orNull(t.String(), 'Of Shopify’s bulk operation. Null: not asked for'),
  file_bytes: orNull(count),
  object_count: orNull(count),
  loaded_bytes: count,
  loaded_lines: count,
  is_loaded: t.Boolean(),
  staged_count: count,
  fault_count: count,
  faults: t.Array(t.Object({ line: count, reason: t.String() }), {
    description: 'The first hundred of the lines that could not be used',
  }),
  applied_line: count,
  lanes: t.Integer({ minimum: 1, description: 'So many calls apply it side by side' }),
  is_applied: t.Boolean(),
  read_count: count,
  news_count: count,
})

const report = t.Object(
  {
    counts: t.Array(
      t.Object({ kind: t.String(), there: count, here: count, missing: count, surplus: count }),
      { description: 'What the shop has and the mirror has, what is missing here, and what is only here' },
    ),
    drift: count,
  },
  // Another purpose may report more.
  { additionalProperties: true },
)

export const syncListAnswer = t.Object(
  {
    runs: t.Array(
      t.Object({
        id,
        purpose: t.Union([t.Literal('sync'), t.Literal('reconcile')]),
        state: t.Union([t.Literal('loading'), t.Literal('loaded'), t.Literal('done'), t.Literal('failed')]),
        shop: t.String(),
        orders_since: instant,
        started_at: instant,
        updated_at: instant,
        ended_at: orNull(instant),
        reason: orNull(t.String(), 'Why it failed'),
        report: orNull(t.Union([report, t.Object({}, { additionalProperties: true })])),
        parts: t.Array(part),
      }),
    ),
    wanted: orNull(
      t.Object({
        state: t.UnionEnum(['queued', 'running', 'waiting', 'failed'], {
          description:
            '`queued`: it has not begun. `waiting`: it broke off, and goes on at `next_attempt_at`. `failed`: it was given up.',
        }),
        wanted_by: t.String(),
        wanted_at: instant,
        orders_days: orNull(count, 'Null: as usual'),
        is_wanted_again: t.Boolean({
          description: 'It was asked for while it was running, and is done again when it has ended',
        }),
        attempts: count,
        next_attempt_at: orNull(instant),
        reason: orNull(t.String(), 'Why the last attempt broke off'),
      }),
      'The sync that somebody asked for; null: none, or it has ended well',
    ),
  },
  {
    examples: [
      {
        wanted: {
          state: 'waiting' as const,
          wanted_by: 'user 7',
          wanted_at: '2026-11-21T08:00:00.000Z',
          orders_days: null,
          is_wanted_again: false,
          attempts: 1,
          next_attempt_at: '2026-11-21T08:00:12.000Z',
          reason: 'Shopify did not answer in time',
        },
        runs: [
          {
            id: 1,
            purpose: 'sync',
            state: 'done',
            shop: 'demo.myshopify.com',
            orders_since: '2026-09-21T09:10:00.000Z',
            started_at: '2026-11-20T09:10:00.000Z',
            updated_at: '2026-11-20T09:11:30.000Z',
            ended_at: '2026-11-20T09:11:30.000Z',
            reason: null,
            report: {
              counts: [{ kind: 'product', there: 120, here: 121, missing: 0, surplus: 1 }],
              drift: 0,
            },
            parts: [
              {
                kind: 'products',
                operation_id: 'gid://shopify/BulkOperation/1',
                file_bytes: 310_000,
                object_count: 860,
                loaded_bytes: 310_000,
                loaded_lines: 860,
                is_loaded: true,
                staged_count: 860,
                fault_count: 0,
                faults: [],
                applied_line: 854,
                lanes: 2,
                is_applied: true,
                read_count: 120,
                news_count: 120,
              },
            ],
          },
        ],
      },
    ],
  },
)

export const wantedSyncAnswer = t.Object(
  { status: t.Literal('queued') },
  { examples: [{ status: 'queued' as const }] },
)
