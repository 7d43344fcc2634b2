import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { addEvent, rename, sell } from '../catalog.ts'
import { apply, delivery, level, product } from '../deliveries.ts'
import { expectVerified, type TestDatabase, testDatabase } from '../harness.ts'
import { backCounters } from '../sales.ts'
import { type CatalogServer, serveCatalog } from '../serving.ts'

// The public reads over real HTTP on a real database: what the wire contract says of them.

let database: TestDatabase
let server: CatalogServer
let jazz: number
let rock: number
let hidden: number

beforeAll(async () => {
  database = await testDatabase()
  const { admin } = database
  jazz = await addEvent(admin, { title: 'Jazz Évening', category: 'jazz', startsAt: '2098-03-01T19:00:00Z' })
  rock = await addEvent(admin, {
    title: 'Rock Night',
    description: 'x'.repeat(3000),
    startsAt: '2098-02-01T19:00:00Z',
    tickets: [
      { name: 'Front', position: 2 },
      { name: 'Back', position: 1 },
    ],
  })
  hidden = await addEvent(admin, { title: 'Draft', status: 'draft' })
  await apply(admin, delivery('products/create', product({ id: 632910392 })))
  server = await serveCatalog(database)
})
afterAll(async () => {
  await server.stop()
  // Sales are written as counters here.
  await backCounters(database.admin)
  await expectVerified(database.admin)
  await database.drop()
})

const get = (path: string, init?: RequestInit) =>
  fetch(`${server.url}${path}`, { decompress: false, ...init })
const json = async (path: string) => (await get(path)).json() as Promise<Record<string, unknown>>

describe('answers', () => {
  test('a list, an event by either id, its tickets and its availability', async () => {
    const list = await json('/events')
    expect(Object.keys(list)).toEqual([
      'events',
      'page',
      'limit',
      'total',
      'total_relation',
      'pages',
      'next_cursor',
    ])
    expect((list.events as { id: number }[]).map((event) => event.id).slice(0, 2)).toEqual([rock, jazz])
    expect(await json(`/events/${rock}`)).toMatchObject({ id: rock, title: 'Rock Night' })
    expect(await json('/events/shopify:632910392')).toMatchObject({ shopify_product_id: '632910392' })
    const { tickets } = await json(`/events/${rock}/tickets`)
    expect((tickets as { name: string }[]).map((ticket) => ticket.name)).toEqual(['Back', 'Front'])
    expect((await json('/events/shopify:632910392/tickets')).tickets).toHaveLength(1)
    expect((await json(`/events/${rock}/availability`)).tickets).toHaveLength(2)
    expect((await json('/events/shopify:632910392/availability')).tickets).toHaveLength(1)
  })

  test('what is not to be seen is 404, also when asked again', async () => {
    for (const path of [
      `/events/${hidden}`,
      '/events/999999999',
      '/events/shopify:5',
      '/events/shopify:5/tickets',
    ]) {
      for (let round = 0; round < 2; round++) {
        const response = await get(path)
        expect(response.status).toBe(404)
        expect(response.headers.get('content-type')).toBe('application/problem+json')
        expect(response.headers.get('cache-control')).toBe('no-store')
        expect(await response.json()).toMatchObject({ code: 'not_found', status: 404 })
      }
    }
    expect((await get('/events/999999999/availability')).status).toBe(404)
  })

  test('cached reads carry what browsers and CDNs need, availability forbids them', async () => {
    for (const path of ['/events', `/events/${rock}`, `/events/${rock}/tickets`]) {
      await get(path)
      const { headers, status } = await get(path)
      expect(status).toBe(200)
      expect(Object.fromEntries(headers)).toMatchObject({
        'content-type': 'application/json; charset=utf-8',
        'cache-control': 'public, max-age=5, s-maxage=1, stale-while-revalidate=30, stale-if-error=600',
        vary: 'Accept-Encoding',
        'x-cache': 'hit',
      })
      expect(headers.get('etag')).toMatch(/^"[A-Za-z0-9_-]{22}"$/)
    }
    const { headers } = await get(`/events/${rock}/availability`)
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.get('etag')).toBeNull()
  })

  test('HEAD is GET without the body', async () => {
    const whole = await get(`/events/${rock}`)
    const head = await get(`/events/${rock}`, { method: 'HEAD' })
    expect(head.status).toBe(200)
    expect(head.headers.get('etag')).toBe(whole.headers.get('etag'))
    expect(head.headers.get('content-length')).toBe(String((await whole.bytes()).length))
    expect(await head.text()).toBe('')
    expect((await get('/events/999999999', { method: 'HEAD' })).status).toBe(404)
  })
})

