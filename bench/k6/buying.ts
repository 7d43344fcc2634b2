// Logged-in users from k6.

import crypto from 'k6/crypto'
import encoding from 'k6/encoding'
import type { DirectSale } from '../direct_sale.ts'
import { env } from './workload.ts'

/** The event on sale, as the runner put it. */
export const sale: DirectSale = JSON.parse(env('SALE') || 'null')

const issuedAtS = Number(env('ISSUED_AT') || 0)

/** A user in turn: the same number is the same user. */
export function userOf(nth: number): number {
  return sale.firstUserId + (nth % sale.userCount)
}

/** What a user sends with a request: the token that he would have from a login, the same in all of the run. */
export function headersOf(userId: number): Record<string, string> {
  const secret = env('SECRET')
  const header = { alg: 'HS256', typ: 'JWT', kid: crypto.sha256(secret, 'hex').slice(0, 8) }
  const claims = {
    role: 'USER',
    gen: 1,
    iss: 'onsale',
    aud: 'onsale',
    sub: String(userId),
    jti: `bench-${userId}`,
    iat: issuedAtS,
    exp: issuedAtS + 3_600,
  }
  const text = [header, claims].map((part) => encoding.b64encode(JSON.stringify(part), 'rawurl')).join('.')
  const token = `${text}.${crypto.hmac('sha256', secret, text, 'base64rawurl')}`
  return { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' }
}

/** What the runner tells a script that buys. */
export function envOf(sale: DirectSale): Record<string, string> {
  return { SALE: JSON.stringify(sale), ISSUED_AT: String(Math.floor(Date.now() / 1000)) }
}
