import { LRUCache } from 'lru-cache'
import { AppError, type Fault, problem, toAppError } from '../errors.ts'
import {
  jsonBodyBytesMax,
  jsonReadMsMax,
  outageLogEveryMs,
  urlRememberedCharsMax,
  urlsRememberedMax,
} from '../limits.ts'
import { completeAnswer, type Sender, setRequestId, setSender } from './answer.ts'
import { createBodyReader } from './body.ts'
import type { CorsHeaders } from './cors.ts'
import { refuseUncheckable } from './json.ts'
import { type Log, subjectOf } from './log.ts'
import type { Answerer, Match, Route } from './route_table.ts'

export type ShellOptions = {
  /** Answers what the shell does not answer itself. */
  handle: (request: Request) => Response | Promise<Response>
  match: (path: string) => Match
  /** Null where no other origin may read answers. */
  cors: CorsHeaders | null
  logFault: ReturnType<typeof createFaultLog>
  log: Log
}

/** One request on its way through the shell. */
type Visit = { requestId: string; method: string; route: Route; subject: string; startedAt: number }

/** What a URL that is answered past Elysia names. */
type Target = { route: Route; subject: string; answer: Answerer }

/**
 * What happens to every request, around the app's routes: its id, the faults of its URL, OPTIONS, 415, and after
 * the answer the common headers, the counts and the log line.
 *
 * It stands outside Elysia because there it would cost more than it does: an error hook makes every handler
 * asynchronous, and onRequest with onAfterResponse, both empty, take 1.3 µs of a cached read's 8. What is read
 * most goes past Elysia altogether (`direct` in the route table), and what its URL names is read once: then a hit
 * looks up the whole URL, reads three headers and makes its answer.
 */
export function createShell({ handle, match, cors, logFault, log }: ShellOptions) {
  const readBody = createBodyReader({ bytesMax: jsonBodyBytesMax, msMax: jsonReadMsMax })
  const targets = new LRUCache<string, Target>({ max: urlsRememberedMax })

  /** Without a server (a test) a request came from nowhere. */
  return function fetch(received: Request, server?: Sender['server']): Response | Promise<Response> {
    const startedAt = performance.now()
    const target = targets.get(received.url)
    return target !== undefined && received.method === 'GET'
      ? answerTarget(received, target, startedAt)
      : answerRequest(received, server, startedAt)
  }

  function answerTarget(request: Request, target: Target, at: number): Response | Promise<Response> {
    const { headers } = request
    const requestId = requestIdFor(headers)
    const { route, subject } = target
    const visit = { requestId, method: 'GET', route, subject, startedAt: at }
    let response: Response | Promise<Response>
    try {
      response = target.answer({ headers, requestId, at })
    } catch (error) {
      response = refuse(error, visit)
    }
    return response instanceof Response
      ? finish(request, response, visit)
      : response.catch((error) => refuse(error, visit)).then((response) => finish(request, response, visit))
  }

  function answerRequest(
    received: Request,
    server: Sender['server'] | undefined,
    startedAt: number,
  ): Response | Promise<Response> {
    const request = received.url.charCodeAt(0) === slash ? withOrigin(received) : received
    const { url, method, headers } = request
    const path = pathOf(url)
    const matched = match(path)
    const { route } = matched
    const requestId = requestIdFor(headers)
    const subject = subjectOf({ method, route: route.pattern, path })
    const visit = { requestId, method, route, subject, startedAt }

    let response: Response | Promise<Response>
    try {
      if (url.includes('%')) refuseBadEncoding(url)
      if (route.hasQuerySchema && url.includes('&')) refuseRepeated(queryOf(url))
      // Parameters that must be decoded first are Elysia's work.
      if (method === 'GET' && route.direct !== null && !path.includes('%')) {
        const answer = route.direct({ query: queryOf(url), params: matched.params })
        const target = { route, subject, answer }
        if (url.length <= urlRememberedCharsMax) targets.set(url, target)
        return answerTarget(request, target, startedAt)
      }
      setRequestId(request, requestId)
      response = respond(request, route, { requestId, sender: server && { server, received } })
    } catch (error) {
      return finish(request, refuse(error, visit), visit)
    }
    return response instanceof Response
      ? finish(request, completeAnswer(response, requestId), visit)
      : response
          .then((response) => completeAnswer(response, requestId))
          .catch((error) => refuse(error, visit))
          .then((response) => finish(request, response, visit))
  }

  function respond(
    request: Request,
    route: Route,
    { requestId, sender }: { requestId: string; sender: Sender | undefined },
  ): Response | Promise<Response> {
    const { method } = request
    if (method === 'GET') return handle(request)
    if (method === 'HEAD') {
      // Bun sends the headers of the whole answer, its length included, and leaves the body out.
      const get = new Request(request, { method: 'GET' })
      setRequestId(get, requestId)
      return handle(get)
    }
    if (method === 'OPTIONS') {
      const preflight = cors?.preflight(request)
      if (preflight) return preflight
      if (route.methods.size > 0) return new Response(null, { status: 204, headers: { allow: route.allow } })
    }
    return route.jsonMethods.has(method) ? handleJson(request, { requestId, sender }) : handle(request)
  }

  /** Bounds the body before Elysia, which would read any length of any type. */
  function handleJson(
    request: Request,
    { requestId, sender }: { requestId: string; sender: Sender | undefined },
  ): Response | Promise<Response> {
    refuseOtherMedia(request)
    return readBody(request).then((body) => {
      refuseUncheckable(body)
      const { url, method, headers } = request
      const bounded = new Request(url, { method, headers, body })
      setRequestId(bounded, requestId)
      if (sender !== undefined) setSender(bounded, sender)
      return handle(bounded)
    })
  }

  function refuse(error: unknown, { requestId, route }: Visit): Response {
    logFault(error, { requestId, route: route.pattern })
    return completeAnswer(problem(error, requestId), requestId)
  }

  function finish(request: Request, response: Response, visit: Visit): Response | Promise<Response> {
    const { requestId, method, route, subject, startedAt } = visit
    const { status } = response
    const ms = performance.now() - startedAt
    route.tally.count(method, status, ms / 1000)
    log.request({ requestId, subject, status, ms })
    return cors === null ? response : cors.complete(request, response)
  }
}

