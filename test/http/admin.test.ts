import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createAccounts } from '../../src/accounts/accounts.ts'
import { createAdmin } from '../../src/admin/admin.ts'
import { adminRoutes } from '../../src/admin/routes.ts'
import { createCatalog } from '../../src/catalog/catalog.ts'
import { readConfig } from '../../src/config.ts'
import { serviceRole } from '../../src/platform/database.ts'
import { createLog } from '../../src/platform/log.ts'
import { createMetrics } from '../../src/platform/metrics.ts'
import { createRateLimits } from '../../src/rate_limits/rate_limits.ts'
import { createSales } from '../../src/sales/sales.ts'
import { createTicketLinks } from '../../src/sales/ticket_links.ts'
import { auditOf, makeShopifyEvent } from '../admin.ts'
import { expectVerified, type TestDatabase, testDatabase } from '../harness.ts'
import { buildPartialApp } from '../partial_app.ts'
import { change, place, ticketsOf } from '../sales.ts'

type Ticket = { id: number; version: number; name: string; position: number; available: number | null }
type Body = {
  id: number
  code: string
  key: string
  access_token: string
  version: number
  status: string
  title: string
  description: string
  tickets: Ticket[]
  errors: { path: string; message: string }[]
  current_version: number
  least: number
  outcome: string
}
type Answer = { status: number; body: Body; headers: Headers; text: string }
type Someone = { token: string; id: number }

let database: TestDatabase
let url: URL
let stop: () => Promise<void>
let routes: string[]
let ann: Someone
let admin: Someone

beforeAll(async () => {
  database = await testDatabase({ connections: 8 })
  const pool = database.service
  const metrics = createMetrics()
  const log = createLog({ level: 'silent', destination: { write: () => {} } })
  const config = readConfig({})
  const secrets = ['a secret of more than 32 characters']
  const accounts = createAccounts({ pool, secrets, metrics })
  const catalog = createCatalog({
    pool,
    replica: null,
    redis: null,
    log,
    metrics,
    config,
    listenUrl: database.url,
    listenRole: serviceRole,
  })
  await catalog.start()
  const ownRoutes = adminRoutes({ admin: createAdmin({ pool, metrics, shop: null }), accounts })
  routes = ownRoutes.routes.map(({ method, path }) => `${method} ${path}`)
  const app = buildPartialApp({
    config,
    log,
    metrics,
    catalog,
    accounts,
    sales: createSales({ pool, metrics }),
    ticketLinks: createTicketLinks(secrets),
    rateLimits: createRateLimits({ redis: null, config: { rateLimits: false, trustedProxies: [] } }),
    admin: createAdmin({ pool, metrics, shop: null }),
  })
  const server = Bun.serve({ ...app.serve, port: 0, hostname: '127.0.0.1' })
  url = server.url
  stop = async () => {
    await server.stop(true)
    await catalog.stop()
  }
  ann = await someone()
  admin = await someone()
  await database.admin`update onsale.users set role = 'ADMIN' where id = ${admin.id}`
})
afterAll(async () => {
  await expectVerified(database.admin)
  await stop()
  await database.drop()
})

