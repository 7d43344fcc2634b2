import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { connect } from 'node:net'
import { Elysia, t } from 'elysia'
import { composeApp } from '../../src/app.ts'
import { AppError } from '../../src/errors.ts'
import { jsonBodyBytesMax, urlRememberedCharsMax } from '../../src/limits.ts'
import { answer, prepare, requestIdOf } from '../../src/platform/answer.ts'
import { createLog } from '../../src/platform/log.ts'
import { createMetrics } from '../../src/platform/metrics.ts'
import type { DirectRoute } from '../../src/platform/route_table.ts'

// The shell around small routes of its own: what it does for every request, whatever the flows are.

const prepareThings = (body: string) =>
  prepare({ headers: { 'content-type': 'application/json', vary: 'Accept-Encoding' }, body })
const things = prepareThings('{"things":[]}')

function testRoutes() {
  return new Elysia({ name: 'test' })
    .get('/things', ({ request }) => answer(requestIdOf(request), things))
    .get('/things/:id', ({ params: { id } }) => ({ id }), {
      params: t.Object({ id: t.String({ pattern: '^[1-9][0-9]{0,14}$', error: 'Expected an id' }) }),
      query: t.Object(
        {
          limit: t.Optional(t.String({ pattern: '^[0-9]+$', error: 'Expected a whole number' })),
          sort: t.Optional(t.Union([t.Literal('up'), t.Literal('down')])),
        },
        { additionalProperties: false },
      ),
    })
    .post('/things', ({ body, status }) => status(201, body), {
      body: t.Object({ name: t.String({ minLength: 1 }), price_cents: t.Integer({ minimum: 0 }) }),
    })
    .delete('/things/:id', () => new Response(null, { status: 204 }))
    .post('/raw/*', async ({ request }) => new Response(await request.bytes()), { parse: 'none' })
    .get('/fails', () => {
      throw new Error('the password is hunter2')
    })
    .get('/fails/later', async () => {
      await Bun.sleep(1)
      throw new TypeError('also secret')
    })
    .get('/busy', () => {
      throw new AppError('busy', 'Too much is waiting', { retryAfterS: 2.4 })
    })
    .get('/gone', () => {
      throw Object.assign(new Error('connect ECONNREFUSED 10.0.0.7:5432'), { code: 'ECONNREFUSED' })
    })
    .get('/sold', () => {
      throw new AppError('unknown_shop', 'No more', { extra: { owned: 2, limit: 2 } })
    })
    .get('/query', ({ query }) => query, { query: t.Object({}, { additionalProperties: false }) })
}

// What a route answers past Elysia, told apart by its body.
const directThings = prepareThings('{"direct":true}')
const readings: string[] = []
const direct: Record<string, DirectRoute> = {
  '/things': ({ query }) => {
    readings.push(query)
    if (query === 'wrong') throw new AppError('bad_request', 'The query is wrong')
    return ({ requestId }) => answer(requestId, directThings)
  },
  '/things/:id': ({ params: { id } }) => {
    const prepared = prepareThings(JSON.stringify({ direct: id }))
    return ({ requestId }) => {
      if (id === '9') throw new AppError('not_found', 'There is no thing 9')
      if (id === '8') return Promise.reject(new Error('a secret'))
      if (id === '7') return Bun.sleep(1).then(() => answer(requestId, prepared))
      return answer(requestId, prepared)
    }
  },
}

async function start(corsOrigins: string[] = [], given: { direct?: Record<string, DirectRoute> } = {}) {
  const lines: Record<string, unknown>[] = []
  const log = createLog({ level: 'info', destination: { write: (line) => lines.push(JSON.parse(line)) } })
  const metrics = createMetrics()
  const app = composeApp(testRoutes(), { config: { corsOrigins }, log, metrics, ...given })
  const server = Bun.serve({ ...app.serve, port: 0, hostname: '127.0.0.1' })
  return {
    url: `http://127.0.0.1:${server.port}`,
    port: server.port as number,
    fetch: app.fetch,
    lines,
    metrics,
    stop: () => server.stop(true),
  }
}

