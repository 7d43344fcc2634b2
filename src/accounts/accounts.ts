import { createHash, randomBytes } from 'node:crypto'
import { AppError, refusalOfFaults } from '../errors.ts'
import {
  accountCallsAtOnceMax,
  accountCallsWaitingMax,
  apiKeyRandomBytes,
  poolAnswerGraceMs,
  poolStatementTimeoutMs,
  tokenLifeS,
  userBatchesAtOnceMax,
  userBatchMax,
  userQueueMax,
  userWaitMsMax,
} from '../limits.ts'
import type { Sql } from '../platform/database.ts'
import { createGatherer } from '../platform/gather.ts'
import { createLane } from '../platform/lane.ts'
import type { Metrics } from '../platform/metrics.ts'
import { createAccountCalls, type KeyCard, type Role, type User } from './calls.ts'
import { normalisedEmail } from './email.ts'
import type { Scope } from './model.ts'
import { createPasswords, type Passwords, passwordFault } from './passwords.ts'
import { createTokens } from './tokens.ts'

export type Accounts = ReturnType<typeof createAccounts>

/** Who asks. `name` is what the audit log calls him. */
export type Principal = UserPrincipal | KeyPrincipal
export type UserPrincipal = { kind: 'user'; userId: number; role: Role; name: `user ${number}` }
export type KeyPrincipal = { kind: 'key'; keyId: number; scopes: readonly string[]; name: `key ${number}` }

/** What somebody types to sign up or to log in. */
export type Credentials = { email: string; password: string }

export type AccountsDeps = {
  /** The primary, on a pool of `accountsPoolSize`. */
  pool: Sql
  /** The first signs tokens, all are accepted; at least one. */
  secrets: readonly string[]
  metrics: Metrics
  /** Default: hashes that cost what `limits.ts` wants. */
  passwords?: Passwords
}

/**
 * Who may do what: users with a password and a token for an hour, machines with a key. A token is believed as far as its
 * signature goes; whether it still counts, and its user's role, are asked of the database with each request, so that
 * what is revoked admits nobody from the commit on. Requests that come at once are gathered into one call.
 */