async function ask(
  route: string,
  { as, token = as?.token, body }: { as?: Someone; token?: string | undefined; body?: unknown } = {},
): Promise<Answer> {
  const [method = '', path = ''] = route.split(' ')
  const response = await fetch(new URL(path, url), {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.includes('json')
  return {
    status: response.status,
    body: (isJson ? JSON.parse(text) : {}) as Body,
    headers: response.headers,
    text,
  }
}

/** As an admin, who is never told what may be kept. */
async function act(route: string, body?: unknown): Promise<Answer> {
  const answer = await ask(route, { as: admin, body })
  expect([route, answer.headers.get('cache-control')]).toEqual([route, 'no-store'])
  return answer
}

async function someone(): Promise<Someone> {
  const credentials = { email: `${crypto.randomUUID()}@example.com`, password: 'a sentence about otters' }
  const { body } = await ask('POST /auth/signup', { body: credentials })
  const { body: login } = await ask('POST /auth/login', { body: credentials })
  return { id: body.id, token: login.access_token }
}

const general = { name: 'General', price_cents: 2500, capacity: 10 }

/** An event on sale with one ticket. */
async function onSale(event: object = {}): Promise<{ event: number; ticket: number }> {
  const { body } = await act('POST /events', {
    channel: 'direct',
    title: 'Rock Night',
    status: 'active',
    starts_at: '2098-06-01T19:00:00Z',
    tickets: [general],
    ...event,
  })
  return { event: body.id, ticket: body.tickets[0]?.id ?? 0 }
}

/** Two units that ann holds. */
async function held({ event, ticket }: { event: number; ticket: number }) {
  const now = new Date().toISOString()
  const [placed] = await place(database.admin, event, [{ user: ann.id, items: [[ticket, 2]] }], { now })
  expect(placed!.outcome).toBe('placed')
  return placed!.body
}

const refusal = ({ status, body }: Answer) => [status, body.code]

describe('an event', () => {
  test('is made, a draft at first; published it is open to all, taken back to nobody', async () => {
    const made = await act('POST /events', {
      channel: 'direct',
      title: 'Rock Night',
      subtitle: 'Loud',
      description: '<p onclick="x()">Loud.</p><script>alert(1)</script>',
      category: 'Concert',
      starts_at: '2098-06-01T21:00:00.5+02:00',
      ends_at: null,
      venue: { name: 'Harbour Hall', city: 'Hamburg' },
      images: [{ url: 'https://example.com/a.jpg', alt: 'A' }],
      per_user_limit: null,
      tickets: [general, { name: 'Hidden', price_cents: 0, capacity: null, is_visible: false }],
    })
    expect(made).toMatchObject({
      status: 201,
      body: {
        shopify_product_id: null,
        title: 'Rock Night',
        description: '<p>Loud.</p>',
        category: 'concert',
        status: 'draft',
        starts_at: '2098-06-01T19:00:00.500Z',
        venue: { name: 'Harbour Hall', city: 'Hamburg' },
        per_user_limit: null,
        sales_paused: false,
        version: 1,
        tickets: [
          { name: 'General', available: 10 },
          { name: 'Hidden', is_visible: false, available: null },
        ],
      },
    })
    const { id } = made.body
    expect((await ask(`GET /events/${id}`)).status).toBe(404)
    expect(await act(`POST /events/${id}/publish`)).toMatchObject({
      status: 200,
      body: { id, status: 'active', version: 2 },
    })
    expect((await act(`POST /events/${id}/publish`)).body.version).toBe(2)
    expect(await seen(id, 200)).toMatchObject({ title: 'Rock Night', tickets: [{ name: 'General' }] })
    expect(await act(`POST /events/${id}/unpublish`)).toMatchObject({
      status: 200,
      body: { status: 'draft' },
    })
    await seen(id, 404)
    expect(
      (await auditOf(database.admin, `event ${id}`)).map(({ actor, action }) => [actor, action]),
    ).toEqual(
      ['event.create', 'event.publish', 'event.unpublish'].map((action) => [`user ${admin.id}`, action]),
    )
  })

  test('is changed by who knows its version, and only in what is named', async () => {
    const { event } = await onSale({ subtitle: 'Loud' })
    await seen(event, 200)
    const changed = await act(`PATCH /events/${event}`, { version: 1, title: 'Jazz Night', venue: null })
    expect(changed).toMatchObject({
      status: 200,
      body: { id: event, title: 'Jazz Night', subtitle: 'Loud', venue: null, version: 2 },
    })
    const late = await act(`PATCH /events/${event}`, { version: 1, title: 'Pop Night' })
    expect(refusal(late)).toEqual([409, 'version_conflict'])
    expect(late.body.current_version).toBe(2)
    expect(
      await act(`PATCH /events/${event}`, { version: 2, subtitle: null, sales_paused: true }),
    ).toMatchObject({
      status: 200,
      body: { title: 'Jazz Night', subtitle: null, sales_paused: true, version: 3 },
    })
  })

  test('is deleted once, and not while somebody holds tickets of it', async () => {
    const made = await onSale()
    const order = await held(made)
    expect(refusal(await act(`DELETE /events/${made.event}`))).toEqual([409, 'has_live_orders'])
    const now = new Date().toISOString()
    await change(database.admin, made.event, [{ order: order.id, status: 'CANCELLED' }], { now })
    const deleted = await act(`DELETE /events/${made.event}`)
    expect([deleted.status, deleted.text]).toEqual([204, ''])
    expect(refusal(await act(`DELETE /events/${made.event}`))).toEqual([404, 'not_found'])
    await seen(made.event, 404)
    // Its books stay.
    expect((await act(`GET /events/${made.event}/stats`)).status).toBe(200)
    expect((await act(`GET /events/${made.event}/orders.csv`)).text).toContain(`\r\n${order.id},`)
  })

  test('is for Shopify unless it says direct, and refused where no shop is connected', async () => {
    for (const channel of [undefined, 'shopify']) {
      const refused = await act('POST /events', { channel, title: 'Rock Night', tickets: [general] })
      expect(refusal(refused)).toEqual([409, 'shopify_not_connected'])
    }
    const refused = await act('POST /events', { channel: null, title: 'Rock Night' })
    expect(refusal(refused)).toEqual([422, 'validation_failed'])
    expect(refused.body.errors).toEqual([{ path: '/channel', message: 'Expected one of direct, shopify' }])
  })

  test('of Shopify is not changed where no shop is connected, but for the pause of its sale', async () => {
    const event = await makeShopifyEvent(database.admin)
    const [ticket = 0] = await ticketsOf(database.admin, event)
    for (const answer of [
      await act(`PATCH /events/${event}`, { version: 1, title: 'Mine' }),
      await act(`DELETE /events/${event}`),
      await act(`POST /events/${event}/publish`),
      await act(`POST /events/${event}/tickets`, general),
      await act(`PATCH /tickets/${ticket}`, { version: 1, name: 'Mine' }),
      await act(`PUT /tickets/${ticket}/capacity`, { version: 1, capacity: 5 }),
      await act(`DELETE /tickets/${ticket}`),
    ]) {
      expect(refusal(answer)).toEqual([409, 'shopify_not_connected'])
    }
    const paused = await act(`PATCH /events/${event}`, { version: 1, sales_paused: true })
    expect(paused).toMatchObject({ status: 200, body: { id: event, sales_paused: true } })
    await database.admin`update onsale.events set shopify_product_id = null where id = ${event}`
  })

  test('answers 405 to what it does not know, and names what it does', async () => {
    const { event } = await onSale()
    const refused = await ask(`PUT /events/${event}`, { as: admin, body: {} })
    expect(refusal(refused)).toEqual([405, 'method_not_allowed'])
    const methods = (answer: Answer) => answer.headers.get('allow')?.split(', ').toSorted()
    expect(methods(refused)).toEqual(['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH'])
    expect(methods(await ask(`OPTIONS /events/${event}`))).toEqual(methods(refused))
    expect(methods(await ask('DELETE /events'))).toEqual(['GET', 'HEAD', 'OPTIONS', 'POST'])
    expect(methods(await ask(`GET /tickets/1`))).toEqual(['DELETE', 'OPTIONS', 'PATCH'])
    // Reads are answered past Elysia as before.
    expect((await ask(`GET /events/${event}`)).headers.get('x-cache')).not.toBeNull()
    expect(refusal(await ask(`GET /events/${event}?a=1&a=2`))).toEqual([400, 'bad_request'])
  })
})

describe('a ticket', () => {
  test('is added, changed, counted and taken out', async () => {
    const { event } = await onSale()
    const added = await act(`POST /events/${event}/tickets`, {
      name: 'VIP',
      price_cents: 9000,
      capacity: 5,
      sku: 'V',
    })
    expect(added).toMatchObject({
      status: 201,
      body: { event_id: event, name: 'VIP', sku: 'V', position: 2, capacity: 5, version: 1 },
    })
    const path = `/tickets/${added.body.id}`
    expect(
      await act(`PATCH ${path}`, { version: 1, price_cents: 9500, sku: null, is_visible: false }),
    ).toMatchObject({ status: 200, body: { price_cents: 9500, sku: null, is_visible: false, version: 2 } })
    expect(await act(`PUT ${path}/capacity`, { version: 2, capacity: null })).toMatchObject({
      status: 200,
      body: { capacity: null, available: null, version: 3 },
    })
    for (const [route, body] of [
      [`PATCH ${path}`, { version: 2, name: 'Late' }],
      [`PUT ${path}/capacity`, { version: 2, capacity: 1 }],
    ] as const) {
      const late = await act(route, body)
      expect([...refusal(late), late.body.current_version]).toEqual([409, 'version_conflict', 3])
    }
    const removed = await act(`DELETE ${path}`)
    expect([removed.status, removed.text]).toEqual([204, ''])
    expect(refusal(await act(`DELETE ${path}`))).toEqual([404, 'not_found'])
    expect(refusal(await act(`PATCH ${path}`, { version: 4, name: 'Gone' }))).toEqual([404, 'not_found'])
    expect(refusal(await act('POST /events/999999/tickets', general))).toEqual([404, 'not_found'])
  })

  test('keeps what is sold or held', async () => {
    const made = await onSale()
    await held(made)
    const less = await act(`PUT /tickets/${made.ticket}/capacity`, { version: 1, capacity: 1 })
    expect([...refusal(less), less.body.least]).toEqual([409, 'capacity_below_sold', 2])
    expect(await act(`PUT /tickets/${made.ticket}/capacity`, { version: 1, capacity: 2 })).toMatchObject({
      status: 200,
      body: { capacity: 2, held: 2, available: 0 },
    })
    expect(refusal(await act(`DELETE /tickets/${made.ticket}`))).toEqual([409, 'has_live_orders'])
  })
})

describe('the books', () => {
  test('tell what was sold', async () => {
    const made = await onSale()
    await held(made)
    expect(await act(`GET /events/${made.event}/stats`)).toMatchObject({
      status: 200,
      body: { event_id: made.event, sold: 0, held: 2, tickets: [{ ticket_id: made.ticket, held: 2 }] },
    })
    expect(refusal(await act('GET /events/999999/stats'))).toEqual([404, 'not_found'])
  })

  test('are a table to take away, in which no text is a formula', async () => {
    const made = await onSale({ tickets: [{ ...general, name: 'VIP, "front"' }] })
    const order = await held(made)
    const evil = `=1+1|cmd"${made.event}@example.com`
    await database.admin`update onsale.users set email = ${evil} where id = ${ann.id}`
    const table = await act(`GET /events/${made.event}/orders.csv`)
    expect(table.status).toBe(200)
    expect(table.headers.get('content-type')).toBe('text/csv; charset=utf-8; header=present')
    expect(table.headers.get('content-disposition')).toBe(
      `attachment; filename="event-${made.event}-orders.csv"`,
    )
    const [head, row, rest] = table.text.split('\r\n')
    expect(head).toStartWith('id,user_id,email,status,items,')
    expect(row).toStartWith(
      `${order.id},${ann.id},"'=1+1|cmd""${made.event}@example.com",PENDING,"2 x VIP, ""front""",2,5000,0,EUR,`,
    )
    expect(rest).toBe('')
    const { event } = await onSale()
    expect((await act(`GET /events/${event}/orders.csv`)).text).toBe(`${head}\r\n`)
    expect(refusal(await act('GET /events/999999/orders.csv'))).toEqual([404, 'not_found'])
  })
})

test('a table of several pages has each order once, and its HEAD has no body', async () => {
  const { event, ticket } = await onSale()
  await database.admin`
    with placed as (
      insert into onsale.orders (
        event_id, user_id, client_token, fingerprint, status, unit_count, total_cents, currency, expires_at, created_at,
        updated_at
      )
      select ${event}::integer, ${ann.id}::integer, n::text, gen_random_uuid(), 'CANCELLED', 1, 2500, 'EUR', now(), now(), now()
      from generate_series(1, 2500) as n
      returning event_id, id
    )
    insert into onsale.order_items (event_id, order_id, ticket_id, quantity, price_cents, name)
    select event_id, id, ${ticket}::integer, 1, 2500, 'General' from placed`
  const path = `/events/${event}/orders.csv`
  const ids = (await act(`GET ${path}`)).text
    .split('\r\n')
    .slice(1, -1)
    .map((row) => row.split(',')[0])
  expect([ids.length, new Set(ids).size]).toEqual([2_500, 2_500])
  const head = await act(`HEAD ${path}`)
  expect([head.status, head.text, head.headers.get('content-type')]).toEqual([
    200,
    '',
    'text/csv; charset=utf-8; header=present',
  ])
})

describe('every route', () => {
  test('is for admins: nobody is 401, a user and a key are 403', async () => {
    expect(routes).toHaveLength(12)
    const { body: scanner } = await act('POST /admin/api-keys', { name: 'door', scopes: ['checkin'] })
    const { event, ticket } = await onSale()
    for (const route of routes) {
      const path = route.replace(':id', String(route.includes('/tickets/:id') ? ticket : event))
      // What is wrong with a body is told to nobody who may not send one.
      const body = /^(POST|PATCH|PUT) /.test(route) ? { nonsense: true } : undefined
      expect([route, ...refusal(await ask(path, { body }))]).toEqual([route, 401, 'unauthorized'])
      expect([route, ...refusal(await ask(path, { as: ann, body }))]).toEqual([route, 403, 'forbidden'])
      const key = await ask(path, { token: scanner.key, body })
      expect([route, ...refusal(key)]).toEqual([route, 403, 'forbidden'])
      expect([401, 403]).not.toContain((await ask(path, { as: admin, body })).status)
    }
  })

  test('refuses what it does not know, and everything that is the database to decide', async () => {
    const { event, ticket } = await onSale()
    const fields = {
      id: 1,
      shopify_product_id: '1',
      deleted_at: null,
      created_at: '2026-01-01T00:00:00Z',
      sold: 0,
    }
    const made = { channel: 'direct', title: 'Mine', tickets: [{ ...general, sold: 5, event_id: 1 }] }
    for (const [route, body, known] of [
      [
        'POST /events',
        { ...made, ...fields, version: 9, sales_paused: false },
        ['/tickets/0/event_id', '/tickets/0/sold', '/version', '/sales_paused'],
      ],
      [
        `PATCH /events/${event}`,
        { version: 1, ...fields, status: 'active', currency: 'USD' },
        ['/status', '/currency'],
      ],
      [`POST /events/${event}/tickets`, { ...general, ...fields, event_id: 1 }, ['/event_id']],
      [
        `PATCH /tickets/${ticket}`,
        { version: 1, ...fields, capacity: 5, is_removed: true },
        ['/capacity', '/is_removed'],
      ],
      [`PUT /tickets/${ticket}/capacity`, { version: 1, capacity: 5, ...fields, held: 0 }, ['/held']],
    ] as const) {
      const refused = await act(route, body)
      expect([route, ...refusal(refused)]).toEqual([route, 422, 'validation_failed'])
      expect([route, refused.body.errors.map(({ path }) => path).toSorted()]).toEqual([
        route,
        [...Object.keys(fields).map((name) => `/${name}`), ...known].toSorted(),
      ])
    }
  })

  test('refuses what cannot be kept or does not exist, by name', async () => {
    const { event, ticket } = await onSale()
    const cases: [string, object, string][] = [
      ['starts_at', { starts_at: '2098-02-30T19:00:00Z' }, '/starts_at'],
      ['starts_at', { starts_at: 'tomorrow' }, '/starts_at'],
      ['ends_at', { ends_at: '2098-06-01T25:00:00Z' }, '/ends_at'],
      ['title', { title: 'a\u0000b' }, '/title'],
      ['ends_at', { starts_at: '2098-06-01T19:00:00Z', ends_at: '2098-06-01T20:00:00+02:00' }, '/ends_at'],
      ['title', { title: ' ' }, '/title'],
      ['title', { title: 'x'.repeat(256) }, '/title'],
      ['subtitle', { subtitle: '\ud800' }, '/subtitle'],
      ['images', { images: [{ url: 'javascript:alert(1)' }] }, '/images/0/url'],
      ['per_user_limit', { per_user_limit: 0 }, '/per_user_limit'],
      ['venue', { venue: { name: 'Hall', country: 'DE' } }, '/venue/country'],
    ]
    for (const [name, body, path] of cases) {
      const refused = await act(`PATCH /events/${event}`, { version: 1, ...body })
      expect([name, ...refusal(refused)]).toEqual([name, 422, 'validation_failed'])
      expect([name, refused.body.errors[0]?.path.split('/')[1]]).toEqual([name, path.split('/')[1]])
    }
    const tickets = [{ ...general, sale_ends_at: '2098-02-30T19:00:00Z' }]
    const refused = await act('POST /events', { channel: 'direct', title: 'Rock', tickets })
    expect(refused.body.errors).toEqual([
      { path: '/tickets/0/sale_ends_at', message: 'Expected a time that exists' },
    ])
    for (const body of [
      { version: 1, price_cents: -1 },
      { version: 1, price_cents: 1.5 },
      { version: 1, price_cents: '5' },
      { version: 1, name: null },
      { version: '1', name: 'VIP' },
      { version: 1, is_visible: 'true' },
      { price_cents: 5 },
    ]) {
      expect(refusal(await act(`PATCH /tickets/${ticket}`, body))).toEqual([422, 'validation_failed'])
    }
    for (const capacity of [-1, 1.5, 1e9, '5', undefined]) {
      expect(refusal(await act(`PUT /tickets/${ticket}/capacity`, { version: 1, capacity }))).toEqual([
        422,
        'validation_failed',
      ])
    }
    for (const route of [
      'DELETE /events/0',
      'DELETE /tickets/1e3',
      'DELETE /events/abc',
      'DELETE /events/1?a=1',
    ]) {
      expect([route, ...refusal(await act(route))]).toEqual([route, 400, 'bad_request'])
    }
  })

  test('keeps SQL in every text as text', async () => {
    const sql = `'); drop table onsale.events; -- $1 {} \\ "x" %s`
    const { body } = await act('POST /events', {
      channel: 'direct',
      title: sql,
      subtitle: sql,
      description: sql,
      category: sql,
      venue: { name: sql, city: sql },
      images: [{ url: "https://example.com/');drop--", alt: sql }],
      tickets: [{ name: sql, sku: sql, ticket_type: sql, price_cents: 0, capacity: 1 }],
    })
    const shown = {
      title: sql,
      subtitle: sql,
      description: sql,
      category: sql.toLowerCase(),
      venue: { name: sql, city: sql },
      images: [{ url: "https://example.com/');drop--", alt: sql }],
    }
    expect(body).toMatchObject({ ...shown, tickets: [{ name: sql, sku: sql, ticket_type: sql }] })
    const other = `${sql} or 1=1`
    const changed = await act(`PATCH /events/${body.id}`, {
      version: 1,
      title: other,
      venue: { name: other },
    })
    expect(changed.body).toMatchObject({ title: other, venue: { name: other, city: null } })
    const ticket = body.tickets[0]!.id
    expect(
      (await act(`PATCH /tickets/${ticket}`, { version: 1, name: other, sku: other })).body,
    ).toMatchObject({
      name: other,
      sku: other,
    })
  })
})

describe('at the door', () => {
  test('a code admits once, by an admin or a key for it, and by nobody else', async () => {
    const made = await onSale({ tickets: [{ name: 'Free', price_cents: 0, capacity: 5 }] })
    const { units, id } = await held(made)
    const code = units![0]!.code
    const { body: scanner } = await act('POST /admin/api-keys', { name: 'north gate', scopes: ['checkin'] })
    expect(refusal(await ask('POST /checkin', { body: { code } }))).toEqual([401, 'unauthorized'])
    expect(refusal(await ask('POST /checkin', { as: ann, body: { code } }))).toEqual([403, 'forbidden'])
    const admitted = await ask('POST /checkin', { token: scanner.key, body: { code } })
    expect(admitted).toMatchObject({
      status: 200,
      body: { outcome: 'admitted', event_id: made.event, ticket_id: made.ticket, order_id: id },
    })
    const again = await act('POST /checkin', { code: code.toUpperCase() })
    expect(again).toMatchObject({ status: 200, body: { ...admitted.body, outcome: 'already_admitted' } })
    for (const wrong of [crypto.randomUUID(), 'https://example.com/?q=1', "' or 1=1 --", '\u0000']) {
      expect(await act('POST /checkin', { code: wrong })).toMatchObject({
        status: 200,
        body: { outcome: 'unknown', event_id: null, ticket_id: null, order_id: null, checked_in_at: null },
      })
    }
    for (const body of [{}, { code: '' }, { code: 5 }, { code, event_id: 1 }]) {
      expect(refusal(await act('POST /checkin', body))).toEqual([422, 'validation_failed'])
    }
    const now = new Date().toISOString()
    await change(database.admin, made.event, [{ order: id, status: 'CANCELLED' }], { now })
    expect((await act('POST /checkin', { code: units![1]!.code })).body.outcome).toBe('not_paid')
  })
})

/** What a visitor is shown, within the time that a commit may take to be seen. */
async function seen(event: number, status: number): Promise<Body> {
  const startedAt = performance.now()
  for (;;) {
    const answer = await ask(`GET /events/${event}`)
    if (answer.status === status) return answer.body
    if (performance.now() - startedAt > 2_000) expect(answer.status).toBe(status)
    await Bun.sleep(10)
  }
}