describe('conditional requests', () => {
  test('304 where the client has it: alone, in a list, weak, or any', async () => {
    const etag = (await get(`/events/${rock}`)).headers.get('etag')!
    for (const known of [etag, `"other", ${etag}`, `W/${etag}`, `"a",W/${etag} , "b"`, '*', ` ${etag} `]) {
      const response = await get(`/events/${rock}`, { headers: { 'if-none-match': known } })
      expect([known, response.status]).toEqual([known, 304])
      expect(response.headers.get('etag')).toBe(etag)
      expect(response.headers.get('cache-control')).toContain('s-maxage=1')
      expect(await response.text()).toBe('')
    }
    for (const known of ['"other"', etag.slice(1, -1), 'W/"other", "x"', '']) {
      const response = await get(`/events/${rock}`, { headers: { 'if-none-match': known } })
      expect([known, response.status]).toEqual([known, 200])
    }
    expect((await get('/events/999999999', { headers: { 'if-none-match': '*' } })).status).toBe(404)
  })

  test('an edit changes the ETag, and the old one no longer matches', async () => {
    const before = (await get(`/events/${jazz}`)).headers.get('etag')!
    await rename(database.admin, jazz, 'Jazz Morning')
    await server.until(async () => (await get(`/events/${jazz}`)).headers.get('etag') !== before)
    const response = await get(`/events/${jazz}`, { headers: { 'if-none-match': before } })
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({ title: 'Jazz Morning', version: 2 })
  })
})

describe('encodings', () => {
  const encodingOf = async (accepted: string, path = `/events/${rock}`) => {
    const response = await get(path, { headers: { 'accept-encoding': accepted } })
    return { encoding: response.headers.get('content-encoding'), response }
  }

  test('each encoding has its own ETag and the same content', async () => {
    const plain = await (await encodingOf('identity')).response.text()
    const gzip = await encodingOf('gzip')
    const br = await encodingOf('br')
    expect(gzip.encoding).toBe('gzip')
    expect(br.encoding).toBe('br')
    expect(gunzipSync(await gzip.response.bytes()).toString()).toBe(plain)
    expect(brotliDecompressSync(await br.response.bytes()).toString()).toBe(plain)
    const tags = ['identity', 'gzip', 'br'].map(
      async (encoding) => (await encodingOf(encoding)).response.headers.get('etag')!,
    )
    const [identityTag, gzipTag, brTag] = await Promise.all(tags)
    expect(new Set([identityTag, gzipTag, brTag]).size).toBe(3)

    const conditional = (accepted: string, etag: string) =>
      get(`/events/${rock}`, { headers: { 'accept-encoding': accepted, 'if-none-match': etag } })
    expect((await conditional('gzip', gzipTag!)).status).toBe(304)
    expect((await conditional('gzip', gzipTag!)).headers.get('content-encoding')).toBeNull()
    expect((await conditional('br', gzipTag!)).status).toBe(200)
    expect((await conditional('identity', gzipTag!)).status).toBe(200)
  })

  test('the client chooses by weight; what it refuses it does not get', async () => {
    const wanted = {
      'gzip, deflate, br, zstd': 'br',
      'gzip, br;q=0.5': 'gzip',
      'br;q=0, gzip;q=0.1': 'gzip',
      'gzip;q=0, br;q=0': null,
      '*': 'br',
      '*;q=0': null,
      'identity, gzip;q=0.5': null,
      deflate: null,
      GZIP: 'gzip',
      '': null,
    }
    for (const [accepted, encoding] of Object.entries(wanted)) {
      expect([accepted, (await encodingOf(accepted)).encoding]).toEqual([accepted, encoding])
    }
  })

  test('a small body is sent as it is', async () => {
    expect((await encodingOf('gzip, br', `/events/${jazz}/availability`)).encoding).toBeNull()
    expect((await encodingOf('gzip, br', '/events?search=zzzzzz')).encoding).toBeNull()
  })
})

