import { Elysia, t } from 'elysia'
import type { Accounts } from '../accounts/accounts.ts'
import type { Config } from '../config.ts'
import { AppError } from '../errors.ts'
import { syncRunsShown } from '../limits.ts'
import { uncached } from '../platform/answer.ts'
import { closed, noQuery } from '../platform/fields.ts'
import { noStoreHeader, operation } from '../platform/operation.ts'
import type { SyncCalls, WantedSyncCalls } from './calls.ts'
import { syncListAnswer, wantedSyncAnswer } from './model.ts'
import { hasShopify } from './shopify.ts'

export type SyncRoutesDeps = {
  syncs: Pick<SyncCalls, 'listSyncRuns'> & Pick<WantedSyncCalls, 'placeWantedSync'>
  accounts: Pick<Accounts, 'requireRole'>
  /** What names the shop to read. */
  config: Config
}

const wantedQuery = t.Object(
  {
    orders_days: t.Optional(
      t.String({
        pattern: '^[1-9]\\d{0,3}$',
        error: 'Expected a whole number from 1 to 9999',
        description:
          'Orders of so many days; above 60 only where the app has the scope `read_all_orders`. Default: 60',
      }),
    ),
  },
  closed,
)

/** `/admin/sync`: how the shop comes into the mirror. */
export function syncRoutes({ syncs, accounts, config }: SyncRoutesDeps) {
  return new Elysia({ name: 'sync' })
    .derive(async ({ request }) => ({ admin: await accounts.requireRole(request.headers, 'ADMIN') }))
    .get('/admin/sync', async () => uncached(await syncs.listSyncRuns(syncRunsShown)), {
      query: noQuery,
      detail: operation({
        access: 'admin',
        tags: ['Admin'],
        summary: 'List syncs and reconciliations',
        description:
          'The newest first, each with its files, how far they are, and what came of it (`report`). `wanted` is the sync that was asked for by `POST /admin/sync` until it has ended well, with the `reason` where it broke off.',
        answers: { 200: { schema: syncListAnswer } },
        errors: ['unavailable'],
        headers: noStoreHeader,
      }),
    })
    .post(
      '/admin/sync',
      async ({ admin, query }) => {
        if (!hasShopify(config)) {
          throw new AppError(
            'shopify_not_connected',
            'There is no shop to read from: set SHOPIFY_API_URL and a token',
          )
        }
        const ordersDays = query.orders_days === undefined ? null : Number(query.orders_days)
        await syncs.placeWantedSync({ actor: admin.name, ordersDays })
        return uncached({ status: 'queued' }, { status: 202 })
      },
      {
        query: wantedQuery,
        detail: operation({
          access: 'admin',
          tags: ['Admin'],
          summary: 'Have the whole shop read into the mirror',
          description:
            'Begins within seconds, or as soon as a sync or reconciliation that is under way has ended; a sync that was stopped goes on. Asked for again while it waits, it is done once. `GET /admin/sync` shows how far it is.',
          answers: { 202: { schema: wantedSyncAnswer, description: 'It is going to be done' } },
          errors: ['shopify_not_connected', 'unavailable'],
          headers: noStoreHeader,
        }),
      },
    )
}
