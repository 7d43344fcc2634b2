import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Asked = {
  path: string
  token: string | undefined
  query: string
  variables: Record<string, unknown>
  body: string
  at: number
}

/** Answers one request; what it does not end stays open. */
export type Play = (asked: Asked, response: ServerResponse, request: IncomingMessage) => void | Promise<void>

export type FakeAdminApi = {
  url: string
  asked: Asked[]
  /** What is played from now on: each once, then the last one for ever. */
  play: (...plays: Play[]) => void
  stop: () => Promise<void>
}

/** An Admin API that plays what a test tells it to, and remembers what it was asked. */
export async function startFakeAdminApi(): Promise<FakeAdminApi> {
  const asked: Asked[] = []
  let plays: Play[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const { query = '', variables = {} } = body.startsWith('{') ? JSON.parse(body) : {}
    const token = request.headers['x-shopify-access-token']?.toString()
    const one = { path: request.url ?? '', token, query, variables, body, at: performance.now() }
    asked.push(one)
    const play = plays.length > 1 ? plays.shift() : plays[0]
    await play?.(one, response, request)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/admin/api/2026-10/graphql.json`,
    asked,
    play: (...next) => {
      plays = next
      asked.length = 0
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** JSON under a status and headers. */
export function answers(body: unknown, status = 200, headers: Record<string, string> = {}): Play {
  return (_, response) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers }).end(text)
  }
}

/** A bucket of points, as Shopify keeps one for each app and shop. */
export function pointsBucket({
  maximum,
  restoreRate,
  cost,
}: Record<'maximum' | 'restoreRate' | 'cost', number>) {
  let available = maximum
  let availableAt = performance.now()
  let throttled = 0
  const restore = () => {
    const now = performance.now()
    available = Math.min(maximum, available + ((now - availableAt) / 1_000) * restoreRate)
    availableAt = now
  }
  const costOf = (isDone: boolean) => ({
    cost: {
      requestedQueryCost: cost,
      actualQueryCost: isDone ? cost : null,
      throttleStatus: {
        maximumAvailable: maximum,
        currentlyAvailable: Math.floor(available),
        restoreRate,
      },
    },
  })
  const play: Play = (asked, response, request) => {
    restore()
    const isDone = available >= cost
    if (isDone) available -= cost
    else throttled++
    const errors = [{ message: 'Throttled', extensions: { code: 'THROTTLED' } }]
    return answers({ ...(isDone ? { data: {} } : { errors }), extensions: costOf(isDone) })(
      asked,
      response,
      request,
    )
  }
  return {
    play,
    throttled: () => throttled,
    left: () => available,
    /** What somebody else takes. */
    drain: (points: number) => {
      restore()
      available -= points
    },
  }
}
