/** Headers that every answer carries beside its request id. */
export const commonHeaders = { 'x-content-type-options': 'nosniff' } as const

const requestIdKey = Symbol('request id')

/** The id of the request: the caller's where it is well formed, else our own. The shell sets it. */
export function requestIdOf(request: Request): string {
  return (request as { [requestIdKey]?: string })[requestIdKey] ?? 'unknown'
}

/** Gives the request its id; only the shell calls this. */
export function setRequestId(request: Request, id: string): void {
  ;(request as { [requestIdKey]?: string })[requestIdKey] = id
}

const senderKey = Symbol('sender')

/** What knows where a request came from: Bun's server, and the request as it was received. */
export type Sender = { server: Pick<Bun.Server<undefined>, 'requestIP'>; received: Request }

/** The address of the socket that a request with a JSON body came through; null where there is none, as in a test. */
export function socketAddressOf(request: Request): string | null {
  const sender = (request as { [senderKey]?: Sender })[senderKey]
  return sender?.server.requestIP(sender.received)?.address ?? null
}

/** Remembers who is asked for the address, where somebody wants it; only the shell calls this. */
export function setSender(request: Request, sender: Sender): void {
  ;(request as { [senderKey]?: Sender })[senderKey] = sender
}

/** An answer that is sent many times: all but its request id. */
export type Prepared = { response: Response; headers: Headers }

/** Makes once what `answer` sends many times. */
export function prepare({
  status = 200,
  headers,
  body,
}: {
  status?: number
  headers: Record<string, string>
  body: Blob | string | null
}): Prepared {
  const response = new Response(body, { status, headers: { ...commonHeaders, ...headers } })
  return { response, headers: response.headers }
}

/**
 * A complete answer: what was prepared, with this request's id. The id is set on the prepared headers just before
 * they are copied with the rest. Rejected: a new Response of shared headers (0.2 µs more, of the 6 that a bare
 * server takes for a 304), the id set on the answer (0.3 µs more).
 */
export function answer(requestId: string, { response, headers }: Prepared): Response {
  headers.set('x-request-id', requestId)
  return response.clone() as Response
}

/** The header of an answer that nobody may keep. */
export const noStore = { 'cache-control': 'no-store' } as const

/** JSON that nobody may keep. `body`: a value, or the text of one that the database made. */
export function uncached(
  body: object | string,
  { status = 200, headers = {} }: { status?: number; headers?: Record<string, string> } = {},
): Response {
  return new Response(typeof body === 'string' ? body : JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', ...noStore, ...headers },
  })
}

/** What a page of ours may do: nothing but send its own forms, and those only where it has some. */
export function pagePolicyOf({ hasForm = false }: { hasForm?: boolean } = {}): string {
  return `default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action ${hasForm ? "'self'" : "'none'"}; frame-ancestors 'none'`
}

/** A page whose link is a secret: nobody keeps it, indexes it, or learns of it by a referrer. */
export function secretPage(
  html: string,
  { status = 200, hasForm = false }: { status?: number; hasForm?: boolean } = {},
): Response {
  return new Response(html, {
    status,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      ...noStore,
      'content-security-policy': pagePolicyOf({ hasForm }),
      'referrer-policy': 'no-referrer',
      'x-robots-tag': 'noindex',
    },
  })
}

/** 204: it is done, and there is nothing to tell. */
export function done(): Response {
  return new Response(null, { status: 204, headers: noStore })
}

/** Adds to an answer what every answer carries. */
export function completeAnswer(response: Response, requestId: string): Response {
  response.headers.set('x-request-id', requestId)
  for (const [name, value] of Object.entries(commonHeaders)) response.headers.set(name, value)
  return response
}