let app: Awaited<ReturnType<typeof start>>
beforeAll(async () => {
  app = await start()
})
afterAll(() => app.stop())

const get = (path: string, init: RequestInit = {}) => fetch(`${app.url}${path}`, init)
const post = (
  path: string,
  body: string | Uint8Array<ArrayBuffer>,
  type: string | null = 'application/json',
) => get(path, { method: 'POST', body, ...(type === null ? {} : { headers: { 'content-type': type } }) })

type Problem = {
  type: string
  title: string
  status: number
  code: string
  detail: string
  request_id: string
  errors?: { path: string; message: string }[]
}

async function problemOf(response: Response): Promise<Problem> {
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  const body = (await response.json()) as Problem
  expect(body.status).toBe(response.status)
  expect(body.request_id).toBe(response.headers.get('x-request-id') as string)
  expect(body.type).toBe(`urn:onsale:problem:${body.code}`)
  expect(body.title).not.toBe('')
  return body
}

/** Sends bytes as they are, for what fetch would put right. */
function send(text: string, { port = app.port, waitMs = 300 } = {}): Promise<string> {
  return new Promise((resolve) => {
    let received = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(text))
    const end = () => {
      socket.destroy()
      resolve(received)
    }
    const timer = setTimeout(end, waitMs)
    socket.on('data', (data) => {
      received += data
      clearTimeout(timer)
      setTimeout(end, 30)
    })
    socket.on('error', end)
    socket.on('close', end)
  })
}

describe('request id', () => {
  test('a well-formed id of the caller comes back', async () => {
    const id = `a.B_9-${'x'.repeat(122)}`
    expect((await get('/things', { headers: { 'x-request-id': id } })).headers.get('x-request-id')).toBe(id)
  })

  test.each(['', 'with space', 'quote"', `${'x'.repeat(129)}`, 'ü'])(
    'an ill-formed id (%p) is replaced',
    async (id) => {
      const given = (await get('/things', { headers: { 'x-request-id': id } })).headers.get('x-request-id')
      expect(given).toMatch(/^[0-9a-f]{8}-[0-9]+$/)
    },
  )

  test('ids of our own differ, also between answers that share their headers', async () => {
    const ids = await Promise.all(
      Array.from({ length: 2_500 }, async () => {
        const response = await app.fetch(new Request('http://localhost/things'))
        return response.headers.get('x-request-id')
      }),
    )
    expect(new Set(ids).size).toBe(2_500)
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9]+$/)
  })

  test('every kind of answer carries one, and nosniff', async () => {
    for (const path of [
      '/things',
      '/things/7',
      '/things/x',
      '/nothing',
      '/fails',
      '/docs',
      '/openapi.json',
    ]) {
      const { headers } = await get(path)
      expect(headers.get('x-request-id')).toMatch(/^[A-Za-z0-9._-]{1,128}$/)
      expect(headers.get('x-content-type-options')).toBe('nosniff')
    }
  })
})

describe('errors', () => {
  test('an unknown path is 404', async () => {
    const response = await get('/nothing')
    expect(response.status).toBe(404)
    expect((await problemOf(response)).code).toBe('not_found')
  })

  test('a path with a slash too many is 404', async () => {
    expect((await get('/things/')).status).toBe(404)
  })

  test('a known path with another method is 405 and tells the methods', async () => {
    const response = await get('/things', { method: 'PUT' })
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe('GET, POST, HEAD, OPTIONS')
    expect((await problemOf(response)).code).toBe('method_not_allowed')
    expect((await get('/things/7', { method: 'PATCH' })).headers.get('allow')).toBe(
      'GET, DELETE, HEAD, OPTIONS',
    )
  })

  test('an unexpected error is 500 and keeps its details', async () => {
    for (const path of ['/fails', '/fails/later']) {
      const response = await get(path)
      expect(response.status).toBe(500)
      const text = await response.text()
      expect(text).not.toMatch(/hunter2|secret|TypeError|stack|\.ts/)
      expect(JSON.parse(text).code).toBe('internal')
    }
    const logged = app.lines.filter((line) => line.level === 'error')
    expect(JSON.stringify(logged)).toContain('hunter2')
    expect(logged[0]).toMatchObject({ route: '/fails', code: 'internal' })
  })

  test('busy is 503 with Retry-After in whole seconds', async () => {
    const response = await get('/busy')
    expect(response.status).toBe(503)
    expect(response.headers.get('retry-after')).toBe('3')
    expect((await problemOf(response)).code).toBe('busy')
  })

  test('a database that is away is 503 without its address', async () => {
    const response = await get('/gone')
    expect(response.status).toBe(503)
    expect(response.headers.get('retry-after')).toBe('1')
    const { code, detail } = await problemOf(response)
    expect(code).toBe('unavailable')
    expect(detail).not.toContain('10.0.0.7')
  })

  test('members of the contract stand beside the standard ones', async () => {
    expect(await (await get('/sold')).json()).toMatchObject({ code: 'unknown_shop', owned: 2, limit: 2 })
  })

  test('no error is stored by a cache', async () => {
    for (const path of ['/nothing', '/things/x', '/fails']) {
      expect((await get(path)).headers.get('cache-control')).toBe('no-store')
    }
  })
})

