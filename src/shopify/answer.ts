import type { Document } from './documents.ts'
import { ShopifyError, type ShopifyErrorKind } from './error.ts'
import { faultsOf, isUserError, type UserError } from './faults.ts'
import type { ThrottleStatus } from './pace.ts'
import { type Answer, NoAnswer } from './post.ts'

/** What an answer, or none, means, with what it says of points. */
export type Judged = {
  requested: number | null
  status: ThrottleStatus | null
  isUnauthorized: boolean
} & ({ error: null; data: unknown } | { error: ShopifyError })

type About = {
  document: Pick<Document<unknown, unknown>, 'name' | 'isQuery'>
  /** A lost answer does no harm: a query, or under an idempotency key. */
  isRepeatable: boolean
  /** Cut out of what Shopify says, whatever it says. */
  token: string
}

type GraphqlError = { message: string; code: string }
type Parsed = {
  data: Record<string, unknown> | null
  errors: GraphqlError[]
  requested: number | null
  status: ThrottleStatus | null
}

/** Reads what Shopify answered to a document. */
export function judge(answer: Answer | NoAnswer, about: About): Judged {
  if (answer instanceof NoAnswer) return failed(unanswered(answer, about))
  const { status, headers } = answer
  const retryAfterMs = readRetryAfter(headers.get('retry-after'))
  if (status === 429) return failed(throttled(retryAfterMs ?? unknownPauseMs))
  if (status !== 200)
    return { ...failed(unwanted(status, retryAfterMs, about)), isUnauthorized: status === 401 }
  const parsed = isJson(headers) ? parse(answer.text.replaceAll(about.token, '[redacted]')) : null
  if (parsed === null) return failed(unclear('What came back is no answer of the Admin API', about))
  const { requested, status: points } = parsed
  const error = errorOf(parsed, about)
  const told = { requested, status: points, isUnauthorized: false }
  return error === null ? { ...told, error, data: parsed.data } : { ...told, error }
}

/** Without an answer that says anything of points. */
export function failed(error: ShopifyError): Judged {
  return { requested: null, status: null, isUnauthorized: false, error }
}

function unanswered({ reason, message, cause }: NoAnswer, about: About): ShopifyError {
  if (reason === 'not_sent') return new ShopifyError('unavailable', `Shopify: ${message}`, { cause })
  // A query would get the same again.
  if (reason === 'too_large' && about.document.isQuery) return refused(`${about.document.name}: ${message}`)
  return unclear(message, about, { cause })
}

/** A mutation may have been done, a query is as good as not asked. */
function unclear(
  message: string,
  { document, isRepeatable }: About,
  details: { cause?: unknown; retryAfterMs?: number | null } = {},
): ShopifyError {
  const kind = document.isQuery ? 'unavailable' : 'unknown_outcome'
  const isUnknown = kind === 'unknown_outcome' ? ': it may have been done' : ''
  return new ShopifyError(kind, `${document.name}: ${message}${isUnknown}`, {
    ...details,
    isTransient: isRepeatable,
  })
}

function throttled(retryAfterMs: number | null): ShopifyError {
  return new ShopifyError('throttled', 'Shopify wants fewer calls', { retryAfterMs })
}

function refused(message: string, codes: readonly string[] = []): ShopifyError {
  return new ShopifyError('refused', message, { codes })
}

// Where Shopify throttles and does not say for how long.
const unknownPauseMs = 1_000

function unwanted(status: number, retryAfterMs: number | null, about: About): ShopifyError {
  if (status === 503)
    return new ShopifyError('unavailable', 'Shopify is not able to answer (503)', { retryAfterMs })
  if (status >= 500 || status === 408) return unclear(`Shopify failed (${status})`, about, { retryAfterMs })
  if (status >= 300 && status < 400)
    return refused(`Shopify sends elsewhere (${status}), where no token goes`)
  return refused(`${refusals[status] ?? 'Shopify does not take the request'} (${status})`)
}

const refusals: Readonly<Record<number, string>> = {
  401: 'Shopify does not accept the access token: it was taken back, or the app was uninstalled',
  402: 'The shop is frozen: its bill is not paid',
  403: 'The access token has not the right to do this',
  404: 'There is no such shop, or no such version of the API',
  423: 'The shop is locked',
  430: 'Shopify takes the request for an attack',
}

function isJson(headers: Headers): boolean {
  return /^application\/([\w.-]+\+)?json\b/i.test(headers.get('content-type') ?? '')
}