describe('what is wrong is told with its path, all at once', () => {
  const faultsOf = async (path: string) => {
    const response = await get(path)
    const body = (await response.json()) as { code: string; errors?: { path: string }[] }
    return [response.status, body.code, ...(body.errors ?? []).map((fault) => fault.path)]
  }
  const refused: Record<string, string[]> = {
    '/events?limit=0': ['query.limit'],
    '/events?limit=101': ['query.limit'],
    '/events?limit=1e1': ['query.limit'],
    '/events?limit=': ['query.limit'],
    '/events?page=0': ['query.page'],
    '/events?page=-1': ['query.page'],
    '/events?page=501': ['query.page'],
    '/events?page=2&limit=10&page=3': ['query.page'],
    '/events?foo=1&bar=2': ['query.foo', 'query.bar'],
    '/events?Page=1': ['query.Page'],
    '/events?from=yesterday': ['query.from'],
    '/events?from=2026-02-30': ['query.from'],
    '/events?from=2026-13-01T00:00:00Z': ['query.from'],
    '/events?from=2026-01-01T25:00:00Z': ['query.from'],
    '/events?from=2026-01-01T10:00:00': ['query.from'],
    '/events?to=20261201': ['query.to'],
    '/events?from=2027-01-02&to=2027-01-01': ['query.to'],
    '/events?sort=price': ['query.sort'],
    '/events?sort=relevance': ['query.sort'],
    '/events?category=': ['query.category'],
    '/events?search=%20': ['query.search'],
    [`/events?search=${'x'.repeat(201)}`]: ['query.search'],
    '/events?cursor=': ['query.cursor'],
    '/events?cursor=abc': ['query.cursor'],
    [`/events?cursor=${cursorOf(['starts_at', "1'; drop", 1])}`]: ['query.cursor'],
    [`/events?cursor=${cursorOf(['starts_at', '1', -1])}`]: ['query.cursor'],
    [`/events?cursor=${cursorOf(['starts_at', '1'])}`]: ['query.cursor'],
    [`/events?cursor=${cursorOf(['price', '1', 1])}`]: ['query.cursor'],
    [`/events?cursor=${cursorOf({ a: 1 })}`]: ['query.cursor'],
    [`/events?cursor=${cursorOf(['title', 'a', 1])}`]: ['query.cursor'],
    [`/events?page=1&cursor=${cursorOf(['starts_at', '1', 1])}`]: ['query.page'],
    '/events?limit=0&page=x&from=x&to=x&sort=x&x=x': [
      'query.x',
      'query.limit',
      'query.page',
      'query.from',
      'query.to',
      'query.sort',
    ],
    '/events/0': ['path.id'],
    '/events/007': ['path.id'],
    '/events/-1': ['path.id'],
    '/events/1e3': ['path.id'],
    '/events/1.5': ['path.id'],
    '/events/9007199254740993': ['path.id'],
    '/events/shopify:': ['path.id'],
    '/events/shopify:0': ['path.id'],
    '/events/shopify:12x': ['path.id'],
    '/events/abc/tickets': ['path.id'],
    '/events/abc/availability': ['path.id'],
    '/events/1?x=1': ['query.x'],
    '/events/1/tickets?page=1': ['query.page'],
    '/events/1/availability?page=1': ['query.page'],
  }
  for (const [path, paths] of Object.entries(refused)) {
    test(`${path.slice(0, 70)} is 400`, async () => {
      expect(await faultsOf(path)).toEqual([400, 'bad_request', ...paths])
    })
  }

  test('page past the rows that are counted names the cursor', async () => {
    const response = await get('/events?page=101&limit=100')
    expect(JSON.stringify(await response.json())).toContain('cursor')
  })

  test('status wants a login', async () => {
    expect((await get('/events?status=draft')).status).toBe(401)
  })

  test('bad percent-encoding and NUL are 400', async () => {
    expect((await get('/events?search=%')).status).toBe(400)
    expect((await get('/events?search=a%00b')).status).toBe(400)
  })

  test('other methods are 405 with Allow', async () => {
    for (const path of [
      '/events',
      `/events/${rock}`,
      `/events/${rock}/tickets`,
      `/events/${rock}/availability`,
    ]) {
      const response = await get(path, { method: 'DELETE' })
      expect(response.status).toBe(405)
      expect(response.headers.get('allow')).toContain('GET')
    }
  })
})