describe('validation', () => {
  test('a bad path parameter is 400 and named', async () => {
    const response = await get('/things/007')
    expect(response.status).toBe(400)
    const { code, errors } = await problemOf(response)
    expect(code).toBe('bad_request')
    expect(errors).toEqual([{ path: 'path.id', message: 'Expected an id' }])
  })

  test('all bad and unknown query parameters are told at once', async () => {
    const response = await get('/things/7?limit=x&sort=left&nope=1')
    expect(response.status).toBe(400)
    const { errors } = await problemOf(response)
    expect(errors?.toSorted((a, b) => a.path.localeCompare(b.path))).toEqual([
      { path: 'query.limit', message: 'Expected a whole number' },
      { path: 'query.nope', message: 'Unexpected property' },
      { path: 'query.sort', message: "Expected 'up' or 'down'" },
    ])
  })

  test('a repeated query parameter is 400 and named', async () => {
    const response = await get('/things/7?limit=1&sort=up&limit=2')
    expect(response.status).toBe(400)
    expect((await problemOf(response)).errors).toEqual([
      { path: 'query.limit', message: 'Expected at most once' },
    ])
  })

  test('a body that fits is taken, also with a charset', async () => {
    const response = await post('/things', '{"name":"A","price_cents":5}', 'application/json; charset=utf-8')
    expect(response.status).toBe(201)
    expect(await response.json()).toEqual({ name: 'A', price_cents: 5 })
  })

  test('a body with faults is 422 and tells all of them', async () => {
    const response = await post('/things', '{"name":"","colour":"red"}')
    expect(response.status).toBe(422)
    const { code, errors } = await problemOf(response)
    expect(code).toBe('validation_failed')
    expect(errors?.map(({ path }) => path).toSorted()).toEqual(['/colour', '/name', '/price_cents'])
  })

  test.each(['{', '', 'nope', '{"a":1}}'])('malformed JSON (%p) is 400', async (body) => {
    const response = await post('/things', body)
    expect(response.status).toBe(400)
    expect((await problemOf(response)).code).toBe('bad_request')
  })

  test.each(['[]', 'null', '5', '"x"'])('JSON that is no object (%p) is 422', async (body) => {
    expect((await post('/things', body)).status).toBe(422)
  })

  test('a body of another media type is 415', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp', null]) {
      const response = await post('/things', new TextEncoder().encode('{"name":"A","price_cents":5}'), type)
      expect(response.status).toBe(415)
      expect((await problemOf(response)).code).toBe('unsupported_media_type')
    }
  })

  test('a body that is too large is 413, announced or not', async () => {
    const large = JSON.stringify({ name: 'x'.repeat(jsonBodyBytesMax), price_cents: 1 })
    const announced = await post('/things', large)
    expect(announced.status).toBe(413)
    expect((await problemOf(announced)).code).toBe('too_large')

    const pieces = new Blob([large]).stream()
    const counted = await get('/things', {
      method: 'POST',
      body: pieces,
      headers: { 'content-type': 'application/json' },
    })
    expect(counted.status).toBe(413)
  })

  test('a body past every limit is answered with a problem too, and not held', async () => {
    const head = 'POST /things HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n'
    const received = await send(`${head}Content-Length: 99000000000\r\n\r\n{`)
    expect(received).toStartWith('HTTP/1.1 413')
    expect(received).toContain('"code":"too_large"')
  })

  test('a route that reads the bytes itself gets them as they came', async () => {
    const bytes = new Uint8Array([0, 255, 123, 10])
    const response = await post('/raw/a/b', bytes, 'application/json')
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(bytes)
  })
})

