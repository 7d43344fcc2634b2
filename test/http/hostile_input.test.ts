import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import { jsonBodyBytesMax } from '../../src/limits.ts'
import { addEvent } from '../catalog.ts'
import { product } from '../deliveries.ts'
import { expectVerified, type TestDatabase, testDatabase } from '../harness.ts'
import {
  type DeclaredRoute,
  declaredRoutes,
  fullBody,
  type Place,
  partsOf,
  type Schema,
  typeOf,
  withValue,
} from '../routes.ts'
import { place, ticketsOf } from '../sales.ts'
import {
  type Answer,
  type Asked,
  type RunningService,
  runService,
  type Somebody,
  webhookSecret,
} from '../service.ts'

type Taking = DeclaredRoute & { body: { schema: Schema; example: unknown } }

let database: TestDatabase
let service: RunningService
let routes: DeclaredRoute[]
let admin: Somebody
let event: number
let ticket: number
let order: number

beforeAll(async () => {
  database = await testDatabase({ connections: 4 })
  service = await runService(database)
  routes = await declaredRoutes()
  admin = await service.somebody({ role: 'ADMIN' })
  event = await addEvent(database.admin)
  ticket = (await ticketsOf(database.admin, event))[0] ?? 0
  const now = new Date().toISOString()
  const [placed] = await place(database.admin, event, [{ user: admin.id, items: [[ticket, 1]] }], { now })
  order = placed?.body.id ?? 0
})
afterAll(async () => {
  await expectVerified(database.admin)
  await service.stop()
  await database.drop()
})

/** As an admin, who may everything; what a request of his ends is begun anew. */
async function ask(url: string, asked: Asked = {}): Promise<Answer> {
  const answer = await service.ask(url, { token: admin.token, ...asked })
  if (/logout-everywhere|password/.test(url) && answer.status < 300)
    admin = await service.somebody({ role: 'ADMIN' })
  return answer
}

/** The route, asked of things that there are. */
function urlOf({ method, path }: DeclaredRoute): string {
  const ids: Record<string, number> = { events: event, tickets: ticket, orders: order, bookings: order }
  const named = path.replace(/([\w-]+)\/:\w+/g, (_, kind: string) => `${kind}/${ids[kind] ?? 1}`)
  return `${method} ${named.replace('*', 'orders/create')}`
}

const taking = () => routes.filter((route): route is Taking => route.body !== null)
/** What a problem weighs at most, however much was wrong. */
const problemCharsMax = 64 * 1024

function expectRefused(what: unknown[], answer: Answer, statuses: number[] = [400, 404, 413, 422]): void {
  expect([...what, statuses.includes(answer.status) ? 'refused' : answer.status]).toEqual([
    ...what,
    'refused',
  ])
  // A page says it in its own words.
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json$|^text\/html/)
  expect([...what, answer.text.length < problemCharsMax]).toEqual([...what, true])
}

/** It still answers, and from the same data. */
async function expectWell(): Promise<void> {
  expect((await service.ask(`GET /events/${event}/availability`)).status).toBe(200)
}

