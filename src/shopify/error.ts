/**
 * What became of a call:
 * - `throttled`: no points are left. It was not done, and can be after `retryAfterMs`.
 * - `unavailable`: Shopify was not reached or was not able. It was not done.
 * - `unknown_outcome`: a mutation was sent, and its answer is lost or says nothing: it may have been done. Read back first.
 * - `refused`: the token, a right or the request itself is not accepted.
 * - `user_errors`: what was asked for is not possible as it is: `faults` say why.
 */
export type ShopifyErrorKind = 'throttled' | 'unavailable' | 'unknown_outcome' | 'refused' | 'user_errors'

/** One thing that an admin has to change; `field` is a path in our words, like `/tickets/0/price_cents`. */
export type ShopifyFault = { message: string; field: string | null }

type Details = {
  /** Default: what is said of the kind. */
  isTransient?: boolean
  retryAfterMs?: number | null
  faults?: readonly ShopifyFault[]
  codes?: readonly string[]
  cause?: unknown
}

/** A call that did not come out as asked. Neither the token nor what Shopify answered as a whole is in it. */
export class ShopifyError extends Error {
  override name = 'ShopifyError'
  readonly kind: ShopifyErrorKind
  /** The same call again does no harm, and may succeed. */
  readonly isTransient: boolean
  /** Before that it is in vain; null where Shopify does not say. */
  readonly retryAfterMs: number | null
  readonly faults: readonly ShopifyFault[]
  /** Shopify's words for what is wrong, like CHANGE_FROM_QUANTITY_STALE, where it has any. */
  readonly codes: readonly string[]

  constructor(kind: ShopifyErrorKind, message: string, details: Details = {}) {
    super(message, { cause: details.cause })
    this.kind = kind
    this.isTransient = details.isTransient ?? (kind === 'throttled' || kind === 'unavailable')
    this.retryAfterMs = details.retryAfterMs ?? null
    this.faults = details.faults ?? []
    this.codes = details.codes ?? []
  }
}
