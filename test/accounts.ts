import type { HashCost } from '../src/accounts/passwords.ts'
import type { Session } from '../src/platform/database.ts'

/** A hash in a twentieth of a millisecond, for tests that are not about passwords and check hundreds. */
export const cheapHashes: HashCost = {
  kiB: 8,
  passes: 1,
  nobodysHash:
    '$argon2id$v=19$m=8,t=1,p=1$Lqf0C3G9s8iP/RIzthw+gnv188c5bVm5SnifXC9Vffg$1oKnL6PJGswMX19Cz1/I0+2difLszZUDT/4FozkZS/I',
}

/** What `api.apply_signup` answers. */
export type SignedUp = { outcome: string; user_id: number | null }

/** Makes a user by the function. */
export async function signUp(
  sql: Session,
  email: string,
  { hash = 'hash of a password', role = 'USER', actor = 'signup' } = {},
): Promise<SignedUp> {
  const [row] = await sql<SignedUp[]>`
    select r.outcome, r.user_id::integer
    from api.apply_signup(
      p_email => ${email}::text,
      p_password_hash => ${hash}::text,
      p_role => ${role}::text,
      p_actor => ${actor}::text,
      p_now => '2026-11-01T12:00:00Z'
    ) r`
  return row!
}

/** The SHA-256 of what a key could be, in hexadecimal. */
export function keyHash(key: string): string {
  return new Bun.CryptoHasher('sha256').update(key).digest('hex')
}

/** Makes a key by the function; answers its id. */
export async function addKey(
  sql: Session,
  { user, key = 'a key', name = 'north gate', scopes = ['checkin'] }: AddedKey,
): Promise<number> {
  const [row] = await sql<{ id: number }[]>`
    select api.apply_api_key(
      p_name => ${name}::text,
      p_key_hash => ${keyHash(key)}::text,
      p_scopes => ${`{${scopes.join(',')}}`}::text::text[],
      p_user_id => ${user}::bigint,
      p_now => '2026-11-01T12:00:00Z'
    )::integer as id`
  return row!.id
}
type AddedKey = { user: number; key?: string; name?: string; scopes?: string[] }

/** What was done to a subject (`user 7`, `key 3`), oldest first. */
export async function auditOf(sql: Session, subject: string): Promise<Record<string, unknown>[]> {
  const rows = await sql`
    select actor, action, before, after from onsale.audit_log where subject = ${subject} order by id`
  return [...rows]
}
