import { cors } from '@elysiajs/cors'
import { Elysia } from 'elysia'

export type CorsHeaders = ReturnType<typeof createCors>

/**
 * CORS by @elysiajs/cors, asked beside the app instead of inside it: as a plugin it would rebuild every answer as
 * a stream (no Content-Length, half the speed) and say `Vary: *` for any origin, which no CDN caches.
 * Its answers depend on the origin alone and are kept for the allowed ones.
 */
export function createCors(origins: readonly string[]) {
  const isAny = origins.includes('*')
  const allowed = new Set(origins)
  const library = new Elysia()
    .use(
      cors({
        origin: isAny ? '*' : [...origins],
        methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
        allowedHeaders: ['Authorization', 'Content-Type', 'Idempotency-Key', 'If-None-Match', 'X-Request-Id'],
        exposeHeaders: [
          'ETag',
          'Idempotent-Replayed',
          'RateLimit-Limit',
          'RateLimit-Remaining',
          'RateLimit-Reset',
          'Retry-After',
          'X-Cache',
          'X-Request-Id',
        ],
        // Logins are bearer tokens: a browser never has to send a cookie along.
        credentials: false,
        maxAge: 600,
      }),
    )
    .get('/', () => '')
  const known = new Map<string, [string, string][]>()

  return { preflight, complete }

  /** The answer to a preflight; null where the request is none. */
  function preflight(request: Request): Promise<Response> | null {
    if (!request.headers.has('origin') || !request.headers.has('access-control-request-method')) return null
    return Promise.resolve(library.fetch(request)).then((response) => {
      response.headers.delete('vary')
      return response
    })
  }

  /** Adds what lets an allowed origin read the answer. A promise only when an origin is seen for the first time. */
  function complete(request: Request, response: Response): Response | Promise<Response> {
    if (!isAny) response.headers.append('vary', 'Origin')
    const origin = request.headers.get('origin')
    if (origin === null || !(isAny || allowed.has(origin))) return response
    const key = isAny ? '*' : origin
    const headers = known.get(key)
    return headers === undefined
      ? learn(key).then((headers) => add(headers, response))
      : add(headers, response)
  }

  async function learn(origin: string): Promise<[string, string][]> {
    const sample = await library.fetch(new Request('http://localhost/', { headers: { origin } }))
    const headers = [...sample.headers].filter(([name]) => readHeaders.has(name))
    known.set(origin, headers)
    return headers
  }

  function add(headers: [string, string][], response: Response): Response {
    for (const [name, value] of headers) response.headers.set(name, value)
    return response
  }
}

/** The headers of an answer that is read; the others belong to preflights. */
const readHeaders = new Set(['access-control-allow-origin', 'access-control-expose-headers'])