describe('queries that mean the same', () => {
  test('share one entry of the cache', async () => {
    const first = await get('/events?limit=20&page=1&search=JAZZ%20%20Morning&from=2098-01-01')
    const again = await get('/events?from=2098-01-01T00:00:00%2B00:00&search=jazz+morning&limit=20')
    expect([first.headers.get('x-cache'), again.headers.get('x-cache')]).toEqual(['miss', 'hit'])
    expect(await again.text()).toBe(await first.text())
  })

  test('a date as upper bound includes its day', async () => {
    const titlesOf = async (path: string) =>
      ((await json(path)).events as { title: string }[]).map((event) => event.title)
    expect(await titlesOf('/events?from=2098-02-01&to=2098-02-01')).toEqual(['Rock Night'])
    expect(await titlesOf('/events?from=2098-02-01&to=2098-02-01T18:59:59Z')).toEqual([])
    expect(await titlesOf('/events?from=2098-02-01T19:00:00.000001Z&to=2098-02-28')).toEqual([])
    expect(await titlesOf('/events?from=2098-02-01T20:00:00%2B01:00&to=2098-02-28')).toEqual(['Rock Night'])
    expect(await titlesOf('/events?from=2098-02-01T20:00:00+01:00&to=2098-02-28')).toEqual(['Rock Night'])
  })
})

describe('freshness', () => {
  test('a sale is in the details within the promise, and at once in availability', async () => {
    const leftOf = async (path: string) => {
      const { tickets } = (await (await get(path)).json()) as { tickets: { available: number }[] }
      return tickets.map((ticket) => ticket.available)
    }
    await get(`/events/${rock}`)
    await sell(database.admin, rock, 7)
    const soldAt = performance.now()
    expect(await leftOf(`/events/${rock}/availability`)).toEqual([93, 93])
    await server.until(async () => (await leftOf(`/events/${rock}`))[0] === 93)
    expect(performance.now() - soldAt).toBeLessThan(500)
    expect(await leftOf(`/events/${rock}/tickets`)).toEqual([93, 93])
  })

  test('a webhook is seen in details and lists', async () => {
    const id = (await json('/events/shopify:632910392')).id as number
    await apply(database.admin, delivery('inventory_levels/update', level(41)))
    await server.until(async () => (await json(`/events/${id}`)).available === 41)
    await server.until(async () =>
      ((await json('/events')).events as { id: number; available: number }[]).some(
        (event) => event.id === id && event.available === 41,
      ),
    )
    await apply(database.admin, delivery('products/delete', { id: 632910392 }))
    await server.until(async () => (await get(`/events/${id}`)).status === 404)
  })

  test('what was 404 is seen as soon as it is there', async () => {
    expect((await get('/events/shopify:777')).status).toBe(404)
    await apply(database.admin, delivery('products/create', product({ id: 777, variants: [] })))
    await server.until(async () => (await get('/events/shopify:777')).status === 200)
  })
})

function cursorOf(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
