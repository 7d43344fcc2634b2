import { Elysia, t } from 'elysia'
import type { Accounts } from '../accounts/accounts.ts'
import type { Config } from '../config.ts'
import { AppError } from '../errors.ts'
import { differencesShownMax } from '../limits.ts'
import { uncached } from '../platform/answer.ts'
import { closed, id, instant, noQuery, orNull } from '../platform/fields.ts'
import { noStoreHeader, operation } from '../platform/operation.ts'
import { hasShopify } from '../shopify/shopify.ts'
import type { WatchCalls } from './calls.ts'

export type WatchRoutesDeps = {
  accounts: Pick<Accounts, 'requireRole'>
  watch: Pick<WatchCalls, 'listReconciliations' | 'updateReconcileWanted'>
  /** What names the shop to ask. */
  config: Config
}

const side = t.Object({ updated_at: orNull(instant) }, { additionalProperties: true })
const cause = t.UnionEnum(['late', 'lost', 'ours', 'theirs'], {
  description:
    '`late`: its webhook may still come. `lost`: it did not. `ours`: a write of ours is under way. `theirs`: told at the same second, ' +
    'and yet something else. What is lost or theirs is repaired.',
})
const kind = t.UnionEnum(['product', 'item', 'level', 'order'])
const example = { kind: 'order' as const, cause: 'lost' as const }

const reconcileAnswer = t.Object(
  {
    reconciliations: t.Array(
      t.Object({
        id,
        started_by: t.String(),
        dry_run: t.Boolean(),
        started_at: instant,
        ended_at: orNull(instant),
        reason: orNull(t.String(), 'Why it ended early'),
        compared: t.Integer({ description: 'Products, inventory items and orders that were compared' }),
        counts: t.Array(t.Object({ kind, cause, count: t.Integer(), repaired: t.Integer() })),
      }),
    ),
    differences: t.Array(
      t.Object({
        kind,
        key: t.String({ description: 'Shopify’s id; of a level the item’s and the location’s' }),
        cause,
        outcome: orNull(t.UnionEnum(['repaired', 'overtaken', 'failed']), 'Null: it was left alone'),
        there: orNull(side, 'What the shop has; null: it has it no more'),
        here: orNull(side, 'What the mirror had; null: nothing'),
      }),
    ),
  },
  {
    examples: [
      {
        reconciliations: [
          {
            id: 3,
            started_by: 'schedule',
            dry_run: false,
            started_at: '2026-11-20T03:00:00.000Z',
            ended_at: '2026-11-20T03:01:10.000Z',
            reason: null,
            compared: 4210,
            counts: [{ ...example, count: 1, repaired: 1 }],
          },
        ],
        differences: [
          {
            ...example,
            key: '820982911946154508',
            outcome: 'repaired' as const,
            there: { status: 'cancelled', updated_at: '2026-11-20T01:10:00.000Z' },
            here: { status: 'open', updated_at: '2026-11-20T01:00:00.000Z' },
          },
        ],
      },
    ],
  },
)

const wantedQuery = t.Object(
  {
    dry_run: t.Optional(
      // Elysia's UnionEnum takes its first value for the default.
      t.Union([t.Literal('true'), t.Literal('false')], { description: '`true`: repairs nothing' }),
    ),
    limit: t.Optional(
      t.String({
        pattern: '^[1-9]\\d{0,5}$',
        error: 'Expected a whole number from 1 to 999999',
        description: 'At most so many repairs. Default: 1000',
      }),
    ),
  },
  closed,
)
const wantedAnswer = t.Object({ status: t.Literal('queued') }, { examples: [{ status: 'queued' as const }] })

/** `/admin/reconcile`: the mirror held against the shop. */
export function watchRoutes({ watch, accounts, config }: WatchRoutesDeps) {
  return new Elysia({ name: 'watch' })
    .derive(async ({ request }) => ({ admin: await accounts.requireRole(request.headers, 'ADMIN') }))
    .get(
      '/admin/reconcile',
      async () =>
        uncached(await watch.listReconciliations({ limit: 20, differencesMax: differencesShownMax })),
      {
        query: noQuery,
        detail: operation({
          access: 'admin',
          tags: ['Admin'],
          summary: 'What comparing the mirror with the shop found',
          description:
            'The newest reconciliations, and the first hundred differences of the newest that ended, those that are not repaired before the others.',
          answers: { 200: { schema: reconcileAnswer } },
          errors: ['unavailable'],
          headers: noStoreHeader,
        }),
      },
    )
    .post(
      '/admin/reconcile',
      async ({ admin, query }) => {
        if (!hasShopify(config)) {
          throw new AppError(
            'shopify_not_connected',
            'There is no shop to compare with: set SHOPIFY_API_URL and a token',
          )
        }
        const repairsMax = query.limit === undefined ? null : Number(query.limit)
        await watch.updateReconcileWanted({
          actor: admin.name,
          isDryRun: query.dry_run === 'true',
          repairsMax,
        })
        return uncached({ status: 'queued' }, { status: 202 })
      },
      {
        query: wantedQuery,
        detail: operation({
          access: 'admin',
          tags: ['Admin'],
          summary: 'Have the mirror compared with the shop',
          description:
            'Begins within seconds, or as soon as a sync that is under way has ended. What no webhook will bring is repaired, with an entry in the audit log each.',
          answers: { 202: { schema: wantedAnswer, description: 'It is going to be done' } },
          errors: ['shopify_not_connected', 'unavailable'],
          headers: noStoreHeader,
        }),
      },
    )
}
