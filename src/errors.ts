/** Every error a client can be answered with: code -> HTTP status and public title. Codes are stable. */
export const errorCodes = {
  bad_request: { status: 400, title: 'The request cannot be understood' },
  missing_topic: { status: 400, title: 'The topic is named neither by the path nor by X-Shopify-Topic' },
  topic_mismatch: { status: 400, title: 'The path and X-Shopify-Topic name different topics' },
  unauthorized: { status: 401, title: 'This needs a login' },
  bad_credentials: { status: 401, title: 'The address or the password is wrong' },
  bad_signature: { status: 401, title: 'The signature is missing or wrong' },
  forbidden: { status: 403, title: 'This login may not do that' },
  unknown_shop: { status: 403, title: 'This shop may not deliver here' },
  not_found: { status: 404, title: 'Nothing is found here' },
  unknown_ticket: { status: 404, title: 'There is no such ticket to order' },
  method_not_allowed: { status: 405, title: 'This path does not answer this method' },
  request_timeout: { status: 408, title: 'The request did not arrive in time' },
  idempotency_conflict: { status: 409, title: 'This token already names another request' },
  sold_out: { status: 409, title: 'Less is left than was asked for' },
  held_by_others: { status: 409, title: 'All that is left is held by orders that are not paid yet' },
  limit_reached: { status: 409, title: 'Nobody may have more tickets of this event' },
  not_on_sale: { status: 409, title: 'This is not on sale now' },
  sales_paused: { status: 409, title: 'The sale of this event is paused' },
  version_conflict: { status: 409, title: 'It was changed meanwhile' },
  not_payable: { status: 409, title: 'There is nothing to pay' },
  bad_transition: { status: 409, title: 'It cannot become that from what it is' },
  overtaken: { status: 409, title: 'A later change of the same is queued or done' },
  capacity_below_sold: { status: 409, title: 'More is sold or held than there would be' },
  has_live_orders: { status: 409, title: 'Somebody holds or has bought tickets of it' },
  not_shopify: { status: 409, title: 'It is of the direct channel alone' },
  not_tracked: { status: 409, title: 'Shopify does not count its units' },
  shopify_not_connected: { status: 409, title: 'It is for Shopify, which this service may not write to' },
  email_taken: { status: 409, title: 'Somebody has an account with this address' },
  too_large: { status: 413, title: 'The body is too large' },
  unsupported_media_type: { status: 415, title: 'The body is of a media type that is not accepted here' },
  validation_failed: { status: 422, title: 'The body does not fit its schema' },
  one_event_per_order: { status: 422, title: 'An order is of one event' },
  ambiguous_sku: { status: 422, title: 'Several open events use this sku' },
  ticket_required: { status: 422, title: 'The event has several tickets: name one' },
  rate_limited: { status: 429, title: 'This was asked for too often' },
  internal: { status: 500, title: 'Something went wrong on our side' },
  busy: { status: 503, title: 'Too much is waiting already' },
  unavailable: { status: 503, title: 'A part this needs is away' },
} as const satisfies Record<string, { status: number; title: string }>

export type ErrorCode = keyof typeof errorCodes

/** One fault of a request: where (`/items/0/qty`, `query.limit`, `path.id`) and what was wanted. */
export type Fault = { path: string; message: string }

export type AppErrorOptions = {
  /** Every fault of the request, all at once. */
  errors?: Fault[]
  /** Sent as Retry-After; 503 always carries one. */
  retryAfterS?: number
  /** Members that the contract adds to the problem, like `current_version`. */
  extra?: Record<string, unknown>
  /** Headers that belong to the answer, like Allow. */
  headers?: Record<string, string>
  /** What happened underneath: logged, never sent. */
  cause?: unknown
}

/** An error that is an answer: its code decides the status, its detail is shown to the client. */
export class AppError extends Error {
  readonly code: ErrorCode
  readonly detail: string
  readonly errors: Fault[] | undefined
  readonly retryAfterS: number | undefined
  readonly extra: Record<string, unknown> | undefined
  readonly headers: Record<string, string> | undefined

  constructor(code: ErrorCode, detail: string, options: AppErrorOptions = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'AppError'
    this.code = code
    this.detail = detail
    this.errors = options.errors
    this.retryAfterS = options.retryAfterS ?? (errorCodes[code].status === 503 ? 1 : undefined)
    this.extra = options.extra
    this.headers = options.headers
  }