describe('fields that nobody may set', () => {
  const privileged: Record<string, unknown> = {
    id: 1,
    role: 'ADMIN',
    user_id: 1,
    price_cents: 0,
    total_cents: 0,
    paid_cents: 0,
    status: 'PAID',
    version: 1,
    channel: 'direct',
    currency: 'XXX',
    sold: 0,
    held: 0,
    capacity: 1_000_000,
    is_admin: true,
    scopes: ['checkin'],
    token_generation: 1,
    password_hash: 'x',
    created_at: '2020-01-01T00:00:00Z',
    expires_at: '2099-01-01T00:00:00Z',
    deleted_at: null,
    shopify_product_id: '1',
    units: [],
    $where: '1',
    constructor: {},
    'role ': 'ADMIN',
  }

  test('are refused by name in every object of every body, and nothing is stored', async () => {
    const before = await service.state()
    for (const route of taking()) {
      const body = fullBody(route.body.schema)
      const objects = partsOf(route.body.schema, body).filter(({ schema }) => typeOf(schema) === 'object')
      expect([route.name, objects.length > 0]).toEqual([route.name, true])
      for (const { place, schema } of objects) {
        for (const [field, value] of Object.entries(privileged)) {
          if (Object.hasOwn(schema.properties ?? {}, field)) continue
          const answer = await ask(urlOf(route), { body: withValue(body, [...place, field], value) })
          expectRefused([route.name, place, field], answer, [422])
          const where = `/${[...place, field].join('/')}`
          const told = (answer.body.errors as { path: string }[]).some(
            // Of what may be null the schema tells only that it fits neither.
            ({ path }) => path === where || (path !== '/' && where.startsWith(`${path}/`)),
          )
          expect([route.name, where, told]).toEqual([route.name, where, true])
        }
      }
    }
    expect(await service.state()).toEqual(before)
  })

  test('are refused as __proto__, too', async () => {
    const before = await service.state()
    for (const route of taking()) {
      const example = JSON.stringify(route.body.example)
      for (const text of [
        example.replace('{', '{"__proto__": {"role": "ADMIN", "version": 1}, '),
        example.replace('{', '{"constructor": {"prototype": {"role": "ADMIN"}}, '),
        '{"__proto__": {"role": "ADMIN"}}',
      ]) {
        expectRefused([route.name, text], await ask(urlOf(route), { text }), [422])
      }
    }
    expect(({} as { role?: string }).role).toBeUndefined()
    expect(await service.state()).toEqual(before)
  })

  test('are refused in the query of every route', async () => {
    for (const route of routes.filter(({ access }) => access !== 'signed')) {
      for (const query of ['role=ADMIN', 'user_id=1', '__proto__=1', 'constructor=1', 'id=1']) {
        const body = route.body === null ? {} : { body: route.body.example }
        const answer = await ask(
          `${urlOf({ ...route, path: route.path.replace(/:\w+/g, '999999999') })}?${query}`,
          body,
        )
        expectRefused([route.name, query], answer, [400])
      }
    }
  })
})