describe('URLs', () => {
  test.each(['/things/%zz', '/things/%', '/things/%ff', '/nothing/%c3%28', '/things/1%00'])(
    'malformed percent-encoding in the path (%p) is 400',
    async (path) => {
      const response = await get(path)
      expect(response.status).toBe(400)
      expect((await problemOf(response)).errors).toEqual([
        { path: 'path', message: 'Expected well-formed percent-encoding' },
      ])
    },
  )

  test('malformed percent-encoding in the query is 400 and names the parameter', async () => {
    const response = await get('/things/7?sort=up&limit=%ff')
    expect(response.status).toBe(400)
    expect((await problemOf(response)).errors?.[0]?.path).toBe('query.limit')
  })

  test('well-formed percent-encoding is decoded', async () => {
    expect(await (await get('/things/%37')).json()).toEqual({ id: '7' })
  })

  test.each([
    ['no Host in HTTP/1.0', 'GET /things HTTP/1.0\r\n\r\n'],
    ['a Host that is none', 'GET /things HTTP/1.1\r\nHost: a/b\r\n\r\n'],
    ['an empty Host', 'GET /things HTTP/1.1\r\nHost:\r\n\r\n'],
    ['a short Host', 'GET /things HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a URL as target', 'GET http://shop.example/things HTTP/1.1\r\nHost: x\r\n\r\n'],
  ])('%s finds the route', async (_, text) => {
    expect(await send(text)).toStartWith('HTTP/1.1 200')
  })

  test('a method nobody knows is answered with 405 on a known path', async () => {
    expect(await send('PURGE /things HTTP/1.1\r\nHost: x\r\n\r\n')).toStartWith('HTTP/1.1 405')
  })
})

describe('methods', () => {
  test('HEAD answers as GET does, without the body', async () => {
    for (const path of ['/things', '/things/7', '/nothing', '/openapi.json']) {
      const [head, full] = await Promise.all([get(path, { method: 'HEAD' }), get(path)])
      expect(head.status).toBe(full.status)
      expect(head.headers.get('content-type')).toBe(full.headers.get('content-type'))
      expect(await head.text()).toBe('')
      const length = (await full.arrayBuffer()).byteLength
      // Request ids of our own differ in length, and problems contain them.
      if (full.ok) expect(Number(head.headers.get('content-length'))).toBe(length)
    }
  })

  test('OPTIONS is 204 with the methods', async () => {
    const response = await get('/things/7', { method: 'OPTIONS' })
    expect(response.status).toBe(204)
    expect(response.headers.get('allow')).toBe('GET, DELETE, HEAD, OPTIONS')
    expect((await get('/nothing', { method: 'OPTIONS' })).status).toBe(404)
  })
})

