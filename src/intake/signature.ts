import { createHmac, timingSafeEqual } from 'node:crypto'

const digestBytes = 32

/**
 * Whether `signature` is the base64 HMAC-SHA256 of `body` under any of `secrets`, in time that does not tell how
 * much of it was right. Every secret is tried, so that rotation costs the same before and after.
 * Source: Shopify, "Verify webhook deliveries".
 */
export function isSigned(body: Uint8Array, signature: string | null, secrets: readonly string[]): boolean {
  if (signature === null) return false
  const given = Buffer.from(signature, 'base64')
  if (given.length !== digestBytes) return false
  let isMatch = false
  for (const secret of secrets) {
    const wanted = createHmac('sha256', secret).update(body).digest()
    isMatch = timingSafeEqual(wanted, given) || isMatch
  }
  return isMatch
}
