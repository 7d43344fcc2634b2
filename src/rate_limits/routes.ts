import { Elysia, t } from 'elysia'
import type { Accounts } from '../accounts/accounts.ts'
import { done } from '../platform/answer.ts'
import { closed } from '../platform/fields.ts'
import { noStoreHeader, operation } from '../platform/operation.ts'
import type { RateLimits } from './rate_limits.ts'

export type RateLimitRoutesDeps = {
  rateLimits: Pick<RateLimits, 'reset'>
  accounts: Pick<Accounts, 'requireRole'>
}

const resetQuery = t.Object(
  {
    subject: t.Optional(
      t.String({
        pattern: '^(user|address|account):',
        maxLength: 300,
        error: 'Expected user:7, address:1.2.3.4 or account:ann@example.com',
        description: '`user:7`, `address:1.2.3.4` or `account:ann@example.com`; all where it is left out',
        examples: ['account:ann@example.com'],
      }),
    ),
  },
  closed,
)

/** `DELETE /admin/rate-limits`. */
export function rateLimitRoutes({ rateLimits, accounts }: RateLimitRoutesDeps) {
  return new Elysia({ name: 'rate limits' })
    .derive(async ({ request }) => ({ admin: await accounts.requireRole(request.headers, 'ADMIN') }))
    .delete(
      '/admin/rate-limits',
      async ({ query }) => {
        await rateLimits.reset(query.subject ?? null)
        return done()
      },
      {
        query: resetQuery,
        detail: operation({
          access: 'admin',
          tags: ['Admin'],
          summary: 'Forget what was counted for the rate limits',
          description:
            'Role ADMIN. Of everybody, or of one user (orders), address (logins, signups) or account (wrong passwords). ' +
            'An IPv6 address stands for its /64 network. 503 where Redis holds the counters and does not answer.',
          answers: { 204: { description: 'Forgotten' } },
          errors: ['busy', 'unavailable'],
          headers: noStoreHeader,
        }),
      },
    )
}