describe('a route that is answered past Elysia', () => {
  let fast: Awaited<ReturnType<typeof start>>
  beforeAll(async () => {
    fast = await start([], { direct })
  })
  afterAll(() => fast.stop())
  const get = (path: string, init: RequestInit = {}) => fetch(`${fast.url}${path}`, init)

  test('gets its parameters, and its answer what every answer carries', async () => {
    expect(await (await get('/things')).json()).toEqual({ direct: true })
    const response = await get('/things/7', { headers: { 'x-request-id': 'mine' } })
    expect(await response.json()).toEqual({ direct: '7' })
    expect(response.headers.get('x-request-id')).toBe('mine')
    expect(fast.lines.at(-1)).toMatchObject({ route: '/things/:id', status: 200, request_id: 'mine' })
  })

  test('reads what a URL names once, and answers it as before with an id of its own', async () => {
    readings.length = 0
    const ids = new Set<string | null>()
    for (let round = 0; round < 3; round++) {
      const response = await get('/things?round')
      expect(await response.json()).toEqual({ direct: true })
      expect(response.headers.get('x-content-type-options')).toBe('nosniff')
      expect(fast.lines.at(-1)).toMatchObject({
        method: 'GET',
        route: '/things',
        path: '/things',
        status: 200,
      })
      ids.add(response.headers.get('x-request-id'))
    }
    expect(ids.size).toBe(3)
    expect(readings).toEqual(['round'])
    await get('/things?other')
    expect(readings).toEqual(['round', 'other'])
  })

  test('refuses a wrong URL each time, and answers one that is too long to be remembered', async () => {
    readings.length = 0
    const long = 'x'.repeat(urlRememberedCharsMax)
    for (let round = 0; round < 2; round++) {
      expect((await get('/things?wrong')).status).toBe(400)
      expect((await get(`/things?${long}`)).status).toBe(200)
    }
    expect(readings).toEqual(['wrong', long, 'wrong', long])
  })

  test('answers another method of a URL that it remembers as before', async () => {
    expect(await (await get('/things')).json()).toEqual({ direct: true })
    expect((await get('/things', { method: 'PUT' })).status).toBe(405)
    const head = await get('/things', { method: 'HEAD' })
    expect([head.status, head.headers.get('content-length')]).toEqual([200, '13'])
  })

  test('is refused for its URL as any other', async () => {
    expect((await get('/things/%zz')).status).toBe(400)
    expect((await get('/things/7?sort=up&sort=up')).status).toBe(400)
  })

  test('has its errors rendered, thrown or rejected', async () => {
    const missing = await get('/things/9')
    expect(missing.status).toBe(404)
    expect((await problemOf(missing)).detail).toBe('There is no thing 9')
    const failed = await get('/things/8')
    expect(failed.status).toBe(500)
    expect(await failed.text()).not.toContain('secret')
    expect(JSON.stringify(fast.lines)).toContain('a secret')
  })

  test('leaves other methods, HEAD and encoded parameters to Elysia', async () => {
    expect(await (await get('/things/%37')).json()).toEqual({ id: '7' })
    expect((await get('/things', { method: 'HEAD' })).headers.get('content-length')).toBe('13')
    expect((await get('/things/7', { method: 'DELETE' })).status).toBe(204)
  })
})

describe('log and metrics', () => {
  test('each request is one line, without query, header or body', async () => {
    app.lines.length = 0
    await get('/things/7?limit=5', { headers: { authorization: 'Bearer abc', 'x-request-id': 'mine' } })
    await post('/things', '{"name":"Secret","price_cents":1}')
    const lines = app.lines.filter((line) => line.msg === 'request')
    expect(lines).toHaveLength(2)
    expect(lines[0]).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]{12}Z$/),
      pid: process.pid,
      request_id: 'mine',
      method: 'GET',
      route: '/things/:id',
      path: '/things/7',
      status: 200,
      ms: expect.any(Number),
      msg: 'request',
    })
    expect(JSON.stringify(app.lines)).not.toMatch(/abc|limit|Secret/)
  })

  test('a line stays JSON whatever the path holds', async () => {
    app.lines.length = 0
    await send('GET /a"b\\c<d\u00e9 HTTP/1.1\r\nHost: x\r\n\r\n')
    await send('GET /a"b\\c HTTP/1.0\r\n\r\n')
    expect(app.lines.map(({ status, route }) => [status, route])).toEqual([
      [404, 'other'],
      [404, 'other'],
    ])
  })

  test('every label is bounded', async () => {
    await get('/no/such/path')
    await send('PURGE /things HTTP/1.1\r\nHost: x\r\n\r\n')
    const text = await app.metrics.registry.metrics()
    expect(text).toMatch(/api_requests_total\{endpoint="other",method="GET",status="404"\} \d+/)
    expect(text).toMatch(/api_requests_total\{endpoint="\/things",method="other",status="405"\} \d+/)
    expect(text).toMatch(/api_response_time_seconds_bucket\{le="0.005",endpoint="\/things\/:id"\} \d+/)
    expect(text).toMatch(/api_response_time_seconds_count\{endpoint="\/things\/:id"\} \d+/)
    expect(text).not.toContain('/no/such/path')
    expect(text).not.toContain('PURGE')
  })

  test('causes of refusals are logged now and then, not a line each', async () => {
    await Bun.sleep(1_000)
    app.lines.length = 0
    for (let n = 0; n < 20; n++) await get('/gone')
    const warnings = app.lines.filter((line) => line.level === 'warn')
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toMatchObject({ code: 'unavailable', route: '/gone', err: { code: 'ECONNREFUSED' } })
  })
})

