import { Elysia, t } from 'elysia'
import type { Accounts } from '../accounts/accounts.ts'
import { AppError } from '../errors.ts'
import type { PaymentProvider } from '../payments/provider.ts'
import { done, uncached } from '../platform/answer.ts'
import { closed, instant, noQuery, orNull, pageLimit, pageNumber } from '../platform/fields.ts'
import { noStoreHeader, operation } from '../platform/operation.ts'
import { createIntakeCalls, type FailedDelivery } from './calls.ts'
import { type ReplayDeps, replay } from './replay.ts'

export type DeliveryRoutesDeps = {
  accounts: Pick<Accounts, 'requireRole'>
  /** The primary, on the admins' pool. */
  replaying: ReplayDeps
  /** Those that are configured, for what a provider told. */
  providers: readonly PaymentProvider[]
}

const params = t.Object({
  id: t.String({
    pattern: '^[\\x21-\\x7e]{1,128}$',
    description: "The delivery's id, percent-encoded",
    error: 'Expected an id of a delivery',
  }),
})
const listQuery = t.Object(
  {
    outcome: t.Optional(
      t.Literal('failed', {
        error: 'Expected failed',
        description: 'Of what was applied only the id is kept, so that only what failed can be listed',
      }),
    ),
    page: t.Optional(pageNumber),
    limit: t.Optional(pageLimit),
  },
  closed,
)
const replayQuery = t.Object(
  {
    dry_run: t.Optional(
      // Elysia's UnionEnum takes its first value for the default.
      t.Union([t.Literal('true'), t.Literal('false')], {
        description: '`true`: tells what would change, and changes nothing',
      }),
    ),
  },
  closed,
)

const card = {
  delivery_id: t.String(),
  shop: t.String({ description: 'Who sent it: a shop, or `provider:` and a payment provider' }),
  topic: t.String(),
  reason: orNull(t.String()),
  attempts: orNull(t.Integer()),
}
const example = {
  delivery_id: 'b54557e4-bdd9-4b37-8a5f-bf7d70bcd043',
  shop: 'demo.myshopify.com',
  topic: 'orders/create',
  reason: 'Order has no created_at',
  attempts: 4,
}
const listAnswer = t.Object(
  {
    deliveries: t.Array(
      t.Object({
        ...card,
        state: t.UnionEnum(['waiting', 'dead'], { description: '`dead`: it is not tried again by itself' }),
        failed_at: instant,
        next_attempt_at: orNull(instant),
        body_bytes: t.Integer(),
      }),
    ),
    page: t.Integer(),
    limit: t.Integer(),
    total: t.Integer(),
    pages: t.Integer(),
  },
  {
    examples: [
      {
        deliveries: [
          {
            ...example,
            state: 'dead',
            failed_at: '2026-11-20T09:00:00.000Z',
            next_attempt_at: null,
            body_bytes: 9,
          },
        ],
        page: 1,
        limit: 20,
        total: 1,
        pages: 1,
      },
    ],
  },
)
const deliveryAnswer = t.Object(
  { ...card, outcome: t.String(), body: t.String({ description: 'As it came' }) },
  { examples: [{ ...example, outcome: 'failed', body: '{"id": 1}' }] },
)
const replayAnswer = t.Object(
  {
    outcome: t.String(),
    reason: orNull(t.String()),
    changes: t.Array(t.String()),
    dry_run: t.Boolean(),
  },
  {
    examples: [
      {
        outcome: 'applied',
        reason: null,
        changes: ['Velvet Fox / General: sold 80 -> 82, available 120 -> 118'],
        dry_run: true,
      },
    ],
  },
)

/** `/admin/deliveries`: webhooks that could not be applied, Shopify's and payment providers'. */
export function deliveryRoutes({ accounts, replaying, providers }: DeliveryRoutesDeps) {
  const calls = createIntakeCalls(replaying.sql, replaying.metrics)
  const shared = { access: 'admin' as const, tags: ['Webhooks'], headers: noStoreHeader }

  return new Elysia({ name: 'deliveries' })
    .derive(async ({ request }) => ({ admin: await accounts.requireRole(request.headers, 'ADMIN') }))
    .get(
      '/admin/deliveries',
      async ({ query }) => {
        const [page, limit] = [Number(query.page ?? 1), Number(query.limit ?? 20)]
        const [failed, { waitingCount, deadCount }] = await Promise.all([
          calls.listFailedDeliveries(limit, (page - 1) * limit),
          calls.getIntakeState(),
        ])
        const total = waitingCount + deadCount
        return uncached({
          deliveries: failed.map(cardOf),
          page,
          limit,
          total,
          pages: Math.ceil(total / limit),
        } satisfies typeof listAnswer.static)
      },
      {
        query: listQuery,
        detail: operation({
          ...shared,
          summary: 'List webhooks that could not be applied',
          description: 'Oldest first, without their bodies.',
          answers: { 200: { schema: listAnswer } },
          errors: ['unavailable'],
        }),
      },
    )
    .get(
      '/admin/deliveries/:id',
      async ({ params: { id } }) => {
        const { deliveryId, shop, topic, outcome, reason, attempts, bodyBase64 } = await kept(id)
        const body = Buffer.from(bodyBase64, 'base64').toString()
        return uncached({
          delivery_id: deliveryId,
          shop,
          topic,
          outcome,
          reason,
          attempts,
          body,
        } satisfies typeof deliveryAnswer.static)
      },
      {
        query: noQuery,
        params,
        detail: operation({
          ...shared,
          summary: 'Look at a webhook that is kept',
          description: 'With its body and the reason for which it failed.',
          answers: { 200: { schema: deliveryAnswer } },
          errors: ['not_found', 'unavailable'],
        }),
      },
    )
    .post(
      '/admin/deliveries/:id/replay',
      async ({ params: { id }, query }) => {
        const dryRun = query.dry_run === 'true'
        const replayed = await replay(replaying, await kept(id), { dryRun, providers })
        return uncached({ ...replayed, dry_run: dryRun } satisfies typeof replayAnswer.static)
      },
      {
        query: replayQuery,
        params,
        detail: operation({
          ...shared,
          summary: 'Apply a kept webhook again',
          description: 'With `dry_run=true` it tells what would change, and changes nothing.',
          answers: { 200: { schema: replayAnswer } },
          errors: ['not_found', 'busy', 'unavailable'],
        }),
      },
    )
    .post(
      '/admin/deliveries/:id/discard',
      async ({ params: { id } }) => {
        const { shop } = await kept(id)
        if (!(await calls.cancelFailedDelivery(shop, id))) throw notKept()
        return done()
      },
      {
        query: noQuery,
        params,
        detail: operation({
          ...shared,
          summary: 'Give up a webhook that failed',
          description: 'Its bytes are gone, and it counts as ignored.',
          answers: { 204: { description: 'Discarded' } },
          errors: ['not_found', 'unavailable'],
        }),
      },
    )

  async function kept(id: string) {
    const stored = await calls.getStoredDelivery(id)
    if (stored === null) throw notKept()
    return stored
  }
}

function cardOf(failed: FailedDelivery) {
  const { deliveryId, shop, topic, reason, attempts, state, failedAt, nextAttemptAt, bodyBytes } = failed
  return {
    delivery_id: deliveryId,
    shop,
    topic,
    reason,
    attempts,
    state,
    failed_at: failedAt.toISOString(),
    next_attempt_at: nextAttemptAt?.toISOString() ?? null,
    body_bytes: bodyBytes,
  }
}

function notKept(): AppError {
  return new AppError(
    'not_found',
    'No such delivery is kept: it was applied without its bytes, discarded, or never came',
  )
}
