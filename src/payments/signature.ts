import { createHmac, timingSafeEqual } from 'node:crypto'

/**
 * Whether `header` signs `body` under any of `secrets`, in time that does not tell how much of it was right. Two forms:
 * `sha256=<hex>` is the HMAC-SHA256 of the body; `t=<unix>,v1=<hex>` that of `<unix>.<body>`, refused where the moment is
 * further from `nowS` than `windowS`, both in seconds, and good with any of several v1.
 */
export function isPaymentSigned(
  body: Uint8Array,
  header: string | null,
  { secrets, windowS, nowS }: { secrets: readonly string[]; windowS: number; nowS: number },
): boolean {
  const parts = (header ?? '').split(',').map((part) => part.trim())
  const valuesOf = (name: string) =>
    parts.filter((part) => part.startsWith(`${name}=`)).map((part) => part.slice(name.length + 1))
  const plain = valuesOf('sha256')
  if (plain.length > 0) return plain.length === 1 && matches(secrets, [body], plain)

  const [moment = '', ...others] = valuesOf('t')
  if (others.length > 0 || !/^\d{1,12}$/.test(moment)) return false
  if (Math.abs(nowS - Number(moment)) > windowS) return false
  return matches(secrets, [`${moment}.`, body], valuesOf('v1'))
}

/** Signs a body as a provider does: the timestamped form. */
export function signPayment(body: string, { secret, nowS }: { secret: string; nowS: number }): string {
  return `t=${nowS},v1=${createHmac('sha256', secret).update(`${nowS}.`).update(body).digest('hex')}`
}

/** Every secret is tried with every digest, so that rotation costs the same before and after. */
function matches(
  secrets: readonly string[],
  signed: readonly (string | Uint8Array)[],
  digests: readonly string[],
): boolean {
  const given = digests.slice(0, digestsMax).filter((digest) => /^[0-9a-f]{64}$/i.test(digest))
  let isMatch = false
  for (const secret of secrets) {
    const hmac = createHmac('sha256', secret)
    for (const part of signed) hmac.update(part)
    const wanted = hmac.digest()
    for (const digest of given) isMatch = timingSafeEqual(wanted, Buffer.from(digest, 'hex')) || isMatch
  }
  return isMatch
}

// A header is kilobytes: nobody signs with more secrets than this.
const digestsMax = 8