describe('other origins', () => {
  let shop: Awaited<ReturnType<typeof start>>
  let open: Awaited<ReturnType<typeof start>>
  beforeAll(async () => {
    shop = await start(['https://shop.example', 'https://admin.shop.example'])
    open = await start(['*'])
  })
  afterAll(() => Promise.all([shop.stop(), open.stop()]))

  const from = (origin: string, extra: Record<string, string> = {}) => ({ headers: { origin, ...extra } })
  const preflight = {
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'content-type',
  }

  test('without CORS_ORIGINS nothing is allowed and preflights are plain OPTIONS', async () => {
    const { headers } = await get('/things', from('https://shop.example'))
    expect([...headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([])
    expect(headers.get('vary')).toBe('Accept-Encoding')
    const response = await get('/things', { method: 'OPTIONS', ...from('https://shop.example', preflight) })
    expect(response.headers.has('access-control-allow-origin')).toBe(false)
  })

  test('an allowed origin may read answers and errors, another may not', async () => {
    for (const path of ['/things', '/nothing', '/things/x']) {
      const { headers } = await fetch(`${shop.url}${path}`, from('https://shop.example'))
      expect(headers.get('access-control-allow-origin')).toBe('https://shop.example')
      expect(headers.get('access-control-expose-headers')).toContain('ETag')
      expect(headers.get('vary')).toContain('Origin')
      const other = await fetch(`${shop.url}${path}`, from('https://evil.example'))
      expect(other.headers.has('access-control-allow-origin')).toBe(false)
      expect(other.headers.get('vary')).toContain('Origin')
    }
  })

  test('what was varied by before still is, and the body keeps its length', async () => {
    const { headers } = await fetch(`${shop.url}/things`, from('https://shop.example'))
    expect(headers.get('vary')).toBe('Accept-Encoding, Origin')
    expect(headers.get('content-length')).toBe('13')
    expect((await fetch(`${shop.url}/things`)).headers.get('vary')).toBe('Accept-Encoding, Origin')
  })

  test('a preflight is answered by the library', async () => {
    const init = { method: 'OPTIONS', ...from('https://admin.shop.example', preflight) }
    const { status, headers } = await fetch(`${shop.url}/things`, init)
    expect(status).toBe(204)
    expect(headers.get('access-control-allow-origin')).toBe('https://admin.shop.example')
    expect(headers.get('access-control-allow-methods')).toContain('POST')
    expect(headers.get('access-control-allow-headers')).toContain('Content-Type')
    expect(headers.get('access-control-max-age')).toBe('600')
    const other = await fetch(`${shop.url}/things`, {
      method: 'OPTIONS',
      ...from('https://evil.example', preflight),
    })
    expect(other.headers.has('access-control-allow-origin')).toBe(false)
  })

  test('OPTIONS that is no preflight tells the methods', async () => {
    const response = await fetch(`${shop.url}/things`, { method: 'OPTIONS' })
    expect(response.headers.get('allow')).toContain('GET')
  })

  test('any origin is told so in a way that caches can share', async () => {
    const { headers } = await fetch(`${open.url}/things`, from('https://anyone.example'))
    expect(headers.get('access-control-allow-origin')).toBe('*')
    expect(headers.get('vary')).toBe('Accept-Encoding')
  })
})
