import { Elysia } from 'elysia'
import type { Accounts } from '../accounts/accounts.ts'
import { syncRunsShown } from '../limits.ts'
import { uncached } from '../platform/answer.ts'
import { noQuery } from '../platform/fields.ts'
import { noStoreHeader, operation } from '../platform/operation.ts'
import type { SyncCalls } from './calls.ts'
import { syncListAnswer } from './model.ts'

export type SyncRoutesDeps = {
  syncs: Pick<SyncCalls, 'listSyncRuns'>
  accounts: Pick<Accounts, 'requireRole'>
}

/** `/admin/sync`: how the shop came into the mirror. */
export function syncRoutes({ syncs, accounts }: SyncRoutesDeps) {
  return new Elysia({ name: 'sync' })
    .derive(async ({ request }) => ({ admin: await accounts.requireRole(request.headers, 'ADMIN') }))
    .get('/admin/sync', async () => uncached(await syncs.listSyncRuns(syncRunsShown)), {
      query: noQuery,
      detail: operation({
        access: 'admin',
        tags: ['Admin'],
        summary: 'List syncs and reconciliations',
        description:
          'The newest first, each with its files and how far they are; `bun run sync` begins one, or goes on with one that was stopped.',
        answers: { 200: { schema: syncListAnswer } },
        errors: ['unavailable'],
        headers: noStoreHeader,
      }),
    })
}
