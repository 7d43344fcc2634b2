import { Elysia } from 'elysia'
import { loginsPerAddressMax, signupsPerAddressMax, wrongLoginsMax } from '../limits.ts'
import { done, uncached } from '../platform/answer.ts'
import { noQuery } from '../platform/fields.ts'
import { noStoreHeader, operation } from '../platform/operation.ts'
import { rateLimitHeaders } from '../rate_limits/model.ts'
import type { RateLimits } from '../rate_limits/rate_limits.ts'
import type { Accounts } from './accounts.ts'
import {
  apiKeyBody,
  apiKeyListAnswer,
  apiKeyParams,
  loginBody,
  newApiKeyAnswer,
  passwordBody,
  signupBody,
  tokenAnswer,
  userAnswer,
} from './model.ts'

export type AccountRoutesDeps = {
  accounts: Accounts
  rateLimits: Pick<RateLimits, 'signingUp' | 'loggingIn' | 'changingPassword'>
}

/** `/auth/*` and `/admin/api-keys`. */
export function accountRoutes({ accounts, rateLimits }: AccountRoutesDeps) {
  // Who asks is found out before the body is looked at: a stranger is told 401, not what a body should look like.
  return new Elysia({ name: 'accounts' })
    .use(open(accounts, rateLimits))
    .use(own(accounts, rateLimits))
    .use(admin(accounts))
}

/** For everybody. */
function open(accounts: Accounts, rateLimits: AccountRoutesDeps['rateLimits']) {
  return new Elysia({ name: 'accounts open' })
    .post(
      '/auth/signup',
      async ({ body, request, set }) => {
        await rateLimits.signingUp({ request, set })
        return uncached(await accounts.signup(body), { status: 201 })
      },
      {
        query: noQuery,
        body: signupBody,
        detail: operation({
          access: 'public',
          tags: ['Accounts'],
          summary: 'Sign up',
          description: `Makes a user with the role USER. It does not log in. An address may do it ${signupsPerAddressMax} times a minute.`,
          answers: { 201: { schema: userAnswer, description: 'Created' } },
          errors: ['email_taken', 'rate_limited', 'busy', 'unavailable'],
          headers: { ...noStoreHeader, ...rateLimitHeaders },
        }),
      },
    )
    .post(
      '/auth/login',
      async ({ body, request, set }) => {
        const { token, lifeS, role } = await rateLimits.loggingIn({ request, set }, body.email, () =>
          accounts.login(body),
        )
        return uncached({ access_token: token, token_type: 'bearer', expires_in: lifeS, role })
      },
      {
        query: noQuery,
        body: loginBody,
        detail: operation({
          access: 'public',
          tags: ['Accounts'],
          summary: 'Log in',
          description:
            'A token for an hour. The refusal is the same for an address that nobody has and for a wrong password. ' +
            `An address of the network may try ${loginsPerAddressMax} times a minute; ${wrongLoginsMax} wrong tries within 15 minutes pause an account for 15 minutes.`,
          answers: { 200: { schema: tokenAnswer } },
          errors: ['bad_credentials', 'rate_limited', 'busy', 'unavailable'],
          headers: { ...noStoreHeader, ...rateLimitHeaders },
        }),
      },
    )
}

/** For whoever is logged in. */
function own(accounts: Accounts, rateLimits: AccountRoutesDeps['rateLimits']) {
  return new Elysia({ name: 'accounts own' })
    .derive(async ({ request }) => ({ user: await accounts.requireUser(request.headers) }))
    .get('/auth/me', async ({ user }) => uncached(await accounts.me(user)), {
      query: noQuery,
      detail: operation({
        access: 'user',
        tags: ['Accounts'],
        summary: 'Tell who is logged in',
        description: 'The user whose token it is.',
        answers: { 200: { schema: userAnswer } },
        errors: ['busy', 'unavailable'],
        headers: noStoreHeader,
      }),
    })
    .post(
      '/auth/password',
      async ({ user, body, request, set }) => {
        const { email } = await accounts.me(user)
        const words = { oldPassword: body.old_password, newPassword: body.new_password }
        await rateLimits.changingPassword({ request, set }, email, () => accounts.changePassword(user, words))
        return done()
      },
      {
        query: noQuery,
        body: passwordBody,
        detail: operation({
          access: 'user',
          tags: ['Accounts'],
          summary: 'Change the password',
          description:
            'Ends all tokens of the user, the one that was sent included. A wrong old password counts as a wrong login of the account.',
          answers: { 204: { description: 'Changed' } },
          errors: ['bad_credentials', 'rate_limited', 'busy', 'unavailable'],
          headers: { ...noStoreHeader, ...rateLimitHeaders },
        }),
      },
    )
    .post(
      '/auth/logout-everywhere',
      async ({ user }) => {
        await accounts.logoutEverywhere(user)
        return done()
      },
      {
        query: noQuery,
        detail: operation({
          access: 'user',
          tags: ['Accounts'],
          summary: 'Log out everywhere',
          description: 'Ends all tokens of the user, the one that was sent included.',
          answers: { 204: { description: 'Logged out' } },
          errors: ['busy', 'unavailable'],
          headers: noStoreHeader,
        }),
      },
    )
}

/** For admins. */
function admin(accounts: Accounts) {
  return new Elysia({ name: 'accounts admin' })
    .derive(async ({ request }) => ({ user: await accounts.requireRole(request.headers, 'ADMIN') }))
    .post(
      '/admin/api-keys',
      async ({ user, body }) =>
        uncached({ ...body, ...(await accounts.createApiKey(user, body)) }, { status: 201 }),
      {
        query: noQuery,
        body: apiKeyBody,
        detail: operation({
          access: 'admin',
          tags: ['Admin'],
          summary: 'Make a key for a machine',
          description: 'Role ADMIN. The key is in this answer alone: what is kept is its SHA-256.',
          answers: { 201: { schema: newApiKeyAnswer, description: 'Created' } },
          errors: ['busy', 'unavailable'],
          headers: noStoreHeader,
        }),
      },
    )
    .get(
      '/admin/api-keys',
      async () => {
        const keys = await accounts.listApiKeys()
        return uncached({
          api_keys: keys.map((key) => ({
            id: key.keyId,
            name: key.name,
            scopes: key.scopes,
            created_by: key.createdBy,
            created_at: key.createdAt,
            used_at: key.usedAt,
            revoked_at: key.revokedAt,
          })),
        })
      },
      {
        query: noQuery,
        detail: operation({
          access: 'admin',
          tags: ['Admin'],
          summary: 'List the keys for machines',
          description: 'Role ADMIN. Newest first, those that were revoked included.',
          answers: { 200: { schema: apiKeyListAnswer } },
          errors: ['busy', 'unavailable'],
          headers: noStoreHeader,
        }),
      },
    )
    .delete(
      '/admin/api-keys/:id',
      async ({ user, params }) => {
        await accounts.revokeApiKey(user, Number(params.id))
        return done()
      },
      {
        query: noQuery,
        params: apiKeyParams,
        detail: operation({
          access: 'admin',
          tags: ['Admin'],
          summary: 'Revoke a key for a machine',
          description: 'Role ADMIN. From the answer on it admits nobody.',
          answers: { 204: { description: 'Revoked' } },
          errors: ['not_found', 'busy', 'unavailable'],
          headers: noStoreHeader,
        }),
      },
    )
}