  /** The HTTP status of the code. */
  get status(): number {
    return errorCodes[this.code].status
  }
}

/** Refuses a request for all its faults at once; `detail` tells of those that fit. */
export function refusalOfFaults(code: 'bad_request' | 'validation_failed', errors: Fault[]): AppError {
  const detail = errors.map(({ path, message }) => `${path}: ${message}`).join('; ')
  return new AppError(code, detail.length > 500 ? `${detail.slice(0, 500)}…` : detail, { errors })
}

/** Renders any error as application/problem+json; what is not an AppError becomes one without its details. */
export function problem(error: unknown, requestId: string): Response {
  const known = toAppError(error)
  const { status, title } = errorCodes[known.code]
  const body = {
    type: `urn:onsale:problem:${known.code}`,
    title,
    status,
    code: known.code,
    detail: known.detail,
    request_id: requestId,
    ...(known.errors && { errors: known.errors }),
    ...known.extra,
  }
  const headers: Record<string, string> = {
    'content-type': 'application/problem+json',
    'cache-control': 'no-store',
    ...known.headers,
  }
  if (known.retryAfterS !== undefined) headers['retry-after'] = String(Math.ceil(known.retryAfterS))
  return new Response(JSON.stringify(body), { status, headers })
}

/** What a client is told about any error: a database that is away or overrun is 503, the unknown is 500. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error
  const state = sqlState(error)
  if (state !== null && overrunStates.has(state)) {
    return new AppError('busy', 'The database has too much to do, try again', { cause: error })
  }
  if (isTransient(error))
    return new AppError('unavailable', 'The database is away, try again', { cause: error })
  return new AppError('internal', 'The request failed on our side and was logged', { cause: error })
}

/**
 * True where the same call may succeed later and the input is not to blame: the connection, the server's
 * state, a lock, or a whole-system fault such as a missing function or a refused login.
 */
export function isTransient(error: unknown): boolean {
  if (error instanceof AppError) return error.status === 503
  const state = sqlState(error)
  if (state !== null) return transientStates.has(state) || transientClasses.has(state.slice(0, 2))
  return connectionCodes.has(errorCode(error) ?? '')
}

/** True where repeating the same input would fail the same way: bad data, a refusal of our own, a bug. */
export function isPoison(error: unknown): boolean {
  return !isTransient(error)
}

/** The five characters of PostgreSQL, or null where the error did not come from its server. */
export function sqlState(error: unknown): string | null {
  if (!(error instanceof Error) || error.name !== 'PostgresError') return null
  const code = errorCode(error)
  return code !== null && /^[0-9A-Z]{5}$/.test(code) ? code : null
}

/** What something failed for, as it is kept and told: the message alone, since its details may quote a customer. */
export function reasonOf(error: unknown): string {
  return storableText(error instanceof Error ? error.message : String(error))
}

/** Somebody else's words, cut to 500 characters, as PostgreSQL can keep them. */
export function storableText(text: string): string {
  return storable(text.slice(0, 500))
}

/** A text as PostgreSQL can keep it: it stores neither a NUL nor half a surrogate. */
export function storable(text: string): string {
  return text.toWellFormed().replaceAll('\0', ' ')
}

function errorCode(error: unknown): string | null {
  const code = error instanceof Error && 'code' in error ? error.code : null
  return typeof code === 'string' ? code : null
}

// Classes 08, 28, 3D, 3F, 40, 42, 53, 57, 58 are the connection's, the system's or another session's.
// 25: a write that reached a standby during a failover; 26: a prepared statement lost behind a pooler.
const transientClasses = new Set(['08', '25', '26', '28', '3D', '3F', '40', '42', '53', '57', '58'])
const transientStates = new Set(['55P03'])
const overrunStates = new Set(['40001', '40P01', '53200', '53300', '53400', '55P03', '57014'])

const connectionCodes = new Set([
  'CONNECTION_CLOSED',
  'CONNECTION_DESTROYED',
  'CONNECTION_ENDED',
  'CONNECT_TIMEOUT',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
  'ConnectionRefused',
  'ConnectionClosed',
  'FailedToOpenSocket',
])