describe('ids that are none', () => {
  const guesses = [
    ...'0 -1 1e3 01 1.0 +1 0x1 9007199254740993 999999999999999 NaN null undefined 1,2 1;2 [] {}'.split(' '),
    ...'%00 1%00 %20 1%20 ..%2f ..%2f..%2fadmin %2e%2e%2f1 %E0%A4%A %ff %25 1%0d%0aX:1'.split(' '),
    ...'%D9%A1 %EF%BC%91 %E2%82%81 %F0%9F%8E%AB __proto__ constructor'.split(' '),
    ...["1'--", 'shopify:0', 'shopify:9223372036854775808'],
    ...['9'.repeat(4_000), 'a'.repeat(4_000), '1'.repeat(16)],
  ]

  test('are refused or not found in every path, and change nothing', async () => {
    const before = await service.state()
    const named = routes.filter(({ path }) => path.includes(':'))
    expect(named.length).toBeGreaterThan(15)
    for (const route of named) {
      const body = route.body === null ? {} : { body: route.body.example }
      for (const guess of guesses) {
        const url = `${route.method} ${route.path.replace(/:\w+/, guess).replace(/:\w+/g, '1')}`
        const answer = await ask(url, body)
        expectRefused([route.name, guess.slice(0, 40)], answer, [400, 404])
      }
    }
    expect(await service.state()).toEqual(before)
  })

  test('lead nowhere by dots in the path as it was sent', async () => {
    for (const path of [
      '/orders/../admin/api-keys',
      '/docs/assets/../../package.json',
      '//admin/api-keys',
      '/orders/./1',
    ]) {
      const answered = await service.exchange(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
      expect([path, answered.split(' ')[1]]).toEqual([path, expect.stringMatching(/^40[0-4]$/)])
    }
  })
})

describe('bodies out of all measure', () => {
  test('are too large by one byte, announced or not', async () => {
    for (const route of taking()) {
      const text = JSON.stringify(route.body.example).padEnd(jsonBodyBytesMax + 1)
      expectRefused([route.name], await ask(urlOf(route), { text }), [413])
      const stream = new Blob([text]).stream()
      const response = await fetch(service.url + urlOf(route).split(' ')[1], {
        method: route.method,
        headers: { authorization: `Bearer ${admin.token}`, 'content-type': 'application/json' },
        body: stream,
      })
      expect([route.name, response.status]).toEqual([route.name, 413])
      await response.text()
    }
  })

  test('are refused when they are nested however deep', async () => {
    const deep = [
      '['.repeat(100_000),
      `${'['.repeat(100_000)}${']'.repeat(100_000)}`,
      `${'{"a":'.repeat(40_000)}1${'}'.repeat(40_000)}`,
    ]
    for (const route of taking()) {
      const example = JSON.stringify(route.body.example)
      for (const text of [...deep, ...deep.map((part) => example.replace('{', `{"deep":${part},`))]) {
        expectRefused([route.name, text.slice(0, 30)], await ask(urlOf(route), { text }), [400, 422, 413])
      }
    }
    await expectWell()
  })

  test('are kept as failed where they are signed and nested however deep', async () => {
    for (const topic of [
      'products/update',
      'orders/create',
      'inventory_levels/update',
      'customers/redact',
      'other',
    ]) {
      for (const [open, close] of [
        ['[', ']'],
        ['{"id":', '}'],
        ['{"line_items":[', ']}'],
        ['{"variants":[', ']}'],
        ['{"customer":', '}'],
      ] as const) {
        const text = open.repeat(100_000)
        for (const sent of [text, `${text}1${close.repeat(100_000)}`]) {
          const answer = await service.ask(`POST /webhooks/${topic}`, { text: sent, headers: signed(sent) })
          expect([topic, open, answer.status]).toEqual([topic, open, 200])
          expect([topic, open, ['failed', 'ignored']]).toEqual([
            topic,
            open,
            expect.arrayContaining([answer.body.outcome]),
          ])
        }
      }
    }
    await expectWell()
  })

  test('are refused when an array or a text in them has no end', async () => {
    for (const route of taking()) {
      const body = fullBody(route.body.schema)
      for (const { place, schema } of partsOf(route.body.schema, body)) {
        for (const value of hugeFor(schema)) {
          const answer = await ask(urlOf(route), { body: withValue(body, place, value) })
          expectRefused([route.name, place, JSON.stringify(value).slice(0, 20)], answer, [422, 413])
        }
      }
    }
    await expectWell()
  })

  test('are refused when they are no object', async () => {
    for (const route of taking()) {
      for (const text of [
        '',
        ' ',
        'null',
        'true',
        '1',
        '"text"',
        '[]',
        '{',
        '{}}',
        '\u0000',
        '{"a":NaN}',
        '\ufeff{}',
        '1e999',
      ]) {
        expectRefused([route.name, text], await ask(urlOf(route), { text }), [400, 422])
      }
    }
  })
})

function hugeFor(schema: Schema): unknown[] {
  const many = 100_000
  const type = typeOf(schema)
  if (type === 'array') return [Array(many).fill(0), Array(many).fill(null), Array(60_000).fill({})]
  if (type === 'string') return ['x'.repeat(200_000), Array(many).fill(0)]
  if (type === 'object')
    return [Object.fromEntries(Array.from({ length: 10_000 }, (_, nth) => [`field${nth}`, nth]))]
  return [1e308, Array(many).fill(0)]
}

describe('text that means something elsewhere', () => {
  const texts = [
    "'; drop table onsale.orders; --",
    `" or 1=1 --`,
    "\\'; select pg_sleep(60); --",
    '$$; delete from onsale.users; $$',
    '%',
    '_',
    '\\',
    '%\\',
    "''",
    '"',
    '{}',
    '{"a"',
    'null',
    'a\u0000b',
    '\u0000',
    '\ud800',
    'a\udfff',
    '\u202e',
    '=1+1',
    '<script>alert(1)</script>',
    '../../etc/passwd',
    '\r\nSet-Cookie: a=b',
    '::1/0',
    'infinity',
    '2026-02-30T00:00:00Z',
    '(((((((((((((((((((((((((((((((a+)+)+)+',
    'e\u0301'.repeat(50),
  ]

  test('is text in every field of every body', async () => {
    for (const route of taking()) {
      const body = fullBody(route.body.schema)
      const fields = partsOf(route.body.schema, body).filter(({ schema }) => typeOf(schema) === 'string')
      for (const { place } of fields) {
        // Beside everything, and beside what else is right, so that nothing else is refused before it is read.
        const bodies = [body, fullBody(route.body.schema, place)]
        if (place.length === 1) bodies.push(route.body.example)
        for (const given of bodies.filter((one, nth) => !Bun.deepEquals(one, bodies[nth - 1]))) {
          for (const text of texts) {
            // Edits name the version that they looked at; each is to be the first.
            if (Object.hasOwn(route.body.schema.properties ?? {}, 'version'))
              await database.admin`
                with events as (update onsale.events set version = 1 where id = ${event})
                update onsale.tickets set version = 1 where id = ${ticket}`
            const { status } = await ask(urlOf(route), {
              body: withValue(given, place, text),
              headers: { 'idempotency-key': crypto.randomUUID() },
            })
            expect([route.name, place, text, status < 500]).toEqual([route.name, place, text, true])
          }
        }
      }
    }
    await expectWhole()
  })

  test('is text in every parameter of a query', async () => {
    const asking = routes.filter(({ query }) => query.length > 0)
    expect(asking.length).toBeGreaterThan(2)
    for (const route of asking) {
      for (const name of route.query) {
        for (const text of texts) {
          const { status } = await ask(`${urlOf(route)}?${name}=${encoded(text)}`)
          expect([route.name, name, text, status < 500]).toEqual([route.name, name, text, true])
        }
      }
    }
    await expectWhole()
  })

  test('is text in the place where a list goes on', async () => {
    for (const sort of ['title', 'starts_at', '-starts_at', 'relevance']) {
      for (const key of texts) {
        const cursor = Buffer.from(JSON.stringify([sort, key, 1])).toString('base64url')
        const { status } = await ask(`GET /events?search=rock&sort=${sort}&cursor=${cursor}`)
        expect([sort, key, status < 500]).toEqual([sort, key, true])
      }
    }
    await expectWhole()
  })

  test('is text in every header that is read', async () => {
    const headers = [
      'idempotency-key',
      'x-request-id',
      'if-none-match',
      'accept-encoding',
      'x-forwarded-for',
      'forwarded',
      'origin',
      'cookie',
      'user-agent',
    ]
    for (const route of routes) {
      const url = urlOf({ ...route, path: route.path.replace(/:\w+/g, '999999999') })
      for (const text of texts.filter((text) => /^[\x20-\x7e]+$/.test(text))) {
        const body = route.body === null ? {} : { body: route.body.example }
        const given = Object.fromEntries(headers.map((header) => [header, text]))
        for (const more of [
          {},
          { authorization: text },
          { authorization: `Bearer ${text}` },
          { 'content-type': text },
        ]) {
          const { status } = await ask(url, { ...body, headers: { ...given, ...more } })
          expect([route.name, more, text, status < 500]).toEqual([route.name, more, text, true])
        }
      }
    }
    await expectWhole()
  })

  test('is text in a delivery, or keeps it as failed', async () => {
    const body = product()
    const places = textsIn(body)
    expect(places.length).toBeGreaterThan(5)
    const names = ['topic', 'webhook-id', 'shop-domain', 'triggered-at', 'event-id', 'api-version']
    for (const text of texts.filter((text) => /^[\x20-\x7e]+$/.test(text))) {
      for (const name of names) {
        const sent = JSON.stringify(body)
        const headers = { ...signed(sent), 'x-shopify-topic': 'products/update', [`x-shopify-${name}`]: text }
        const { status } = await service.ask('POST /webhooks/shopify', { text: sent, headers })
        expect([name, text, status < 500]).toEqual([name, text, true])
      }
    }
    for (const where of places) {
      for (const text of texts) {
        const sent = JSON.stringify(withValue({ ...body, id: 77 }, where, text))
        const { status } = await service.ask('POST /webhooks/products/update', {
          text: sent,
          headers: signed(sent),
        })
        expect([where, text, status]).toEqual([where, text, 200])
      }
    }
    await expectWhole()
  })
})

describe('what leaves', () => {
  test('runs as no formula in the table of orders, whoever named himself or an event like one', async () => {
    const starts = ['=', '+', '-', '@', '\t', '\r', '\n', ' =', ';=', ',=', '"=', "',="]
    const named = starts.map((start) => `${start}cmd|' /C calc'!A0`)
    const made = await ask('POST /events', {
      body: {
        channel: 'direct',
        title: named[0],
        status: 'active',
        starts_at: '2098-06-01T19:00:00Z',
        per_user_limit: null,
        tickets: named.map((name) => ({ name, sku: name, price_cents: 0, capacity: 10 })),
      },
    })
    expect(made.status).toBe(201)
    const tickets = (made.body.tickets as { id: number }[]).map(({ id }) => id)
    // More than signing up takes for an address.
    for (const [nth, start] of starts.entries()) {
      const buyer = await service.somebody({ email: `${start}${nth}@example.com` })
      const items = tickets.map((ticket_id) => ({ ticket_id, qty: 1 }))
      const body = { items: items.slice(nth % 2), client_token: 'one' }
      expect((await service.ask('POST /orders', { token: buyer.token, body })).status).toBeLessThan(500)
    }
    const table = await ask(`GET /events/${made.body.id}/orders.csv`)
    const rows = recordsOf(table.text)
    expect(rows.length).toBeGreaterThan(10)
    for (const row of rows) {
      expect(row).toHaveLength(12)
      for (const cell of row) expect(cell).not.toMatch(/^[=+\-@\t\r]/)
    }
    expect(rows.map((row) => row[2])).toContain("'=0@example.com")
  })

  const endings = ['\r\n', '\n', '\r', '%0d%0a', '\u2028', '\r\n\t', '\0', '\x85', '\x0b', '\x0c']

  test('has no header that a caller wrote', async () => {
    for (const ending of endings) {
      const smuggled = `a${ending}Smuggled: 1${ending}${ending}HTTP/1.1 200 Smuggled`
      for (const [line, headers] of [
        [`GET /events/${event}`, `X-Request-Id: ${smuggled}`],
        [`GET /events/${event}`, `Origin: http://${smuggled}`],
        [`GET /events/${event}`, `If-None-Match: "${smuggled}"`],
        [`GET /events/${event}`, `Accept-Encoding: ${smuggled}`],
        [`OPTIONS /events`, `Access-Control-Request-Headers: ${smuggled}`],
        [`POST /orders`, `Idempotency-Key: ${smuggled}`],
        [`POST /orders`, `Content-Type: ${smuggled}`],
        [`DELETE /${smuggled.replaceAll(' ', '%20')}`, 'X-Other: 1'],
        [`GET /events/${smuggled.replaceAll(' ', '%20')}/orders.csv`, 'X-Other: 1'],
        [`GET /docs/assets/${smuggled.replaceAll(' ', '%20')}`, 'X-Other: 1'],
        [`GET /events?search=${smuggled.replaceAll(' ', '%20')}`, 'X-Other: 1'],
      ] as const) {
        const sent = `${line} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${admin.token}\r\nContent-Length: 0\r\n${headers}\r\nConnection: close\r\n\r\n`
        const answered = await service.exchange(sent)
        for (const head of headsOf(answered))
          expect([line, headers, head]).toEqual([
            line,
            headers,
            expect.not.stringMatching(/^smuggled|^HTTP\/1.1 200 Smuggled/im),
          ])
      }
    }
    await expectWell()
  })

  test('repeats the id of a request only where it is a word', async () => {
    for (const given of ['a b', 'a;b', '<b>', 'a'.repeat(129), 'é', '%0d%0a', '"']) {
      const { headers, body } = await ask('GET /orders/999999999', { headers: { 'x-request-id': given } })
      expect(headers.get('x-request-id')).toMatch(/^[A-Za-z0-9._-]{1,128}$/)
      expect([given, headers.get('x-request-id')]).not.toEqual([given, given])
      expect(body.request_id).toBe(headers.get('x-request-id') as string)
    }
  })

  test('saves a file by a name of our own', async () => {
    const { headers } = await ask(`GET /events/${event}/orders.csv`)
    expect(headers.get('content-disposition')).toBe(`attachment; filename="event-${event}-orders.csv"`)
  })
})

/** The head of every answer on a connection: what stands before an empty line and begins as an answer does. */
function headsOf(answered: string): string[] {
  return answered.split('\r\n\r\n').filter((part) => part.startsWith('HTTP/1.1 '))
}

/** CSV as RFC 4180 has it. */
function recordsOf(text: string): string[][] {
  const rows: string[][] = [[]]
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|$)/g)) {
    rows.at(-1)?.push(quoted?.replaceAll('""', '"') ?? plain ?? '')
    if (end === '\r\n') rows.push([])
  }
  return rows.filter((row) => row.length > 1)
}

/** The tables are there, and every counter is what its facts say. */
async function expectWhole(): Promise<void> {
  const [row] = await database.admin<{ tables: number }[]>`
    select count(*)::integer as tables from pg_tables where schemaname = 'onsale'`
  expect(row?.tables).toBeGreaterThan(20)
  await expectVerified(database.admin)
  await expectWell()
}

/** As a URL has it; halves of surrogate pairs as their three bytes, which are no UTF-8. */
function encoded(text: string): string {
  return text.replace(/[^A-Za-z0-9]/gsu, (char) =>
    char.isWellFormed() ? encodeURIComponent(char) : `%ED%${char < '\udc00' ? 'A0' : 'BF'}%80`,
  )
}

function textsIn(value: unknown, place: Place = []): Place[] {
  if (typeof value === 'string') return [place]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, part]) => textsIn(part, [...place, key]))
}

function signed(text: string): Record<string, string> {
  return { 'x-shopify-hmac-sha256': createHmac('sha256', webhookSecret).update(text).digest('base64') }
}