export function createAccounts({ pool, secrets, metrics, passwords = createPasswords() }: AccountsDeps) {
  const calls = createAccountCalls(pool, metrics)
  const tokens = createTokens(secrets)
  const users = createGatherer<number, User | null>({
    name: 'users',
    run: calls.listUsers,
    concurrency: userBatchesAtOnceMax,
    batchItemsMax: userBatchMax,
    queueItemsMax: userQueueMax,
    waitMsMax: userWaitMsMax,
    metrics,
  })
  const lane = createLane({
    atOnceMax: accountCallsAtOnceMax,
    waitingMax: accountCallsWaitingMax,
    holdMsMax: poolStatementTimeoutMs + poolAnswerGraceMs,
    metrics,
  })

  return {
    signup,
    login,
    me,
    changePassword,
    logoutEverywhere,
    createApiKey,
    listApiKeys: (): Promise<KeyCard[]> => lane.run(calls.listApiKeys),
    revokeApiKey,
    authenticate,
    requireUser,
    requireRole,
    requireScope,

    /** Refuses newcomers and waits until what was accepted is answered. */
    drain: users.drain,
  }

  /** Makes a user; refuses as `validation_failed` and `email_taken`. */
  async function signup(credentials: Credentials): Promise<{ id: number; email: string; role: Role }> {
    return await makeUser(credentials, { calls, hash: passwords.hash, role: 'USER', actor: 'signup' })
  }

  /** A token for an hour. Nobody learns from a refusal whether the address or the password was wrong. */
  async function login({
    email,
    password,
  }: Credentials): Promise<{ token: string; lifeS: number; role: Role }> {
    const address = normalisedEmail(email)
    const found = address === null ? null : await lane.run(() => calls.getLogin(address))
    const isRight = await passwords.isRight(password, found?.passwordHash ?? null)
    if (found === null || !isRight) throw badCredentials('The address or the password is wrong')
    return { token: await tokens.sign(found), lifeS: tokenLifeS, role: found.role }
  }

  async function me({ userId }: UserPrincipal): Promise<{ id: number; email: string; role: Role }> {
    const { email, role } = await userOf(userId)
    return { id: userId, email, role }
  }

  /** Another password; ends all tokens of the user, the one of this request included. */
  async function changePassword(
    { userId }: UserPrincipal,
    { oldPassword, newPassword }: { oldPassword: string; newPassword: string },
  ): Promise<void> {
    const fault = await passwordFault(newPassword)
    if (fault !== null)
      throw refusalOfFaults('validation_failed', [{ path: '/new_password', message: fault }])
    const { email } = await userOf(userId)
    const oldHash = (await lane.run(() => calls.getLogin(email)))?.passwordHash ?? null
    const isRight = await passwords.isRight(oldPassword, oldHash)
    if (oldHash === null || !isRight) throw badCredentials('The old password is wrong')
    const newHash = await passwords.hash(newPassword)
    const isUpdated = await lane.run(() => calls.updatePassword(userId, { oldHash, newHash }))
    if (!isUpdated) throw badCredentials('The old password was changed meanwhile')
  }

  /** Ends all tokens of the user, the one of this request included. */
  async function logoutEverywhere({ userId, name }: UserPrincipal): Promise<void> {
    await lane.run(() => calls.updateTokenGeneration(userId, { actor: name }))
  }

  /** A key for a machine; the key itself is in this answer alone. */
  async function createApiKey(
    { userId }: UserPrincipal,
    { name, scopes }: { name: string; scopes: readonly Scope[] },
  ): Promise<{ id: number; key: string }> {
    const key = `${keyPrefix}${randomBytes(apiKeyRandomBytes).toString('base64url')}`
    const id = await lane.run(() => calls.applyApiKey({ name, keyHash: sha256(key), scopes, userId }))
    return { id, key }
  }

  /** From the commit on the key admits nobody. Refuses as `not_found` where there is none to revoke. */
  async function revokeApiKey({ userId }: UserPrincipal, keyId: number): Promise<void> {
    const isRevoked = await lane.run(() => calls.cancelApiKey(keyId, { userId }))
    if (!isRevoked) throw new AppError('not_found', 'There is no such key, or it was revoked before')
  }

  /** Who asks, by the header Authorization. Refuses as `unauthorized` who is nobody. */
  async function authenticate(headers: Headers): Promise<Principal> {
    const header = headers.get('authorization')
    if (header === null) throw unauthorized('Log in, and send the token as Authorization: Bearer')
    const bearer = /^Bearer +([A-Za-z0-9._-]+)$/i.exec(header)?.[1]
    const principal = bearer === undefined ? null : await principalOf(bearer)
    if (principal === null) throw unauthorized('The token is wrong, over or revoked: log in again')
    return principal
  }

  async function principalOf(bearer: string): Promise<Principal | null> {
    if (apiKeyPattern.test(bearer)) {
      const key = await lane.run(() => calls.getApiKey(sha256(bearer)))
      return key && { kind: 'key', ...key, name: `key ${key.keyId}` }
    }
    const claims = await tokens.read(bearer)
    const user = claims && (await users.submit(claims.userId))
    if (!user || user.tokenGeneration !== claims?.tokenGeneration) return null
    // The role of today, not the one of the token: who is no admin any more is none at once.
    return { kind: 'user', userId: user.userId, role: user.role, name: `user ${user.userId}` }
  }

  /** A person; a key is `forbidden`. */
  async function requireUser(headers: Headers): Promise<UserPrincipal> {
    const principal = await authenticate(headers)
    if (principal.kind !== 'user') throw new AppError('forbidden', 'This is for users, not for keys')
    return principal
  }

  /** A person with this role; everybody else who is somebody is `forbidden`. */
  async function requireRole(headers: Headers, role: Role): Promise<UserPrincipal> {
    const principal = await authenticate(headers)
    if (principal.kind === 'user' && principal.role === role) return principal
    throw new AppError('forbidden', `This needs the role ${role}`)
  }

  /** A key with this scope, or an admin, who may do what any key may. */
  async function requireScope(headers: Headers, scope: Scope): Promise<Principal> {
    const principal = await authenticate(headers)
    const isAllowed = principal.kind === 'key' ? principal.scopes.includes(scope) : principal.role === 'ADMIN'
    if (isAllowed) return principal
    throw new AppError('forbidden', `This needs the role ADMIN or a key with the scope ${scope}`)
  }

  async function userOf(userId: number): Promise<User> {
    const user = await users.submit(userId)
    if (user === null) throw unauthorized('There is no such user any more')
    return user
  }
}

/** Makes a user of what somebody typed, told of every fault at once. */
export async function makeUser(
  { email, password }: Credentials,
  {
    calls,
    hash,
    role,
    actor,
  }: {
    calls: Pick<ReturnType<typeof createAccountCalls>, 'applySignup'>
    hash: (password: string) => Promise<string>
    role: Role
    actor: string
  },
): Promise<{ id: number; email: string; role: Role }> {
  const address = normalisedEmail(email)
  const fault = await passwordFault(password)
  const faults = [
    ...(address === null ? [{ path: '/email', message: 'Expected an address like ann@example.com' }] : []),
    ...(fault === null ? [] : [{ path: '/password', message: fault }]),
  ]
  if (address === null || faults.length > 0) throw refusalOfFaults('validation_failed', faults)
  const id = await calls.applySignup({ email: address, passwordHash: await hash(password), role, actor })
  if (id === null) throw new AppError('email_taken', 'Somebody has an account with this address')
  return { id, email: address, role }
}

const keyPrefix = 'onsale_'
// 32 bytes are 43 characters of base64url.
const apiKeyPattern = /^onsale_[A-Za-z0-9_-]{43}$/

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function unauthorized(detail: string): AppError {
  return new AppError('unauthorized', detail, { headers: challenge })
}

function badCredentials(detail: string): AppError {
  return new AppError('bad_credentials', detail, { headers: challenge })
}

// Every 401 names a way to log in (RFC 9110, 11.6.1).
const challenge = { 'www-authenticate': 'Bearer' }