/** Null where it is no answer of GraphQL. */
function parse(text: string): Parsed | null {
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    return null
  }
  if (!isObject(body)) return null
  const errors = readErrors(body.errors)
  const data = isObject(body.data) ? body.data : null
  if (data === null && errors.length === 0) return null
  return { data, errors, ...readCost(body.extensions) }
}

function readErrors(errors: unknown): GraphqlError[] {
  // Of a few faults Shopify says a single sentence.
  if (typeof errors === 'string') return [{ message: errors, code: '' }]
  if (!Array.isArray(errors)) return []
  return errors.map((error: unknown) => {
    const { message, extensions } = isObject(error) ? error : {}
    const code = isObject(extensions) ? extensions.code : ''
    return { message: String(message ?? '').slice(0, 300), code: typeof code === 'string' ? code : '' }
  })
}

function readCost(extensions: unknown): Pick<Parsed, 'requested' | 'status'> {
  const cost = isObject(extensions) && isObject(extensions.cost) ? extensions.cost : {}
  const { requestedQueryCost: requested, throttleStatus: status } = cost
  const isStatus =
    isObject(status) &&
    isPositive(status.maximumAvailable) &&
    isPositive(status.restoreRate) &&
    typeof status.currentlyAvailable === 'number'
  return {
    requested: isPositive(requested) ? requested : null,
    status: isStatus ? (status as ThrottleStatus) : null,
  }
}

function errorOf(parsed: Parsed, about: About): ShopifyError | null {
  const { data, errors } = parsed
  if (errors.length > 0) return graphqlError(parsed, about)
  const userErrors = Object.values(data ?? {}).flatMap((field) =>
    isObject(field) && Array.isArray(field.userErrors) ? field.userErrors.filter(isUserError) : [],
  )
  return userErrors.length === 0 ? null : userError(userErrors, about)
}

function graphqlError({ data, errors, requested, status }: Parsed, about: About): ShopifyError {
  const codes = errors.map(({ code }) => code).filter((code) => code !== '')
  const messages = errors.map(({ message }) => message).join('; ')
  if (codes.includes('THROTTLED')) return throttled(throttledMs(requested, status))
  const passing = passingKind(codes)
  if (passing !== null) return passingError(passing, messages, codes, about)
  // The mutation itself went well: what is wrong is what was to be read of it.
  const isDone = !about.document.isQuery && Object.values(data ?? {}).some((field) => field !== null)
  if (isDone) return unclear(messages, about)
  const failure = codes.some((code) => code === 'INTERNAL_SERVER_ERROR' || code === 'TIMEOUT')
  return failure ? unclear(messages, about) : refused(`${about.document.name}: ${messages}`, codes)
}

/** By what is missing; null where enough is there, or Shopify does not say: then whoever waits takes a pause. */
function throttledMs(requested: number | null, status: ThrottleStatus | null): number {
  if (requested === null || status === null) return unknownPauseMs
  const missing = Math.min(requested, status.maximumAvailable) - status.currentlyAvailable
  return missing > 0 ? Math.ceil((missing / status.restoreRate) * 1_000) : unknownPauseMs
}

function userError(errors: readonly UserError[], about: About): ShopifyError {
  const codes = errors.flatMap(({ code }) => code ?? [])
  const faults = faultsOf(errors)
  const told = faults.map(({ message, field }) => (field === null ? message : `${field}: ${message}`))
  const message = told.join('; ').slice(0, 500)
  const passing = passingKind(codes)
  if (passing !== null) return passingError(passing, message, codes, about)
  return new ShopifyError('user_errors', `Shopify refuses: ${message}`, { faults, codes })
}

/** Of codes that say that the same call will do later on. */
function passingKind(codes: readonly string[]): ShopifyErrorKind | null {
  // Another attempt under the same key is under way: what becomes of that is what this one is told next time.
  if (codes.includes('IDEMPOTENCY_CONCURRENT_REQUEST')) return 'unknown_outcome'
  return codes.includes('SERVICE_UNAVAILABLE') ? 'unavailable' : null
}

function passingError(kind: ShopifyErrorKind, message: string, codes: readonly string[], about: About) {
  return new ShopifyError(kind, `${about.document.name}: ${message}`, { isTransient: true, codes })
}

/** Seconds, also parts of one, or a date. */
function readRetryAfter(text: string | null): number | null {
  if (text === null) return null
  const ms = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - Date.now()
  return Number.isFinite(ms) ? Math.min(Math.max(0, ms), retryAfterMsMax) : null
}

// Nothing that Shopify does lasts longer; a mistake in a header must not stop all writes for days.
const retryAfterMsMax = 600_000

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isPositive(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0
}
