import {
  BrokenCircuitError,
  ConsecutiveBreaker,
  circuitBreaker,
  ExponentialBackoff,
  handleWhen,
  retry,
} from 'cockatiel'
import {
  shopifyAnswerBytesMax,
  shopifyBreakAfter,
  shopifyBreakMs,
  shopifyCallMsMax,
  shopifyLookReservePercent,
  shopifyRetriesMax,
  shopifyRetryMs,
  shopifyRetryMsMax,
  shopifyThrottledMax,
  shopifyTimeoutMs,
} from '../limits.ts'
import type { Log } from '../platform/log.ts'
import type { Metrics } from '../platform/metrics.ts'
import { failed, type Judged, judge } from './answer.ts'
import type { Document } from './documents.ts'
import { requireEndpoint } from './endpoint.ts'
import { ShopifyError } from './error.ts'
import { createPace } from './pace.ts'
import { type Answer, NoAnswer, post } from './post.ts'
import type { Tokens } from './tokens.ts'

export type Shopify = ReturnType<typeof createShopify>

export type ShopifyOptions = {
  /** With the version of the API: https://demo.myshopify.com/admin/api/2026-10/graphql.json */
  url: string
  tokens: Tokens
  log: Pick<Log, 'warn'>
  metrics: Pick<Metrics, 'shopifyCalls' | 'shopifyThrottled' | 'shopifyPointsLeft' | 'shopifyPointsLow'>
  /** Processes that call under the same token. */
  processes?: number
  /** Fewer points than this share of all are told in the log and the metrics. */
  lowPercent?: number
  /** Times, shorter in tests. */
  timeoutMs?: number
  callMsMax?: number
  retryMs?: number
  breakMs?: number
}

export type CallOptions = {
  /**
   * For documents with @idempotent, and only for those: kept before the first attempt, the same for each. Shopify knows it
   * for 24 hours; a call whose answer was lost is repeated under it.
   */
  idempotencyKey?: string
  /** Not for a write that somebody waits for: leaves points for those. */
  isLook?: boolean
  signal?: AbortSignal
}

type Request = {
  document: Document<unknown, unknown>
  body: string
  isRepeatable: boolean
  isLook: boolean
  signal: AbortSignal | undefined
  /** On the clock of `performance.now`: an attempt that begins later would end too late. */
  startBy: number
}

/**
 * The Admin GraphQL API of one shop. Calls wait for points, are repeated where that does no harm, and are not made at all
 * while Shopify is known to be down. Everything else is a ShopifyError.
 */