/**
 * Logs what a client is not told: the cause of every 500, and now and then the cause of a 503, with how many
 * were left out since.
 */
export function createFaultLog(log: Log) {
  let nextOutageAt = 0
  let leftOut = 0
  return function logFault(error: unknown, { requestId, route }: { requestId: string; route: string }): void {
    const known = toAppError(error)
    const fields = { request_id: requestId, route, code: known.code, err: known.cause ?? known }
    if (known.status === 500) log.error(fields, 'Request failed')
    if (known.status !== 503) return
    const now = performance.now()
    if (now < nextOutageAt) {
      leftOut++
      return
    }
    log.warn({ ...fields, left_out: leftOut }, 'Request refused')
    nextOutageAt = now + outageLogEveryMs
    leftOut = 0
  }
}

const slash = 47
const requestIdPattern = /^[A-Za-z0-9._-]{1,128}$/

// Ids of our own: a random word for the process and a number for the request. Its last digits come from a table,
// because making text of ever new numbers costs 0.35 µs a request.
const processWord = Buffer.from(crypto.getRandomValues(new Uint8Array(4))).toString('hex')
const lastDigits = Array.from({ length: 1_000 }, (_, number) => String(1_000 + number).slice(1))
let thousands = 0
let idPrefix = [processWord, '-0'].join('')
let nextInThousand = 0

/** The caller's id where it is well formed, else one of our own. */
function requestIdFor(headers: Headers): string {
  const given = headers.get('x-request-id')
  if (given !== null && requestIdPattern.test(given)) return given
  if (nextInThousand === lastDigits.length) {
    nextInThousand = 0
    idPrefix = [processWord, '-', ++thousands].join('')
  }
  return idPrefix + lastDigits[nextInThousand++]
}

/** Bun gives a URL without origin where HTTP/1.0 sends no Host, or a Host that is none. */
function withOrigin(request: Request): Request {
  return new Request(new URL(`http://localhost${request.url}`).href, request)
}

/** The path of a URL as it was sent, without its query; empty where there is none (CONNECT). */
export function pathOf(url: string): string {
  const from = url.indexOf('/', 7)
  if (from < 0) return ''
  const to = url.indexOf('?', from)
  return to < 0 ? url.slice(from) : url.slice(from, to)
}

/** What follows the question mark, as it was sent. */
export function queryOf(url: string): string {
  const from = url.indexOf('?')
  if (from < 0) return ''
  const to = url.indexOf('#', from)
  return to < 0 ? url.slice(from + 1) : url.slice(from + 1, to)
}

/** Malformed percent-encoding, and NUL, which no text of PostgreSQL can hold. */
function refuseBadEncoding(url: string): void {
  const faults: Fault[] = []
  if (isBadlyEncoded(pathOf(url)))
    faults.push({ path: 'path', message: 'Expected well-formed percent-encoding' })
  for (const pair of queryOf(url).split('&')) {
    if (!isBadlyEncoded(pair)) continue
    const name = pair.split('=', 1)[0] as string
    faults.push({ path: `query.${name}`, message: 'Expected well-formed percent-encoding' })
  }
  if (faults.length > 0) {
    throw new AppError('bad_request', 'The URL is not well-formed percent-encoded UTF-8, or holds a NUL', {
      errors: faults,
    })
  }
}

function isBadlyEncoded(text: string): boolean {
  try {
    return decodeURIComponent(text).includes('\0')
  } catch {
    return true
  }
}

/** Elysia takes the last of several parameters of one name; here none is guessed. */
function refuseRepeated(query: string): void {
  const counts = new Map<string, number>()
  for (const name of new URLSearchParams(query).keys()) counts.set(name, (counts.get(name) ?? 0) + 1)
  const repeated = [...counts].filter(([, count]) => count > 1).map(([name]) => name)
  if (repeated.length === 0) return
  throw new AppError('bad_request', `Query parameter ${repeated.join(', ')} is given more than once`, {
    errors: repeated.map((name) => ({ path: `query.${name}`, message: 'Expected at most once' })),
  })
}

function refuseOtherMedia(request: Request): void {
  const { headers } = request
  if (request.body === null && headers.get('content-type') === null) return
  const type = headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase() ?? ''
  if (type === 'application/json') return
  throw new AppError(
    'unsupported_media_type',
    `The body must be application/json, not "${type.slice(0, 100)}"`,
    {
      headers: { accept: 'application/json' },
    },
  )
}
