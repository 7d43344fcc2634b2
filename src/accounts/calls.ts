import { type Sql, textArray } from '../platform/database.ts'
import { callTimer, type Metrics } from '../platform/metrics.ts'

export type Role = 'USER' | 'ADMIN'

/** Whom a token means: what of a user is looked at with each request. */
export type User = { userId: number; email: string; role: Role; tokenGeneration: number }

/** What a login is checked against. */
export type Login = { userId: number; passwordHash: string; role: Role; tokenGeneration: number }

/** A key for a machine, without what would let anybody in. */
export type KeyCard = {
  keyId: number
  name: string
  scopes: string[]
  createdBy: number
  createdAt: Date
  usedAt: Date | null
  revokedAt: Date | null
}

/** The SQL functions of the accounts; each call is timed under its function's name. */
export function createAccountCalls(sql: Sql, metrics: Pick<Metrics, 'queryTime'>) {
  const timed = callTimer(metrics)
  return {
    /** Makes a user; null where the address is taken. `actor`: who is named in the audit log. */
    applySignup: ({
      email,
      passwordHash,
      role,
      actor,
    }: {
      email: string
      passwordHash: string
      role: Role
      actor: string
    }): Promise<number | null> =>
      timed('apply_signup', async () => {
        const [row] = await sql<{ user_id: number | null }[]>`
          select r.user_id::float8 as user_id
          from api.apply_signup(
            p_email => ${email}::text,
            p_password_hash => ${passwordHash}::text,
            p_role => ${role}::text,
            p_actor => ${actor}::text
          ) r`
        return row!.user_id
      }),

    /** Null: nobody has the address, in whatever case. */
    getLogin: (email: string): Promise<Login | null> =>
      timed('get_login', async () => {
        const [row] = await sql<Login[]>`
          select
            r.user_id::float8 as "userId", r.password_hash as "passwordHash", r.role,
            r.token_generation as "tokenGeneration"
          from api.get_login(p_email => ${email}::text) r`
        return row ?? null
      }),

    /** One per id, in order; null where there is no such user. */
    listUsers: (userIds: readonly number[]): Promise<(User | null)[]> =>
      timed('list_users', async () => {
        const rows = await sql<(User | { userId: null })[]>`
          select r.user_id::float8 as "userId", r.email, r.role, r.token_generation as "tokenGeneration"
          from api.list_users(p_user_ids => ${textArray(userIds.map(String))}::text[]::bigint[]) r
          order by r.ordinal`
        return rows.map((row) => (row.userId === null ? null : row))
      }),

    /** False: the password is not the one of `oldHash` any more. */
    updatePassword: (
      userId: number,
      { oldHash, newHash }: { oldHash: string; newHash: string },
    ): Promise<boolean> =>
      timed('update_password', async () => {
        const [row] = await sql<{ outcome: 'updated' | 'stale' }[]>`
          select r.outcome
          from api.update_password(
            p_user_id => ${userId}::bigint,
            p_old_hash => ${oldHash}::text,
            p_new_hash => ${newHash}::text
          ) r`
        return row!.outcome === 'updated'
      }),

    /** Ends all tokens of a user. */
    updateTokenGeneration: (userId: number, { actor }: { actor: string }): Promise<void> =>
      timed('update_token_generation', async () => {
        await sql`
          select api.update_token_generation(p_user_id => ${userId}::bigint, p_actor => ${actor}::text)`
      }),

    /** Keeps a new key; answers its id. `keyHash`: its SHA-256 in hexadecimal. */
    applyApiKey: ({
      name,
      keyHash,
      scopes,
      userId,
    }: {
      name: string
      keyHash: string
      scopes: readonly string[]
      userId: number
    }): Promise<number> =>
      timed('apply_api_key', async () => {
        const [row] = await sql<{ key_id: number }[]>`
          select api.apply_api_key(
            p_name => ${name}::text,
            p_key_hash => ${keyHash}::text,
            p_scopes => ${textArray(scopes)}::text[],
            p_user_id => ${userId}::bigint
          )::float8 as key_id`
        return row!.key_id
      }),

    /** Null: the key admits nobody. */
    getApiKey: (keyHash: string): Promise<{ keyId: number; scopes: string[] } | null> =>
      timed('get_api_key', async () => {
        const [row] = await sql<{ keyId: number; scopes: string[] }[]>`
          select r.key_id::float8 as "keyId", to_json(r.scopes) as scopes
          from api.get_api_key(p_key_hash => ${keyHash}::text) r`
        return row ?? null
      }),

    /** Newest first. */
    listApiKeys: (): Promise<KeyCard[]> =>
      timed('list_api_keys', async () => {
        const rows = await sql<KeyCard[]>`
          select
            r.key_id::float8 as "keyId", r.name, to_json(r.scopes) as scopes, r.created_by::float8 as "createdBy",
            r.created_at as "createdAt", r.used_at as "usedAt", r.revoked_at as "revokedAt"
          from api.list_api_keys() r
          order by r.key_id desc`
        return [...rows]
      }),

    /** False: there is no such key, or it was revoked before. */
    cancelApiKey: (keyId: number, { userId }: { userId: number }): Promise<boolean> =>
      timed('cancel_api_key', async () => {
        const [row] = await sql<{ is_revoked: boolean }[]>`
          select api.cancel_api_key(p_key_id => ${keyId}::bigint, p_user_id => ${userId}::bigint) as is_revoked`
        return row!.is_revoked
      }),
  }
}