export function createShopify(options: ShopifyOptions) {
  const { tokens, log, metrics, processes = 1, lowPercent = 20 } = options
  const { timeoutMs = shopifyTimeoutMs, callMsMax = shopifyCallMsMax } = options
  const { retryMs = shopifyRetryMs, breakMs = shopifyBreakMs } = options
  const { url, host, version } = requireEndpoint(options.url)
  let isVersionTold = false
  const pace = createPace({
    shop: host,
    processes,
    reservedShare: shopifyLookReservePercent / 100,
    lowShare: lowPercent / 100,
    log,
    metrics,
  })
  const breaker = circuitBreaker(
    handleWhen((error) => error instanceof ShopifyError && isAway(error)),
    { halfOpenAfter: breakMs, breaker: new ConsecutiveBreaker(shopifyBreakAfter) },
  )

  return {
    /** Does one document, and answers its data; user errors are thrown, too. */
    async call<Variables extends object, Result>(
      document: Document<Variables, Result>,
      variables: Variables,
      { idempotencyKey, isLook = false, signal }: CallOptions = {},
    ): Promise<Result> {
      if (document.isIdempotent !== (idempotencyKey !== undefined)) {
        const needs = document.isIdempotent ? 'needs an idempotency key' : 'knows no idempotency key'
        throw new ShopifyError('refused', `${document.name} ${needs}`)
      }
      const request: Request = {
        document,
        body: JSON.stringify({ query: document.text, variables: { ...variables, idempotencyKey } }),
        isRepeatable: document.isQuery || document.isIdempotent,
        isLook,
        signal,
        startBy: performance.now() + callMsMax - timeoutMs,
      }
      return (await repeated(request)) as Result
    },
  }

  async function repeated(request: Request): Promise<unknown> {
    const mayPass = (error: unknown) =>
      error instanceof ShopifyError &&
      error.isTransient &&
      error.kind !== 'throttled' &&
      !(error.cause instanceof BrokenCircuitError) &&
      performance.now() < request.startBy
    const policy = retry(handleWhen(mayPass), {
      maxAttempts: shopifyRetriesMax,
      backoff: new ExponentialBackoff({ initialDelay: retryMs, maxDelay: shopifyRetryMsMax }),
    })
    let unknown: ShopifyError | null = null
    const attempts = async () => {
      try {
        return await breaker.execute(() => paced(request))
      } catch (error) {
        const known = error instanceof BrokenCircuitError ? away(error) : error
        if (known instanceof ShopifyError && known.kind === 'unknown_outcome') unknown = known
        // That the repetition was not done, or is not allowed any more, says nothing of the first one.
        throw unknown !== null && isUndone(known) ? unknown : known
      }
    }
    return await policy.execute(attempts, request.signal)
  }

  function away(cause: BrokenCircuitError): ShopifyError {
    const details = { retryAfterMs: breakMs, isTransient: true, cause }
    return new ShopifyError('unavailable', 'Shopify is away, and not asked for a moment', details)
  }

  /** Throttled calls were not done: they wait for their points and go again. */
  async function paced(request: Request): Promise<unknown> {
    for (let throttled = 0; ; ) {
      const judged = await attempt(request)
      if (judged.error === null) return judged.data
      const { kind, retryAfterMs } = judged.error
      if (retryAfterMs !== null) pace.pause(retryAfterMs)
      if (kind !== 'throttled') throw judged.error
      metrics.shopifyThrottled.inc()
      pace.crowd()
      if (++throttled > shopifyThrottledMax) throw judged.error
    }
  }

  async function attempt(request: Request): Promise<Judged> {
    const { document, isLook, startBy, signal } = request
    const operation = document.name
    const points = pace.costOf(operation)
    await pace.take(points, { isLook, startBy, signal })
    const judged = await sendAuthorized(request).catch(unsent)
    const { requested, status, error } = judged
    pace.settle(points, { operation, requested, status })
    metrics.shopifyCalls.inc({ operation, outcome: error?.kind ?? 'ok' })
    return judged
  }

  /** A token that is not accepted is renewed once: it was taken back before its time. */
  async function sendAuthorized(request: Request): Promise<Judged> {
    const token = await tokens.get()
    const judged = await send(request, token)
    if (!judged.isUnauthorized) return judged
    const renewed = await tokens.renew(token)
    return renewed === null ? judged : await send(request, renewed)
  }

  async function send({ document, body, isRepeatable, signal }: Request, token: string): Promise<Judged> {
    const about = { document, isRepeatable, token }
    try {
      const answer = await post(url, {
        headers: {
          'Content-Type': 'application/json',
          Accept: 'application/json',
          'X-Shopify-Access-Token': token,
        },
        body,
        timeoutMs,
        bytesMax: shopifyAnswerBytesMax,
        isAlone: !document.isQuery,
        signal,
      })
      tellVersion(answer)
      return judge(answer, about)
    } catch (error) {
      if (error instanceof NoAnswer) return judge(error, about)
      throw error
    }
  }

  /** A version that has run out is served by the oldest supported one, and only this header says so. */
  function tellVersion({ headers }: Answer): void {
    const served = headers.get('x-shopify-api-version')
    if (isVersionTold || served === null || served === version) return
    isVersionTold = true
    log.warn({ shop: host, asked: version, served: served.slice(0, 20) }, 'Shopify serves another version')
  }
}

/** There was no token to send it with. */
function unsent(error: unknown): Judged {
  if (error instanceof ShopifyError) return failed(error)
  return failed(
    new ShopifyError('unavailable', 'The call could not be made', { isTransient: false, cause: error }),
  )
}

function isUndone(error: unknown): boolean {
  return error instanceof ShopifyError && ['unavailable', 'throttled', 'refused'].includes(error.kind)
}

function isAway({ kind }: ShopifyError): boolean {
  return kind === 'unavailable' || kind === 'unknown_outcome'
}
