import { createHash, createSecretKey, type KeyObject } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { tokenLifeS, tokensKnownMax } from '../limits.ts'
import { idPattern } from '../platform/fields.ts'
import type { Role } from './calls.ts'

export type Tokens = ReturnType<typeof createTokens>

/** What a token says: who it is of, and of which generation it is. */
export type TokenClaims = { userId: number; role: Role; tokenGeneration: number }

const party = 'onsale'

// Pinned: a token must not choose how it is checked, least of all by `none`.
const algorithm = 'HS256'

/**
 * JSON Web Tokens for an hour, signed with the first secret and accepted with any, so that secrets can be rotated: which
 * one it was is said by `kid`. The library is loaded with the first token: a start without is 12 ms shorter.
 */
export function createTokens(secrets: readonly string[]) {
  const keys = new Map<string, KeyObject>(
    secrets.map((secret) => [keyIdOf(secret), createSecretKey(secret, 'utf8')]),
  )
  const [first] = keys
  if (first === undefined) throw new Error('Tokens need a secret to be signed with')
  const [currentId, currentKey] = first
  // Whose signature was checked once: that takes 60 µs, as long as the rest of a booking in this process.
  const known = new LRUCache<string, { claims: TokenClaims; expiresAtMs: number }>({ max: tokensKnownMax })

  return {
    /** A new token. */
    async sign({ userId, role, tokenGeneration }: TokenClaims): Promise<string> {
      const { SignJWT } = await loadJose()
      return await new SignJWT({ role, gen: tokenGeneration })
        .setProtectedHeader({ alg: algorithm, typ: 'JWT', kid: currentId })
        .setIssuer(party)
        .setAudience(party)
        .setSubject(String(userId))
        .setJti(crypto.randomUUID())
        .setIssuedAt()
        .setExpirationTime(`${tokenLifeS} s`)
        .sign(currentKey)
    },

    /** What the token says; null where it is not one of ours, was changed, or is over. `nowMs`: since 1970. */
    async read(token: string, { nowMs = Date.now() } = {}): Promise<TokenClaims | null> {
      const found = known.get(token)
      if (found !== undefined) return nowMs < found.expiresAtMs ? found.claims : null
      const { errors, jwtVerify } = await loadJose()
      try {
        const { payload } = await jwtVerify(token, ({ kid }) => keyOf(kid), {
          algorithms: [algorithm],
          issuer: party,
          audience: party,
          requiredClaims: ['sub', 'exp', 'iat', 'jti'],
          currentDate: new Date(nowMs),
        })
        const claims = claimsOf(payload)
        if (claims !== null) known.set(token, { claims, expiresAtMs: Number(payload.exp) * 1_000 })
        return claims
      } catch (error) {
        if (error instanceof errors.JOSEError) return null
        throw error
      }

      function keyOf(kid: string | undefined): KeyObject {
        const key = keys.get(kid ?? '')
        if (key === undefined) throw new errors.JWSInvalid('No secret has this id')
        return key
      }
    },
  }
}

let jose: Promise<typeof import('jose')> | null = null

/** Once: to import again what is there already costs 75 µs, three times as much as to check a signature. */
function loadJose(): Promise<typeof import('jose')> {
  jose ??= import('jose')
  return jose
}

function claimsOf({ sub, role, gen }: Record<string, unknown>): TokenClaims | null {
  if (typeof sub !== 'string' || !idPattern.test(sub)) return null
  if ((role !== 'USER' && role !== 'ADMIN') || !Number.isSafeInteger(gen)) return null
  return { userId: Number(sub), role, tokenGeneration: gen as number }
}

/** Tells secrets apart, and nothing about them that would help to guess one of 32 characters. */
function keyIdOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex').slice(0, 8)
}
