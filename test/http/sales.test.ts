import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { Elysia } from 'elysia'
import { createAccounts } from '../../src/accounts/accounts.ts'
import { accountRoutes } from '../../src/accounts/routes.ts'
import { composeApp } from '../../src/app.ts'
import { createLog } from '../../src/platform/log.ts'
import { createMetrics } from '../../src/platform/metrics.ts'
import { createRateLimits } from '../../src/rate_limits/rate_limits.ts'
import { salesRoutes } from '../../src/sales/routes.ts'
import { createSales } from '../../src/sales/sales.ts'
import { createTicketLinks } from '../../src/sales/ticket_links.ts'
import { createCallers, type Someone } from '../callers.ts'
import { addEvent, type TestEvent } from '../catalog.ts'
import { expectVerified, type TestDatabase, testDatabase } from '../harness.ts'
import { countersOf, ticketsOf } from '../sales.ts'

type Body = {
  code: string
  id: number
  status: string
  version: number
  limit: number
  owned: number
  orders: Body[]
  bookings: Body[]
  total: number
  errors: { path: string }[]
  current_version: number
  units: { code: string }[] | null
  access_token: string
  tickets_url: string
}

type Callers = ReturnType<typeof createCallers<Body>>
type Answer = Awaited<ReturnType<Callers['ask']>>

let database: TestDatabase
let url: URL
let ask: Callers['ask']
let someone: Callers['someone']
let ann: Someone
let bob: Someone
let admin: Someone
let stop: () => Promise<void>
const metrics = createMetrics()

beforeAll(async () => {
  database = await testDatabase({ connections: 6 })
  const log = createLog({ level: 'silent', destination: { write: () => {} } })
  const secrets = ['a secret of more than 32 characters']
  const accounts = createAccounts({ pool: database.service, secrets, metrics })
  const sales = createSales({ pool: database.service, metrics })
  const rateLimits = createRateLimits({ redis: null, config: { rateLimits: false, trustedProxies: [] } })
  const flows = new Elysia()
    .use(accountRoutes({ accounts, rateLimits }))
    .use(salesRoutes({ sales, ticketLinks: createTicketLinks(secrets), accounts, rateLimits }))
  const app = composeApp(flows, { config: { corsOrigins: [] }, log, metrics })
  const server = Bun.serve({ ...app.serve, port: 0, hostname: '127.0.0.1' })
  url = server.url
  stop = () => server.stop(true)
  ;({ ask, someone } = createCallers<Body>(url))
  ann = await someone()
  bob = await someone()
  admin = await someone()
  await database.admin`update onsale.users set role = 'ADMIN' where id = ${admin.id}`
})
afterAll(async () => {
  await expectVerified(database.admin)
  await stop()
  await database.drop()
})

/** An event on sale, and its tickets. */
async function onSale(event: TestEvent = {}): Promise<{ event: number; tickets: [number, number] }> {
  const id = await addEvent(database.admin, event)
  const [first = 0, second = 0] = await ticketsOf(database.admin, id)
  return { event: id, tickets: [first, second] }
}
const refusal = ({ status, body }: Answer) => [status, body.code]

describe('an order', () => {
  test('counts by what came of it', async () => {
    const { tickets } = await onSale({ tickets: [{ direct: { capacity: 2 } }] })
    const countOf = async (outcome: string) => {
      const { values } = await metrics.ordersCreated.get()
      return values.find(({ labels }) => labels.outcome === outcome)?.value ?? 0
    }
    const before = [await countOf('placed'), await countOf('replayed'), await countOf('held_by_others')]
    const body = { items: [{ ticket_id: tickets[0], qty: 2 }], client_token: 'counted' }
    for (const as of [ann, ann, bob]) await ask('POST /orders', { as, body })
    const after = [await countOf('placed'), await countOf('replayed'), await countOf('held_by_others')]
    expect(after).toEqual(before.map((count) => count + 1))
  })

  test('is placed once, whatever is sent how often, and looked at by its buyer and an admin', async () => {
    const { event, tickets } = await onSale()
    const body = { items: [{ ticket_id: tickets[0], qty: 2 }], client_token: 'one' }
    const placed = await ask('POST /orders', { as: ann, body })
    expect(placed).toMatchObject({
      status: 201,
      body: { event_id: event, status: 'PENDING', total_cents: 5000, version: 1 },
    })
    expect(placed.headers.get('idempotent-replayed')).toBeNull()
    const again = await ask('POST /orders', { as: ann, body })
    expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([200, 'true'])
    expect(again.body).toEqual(placed.body)
    const byHeader = await ask('POST /orders', {
      as: ann,
      body: { items: body.items },
      headers: { 'idempotency-key': 'one' },
    })
    expect(byHeader.body).toEqual(placed.body)

    const path = `GET /orders/${placed.body.id}`
    expect((await ask(path, { as: ann })).body).toEqual(placed.body)
    expect((await ask(path, { as: admin })).body).toEqual(placed.body)
    expect(refusal(await ask(path, { as: bob }))).toEqual([404, 'not_found'])
    expect(refusal(await ask(path))).toEqual([401, 'unauthorized'])
    expect((await ask('GET /orders', { as: bob })).body.orders.map(({ id }) => id)).not.toContain(
      placed.body.id,
    )
    expect((await ask(`GET /orders?q=${placed.body.id}&status=PENDING`, { as: ann })).body).toMatchObject({
      orders: [{ id: placed.body.id }],
      total: 1,
      page: 1,
      limit: 20,
      pages: 1,
    })
  })

  test('says why it is refused', async () => {
    const { event, tickets } = await onSale({ tickets: [{ direct: { capacity: 1 }, price: 100 }] })
    const order = (items: unknown[], extra = {}) => ({ items, client_token: crypto.randomUUID(), ...extra })
    const one = (qty: number) => order([{ ticket_id: tickets[0], qty }])
    expect(refusal(await ask('POST /orders', { as: bob, body: one(2) }))).toEqual([409, 'sold_out'])
    const limited = await ask('POST /orders', { as: bob, body: one(3) })
    expect(limited).toMatchObject({ status: 409, body: { code: 'limit_reached', limit: 2, owned: 0 } })
    expect((await ask('POST /orders', { as: ann, body: one(1) })).status).toBe(201)
    const held = await ask('POST /orders', { as: bob, body: one(1) })
    expect(refusal(held)).toEqual([409, 'held_by_others'])
    expect(Number(held.headers.get('retry-after'))).toBeGreaterThan(590)
    expect(
      refusal(await ask('POST /orders', { as: bob, body: order([{ ticket_id: 999_999, qty: 1 }]) })),
    ).toEqual([404, 'unknown_ticket'])

    const other = await onSale()
    const both = order([
      { ticket_id: tickets[0], qty: 1 },
      { ticket_id: other.tickets[0], qty: 1 },
    ])
    expect(refusal(await ask('POST /orders', { as: bob, body: both }))).toEqual([422, 'one_event_per_order'])
    await database.admin`update onsale.tickets set sku = 'TWICE' where event_id in (${event}, ${other.event})`
    expect(refusal(await ask('POST /orders', { as: bob, body: order([{ sku: 'TWICE', qty: 1 }]) }))).toEqual([
      422,
      'ambiguous_sku',
    ])
    const bySku = order([{ sku: 'TWICE', qty: 1 }], { event_id: other.event })
    expect(await ask('POST /orders', { as: bob, body: bySku })).toMatchObject({
      status: 201,
      body: { event_id: other.event },
    })
    expect(
      refusal(await ask('POST /orders', { as: bob, body: { ...bySku, items: [{ sku: 'TWICE', qty: 2 }] } })),
    ).toEqual([409, 'idempotency_conflict'])
    await database.admin`update onsale.events set is_sales_paused = true where id = ${other.event}`
    expect(refusal(await ask('POST /orders', { as: bob, body: { ...bySku, client_token: 'x' } }))).toEqual([
      409,
      'sales_paused',
    ])
  })

  test('that is malformed is told all its faults, and nothing of it is believed', async () => {
    const { tickets } = await onSale()
    const faulty = await ask('POST /orders', {
      as: ann,
      body: { items: [{ ticket_id: tickets[0], qty: 0 }, { qty: 1.5 }], client_token: '', total_cents: 1 },
    })
    expect(refusal(faulty)).toEqual([422, 'validation_failed'])
    expect(faulty.body.errors.map(({ path }) => path).toSorted()).toEqual([
      '/client_token',
      '/items/0/qty',
      '/items/1/qty',
      '/total_cents',
    ])
    for (const body of [
      { items: [{ ticket_id: tickets[0], sku: 'GA', qty: 1 }], client_token: 'a' },
      { items: [{ qty: 1 }], client_token: 'a' },
      { items: [], client_token: 'a' },
      { items: [{ ticket_id: tickets[0], qty: '1' }], client_token: 'a' },
      { items: [{ ticket_id: String(tickets[0]), qty: 1 }], client_token: 'a' },
      { items: [{ ticket_id: tickets[0], qty: 1 }] },
      { items: [{ ticket_id: tickets[0], qty: 1, price_cents: 0 }], client_token: 'a' },
      { items: [{ ticket_id: tickets[0], qty: 1 }], client_token: 'a', user_id: bob.id, status: 'PAID' },
    ]) {
      expect(refusal(await ask('POST /orders', { as: ann, body }))).toEqual([422, 'validation_failed'])
    }
    expect(refusal(await ask('POST /orders', { body: {} }))).toEqual([401, 'unauthorized'])
    for (const path of [
      '/orders/0',
      '/orders/1e3',
      '/orders/abc',
      '/orders?page=0',
      '/orders?status=paid',
      '/orders?foo=1',
    ]) {
      expect(refusal(await ask(`GET ${path}`, { as: ann }))).toEqual([400, 'bad_request'])
    }
  })

  test('is cancelled by its buyer, twice with the same answer, and by nobody else', async () => {
    const { event, tickets } = await onSale()
    const { body } = await ask('POST /orders', {
      as: ann,
      body: { items: [{ ticket_id: tickets[0], qty: 2 }], client_token: 'cancel' },
    })
    const path = `POST /orders/${body.id}/cancel`
    expect(refusal(await ask(path, { as: bob }))).toEqual([404, 'not_found'])
    expect(await ask(path, { as: ann })).toMatchObject({
      status: 200,
      body: { status: 'CANCELLED', version: 2 },
    })
    expect(await ask(path, { as: ann })).toMatchObject({
      status: 200,
      body: { status: 'CANCELLED', version: 2 },
    })
    expect(await countersOf(database.admin, event)).toEqual({ [tickets[0]]: [0, 0, 100] })
  })

  test('gets another status from an admin who knows its version; once paid it has codes', async () => {
    const { tickets } = await onSale()
    const { body } = await ask('POST /orders', {
      as: ann,
      body: { items: [{ ticket_id: tickets[0], qty: 2 }], client_token: 'admin' },
    })
    const path = `PATCH /orders/${body.id}/status`
    const paid = { status: 'PAID', version: 1 }
    expect(refusal(await ask(path, { as: ann, body: paid }))).toEqual([403, 'forbidden'])
    expect(refusal(await ask(path, { body: paid }))).toEqual([401, 'unauthorized'])
    const done = await ask(path, { as: admin, body: paid })
    expect(done).toMatchObject({ status: 200, body: { status: 'PAID', version: 2 } })
    expect(done.body.units).toHaveLength(2)
    expect(await ask(path, { as: admin, body: paid })).toMatchObject({
      status: 409,
      body: { code: 'version_conflict', current_version: 2 },
    })
    const back = await ask(path, { as: admin, body: { status: 'PENDING', version: 2 } })
    expect(back).toMatchObject({ status: 409, body: { code: 'bad_transition', current_status: 'PAID' } })
    expect(refusal(await ask(`POST /orders/${body.id}/cancel`, { as: ann }))).toEqual([409, 'bad_transition'])
    expect(refusal(await ask('PATCH /orders/999999/status', { as: admin, body: paid }))).toEqual([
      404,
      'not_found',
    ])
  })
})

describe('the event of a ticket', () => {
  const lookups = async () => {
    const { values } = await metrics.queryTime.get()
    const name = 'db_query_time_seconds_count'
    return values.find(
      ({ metricName, labels }) => metricName === name && labels.function === 'list_order_tickets',
    )?.value
  }
  const order = (ticket: number, extra = {}) =>
    ask('POST /orders', {
      as: bob,
      body: { items: [{ ticket_id: ticket, qty: 1 }], client_token: crypto.randomUUID(), ...extra },
    })

  test('is asked for once, however often the ticket is ordered or booked', async () => {
    const { event, tickets } = await onSale()
    expect((await order(tickets[0])).status).toBe(201)
    const before = await lookups()
    const again = await order(tickets[0], { event_id: event })
    const body = { event_id: event, ticket_id: tickets[0], quantity: 1 }
    const booked = await ask('POST /bookings', { as: ann, body })
    expect([again.status, booked.status, await lookups()]).toEqual([201, 201, before])
    expect((await ask('POST /bookings', { as: admin, body: { event_id: event, quantity: 1 } })).status).toBe(
      201,
    )
    expect(await lookups()).toBe((before ?? 0) + 1)
  })

  test('is known, and another one is named: there is no such ticket, as at first', async () => {
    const { tickets } = await onSale()
    const other = await onSale()
    const wrong = () => order(tickets[0], { event_id: other.event })
    const first = await wrong()
    expect((await order(tickets[0])).status).toBe(201)
    const before = await lookups()
    const second = await wrong()
    expect(refusal(second)).toEqual([404, 'unknown_ticket'])
    expect({ ...second.body, request_id: '' }).toEqual({ ...first.body, request_id: '' })
    expect(await lookups()).toBe(before)
  })

  test('is known, and the ticket or its event was deleted since: it is refused as one that nobody knows', async () => {
    const removals = [
      (_event: number, ticket: number) =>
        database.admin`update onsale.tickets set is_removed = true where id = ${ticket}`,
      (_event: number, ticket: number) =>
        database.admin`update onsale.tickets set is_visible = false where id = ${ticket}`,
      (event: number) => database.admin`update onsale.events set deleted_at = now() where id = ${event}`,
    ]
    for (const remove of removals) {
      const { event, tickets } = await onSale()
      await order(tickets[0])
      await remove(event, tickets[0])
      const before = await lookups()
      const known = await order(tickets[0])
      expect(await lookups()).toBe(before)
      const unknown = await order(999_999)
      expect(refusal(known)).toEqual([404, 'unknown_ticket'])
      expect({ ...known.body, request_id: '' }).toEqual({ ...unknown.body, request_id: '' })
    }
  })
})

describe('a booking', () => {
  test('is an order of one ticket kind by its other name', async () => {
    const { event, tickets } = await onSale({
      title: 'Free Night',
      tickets: [{ price: 0, direct: { capacity: 5 } }],
    })
    const booked = await ask('POST /bookings', { as: bob, body: { event_id: event, quantity: 2 } })
    expect(booked).toMatchObject({
      status: 201,
      body: { event_id: event, ticket_id: tickets[0], quantity: 2, status: 'PAID', total_cents: 0 },
    })
    expect((await ask(`GET /orders/${booked.body.id}`, { as: bob })).body.units).toHaveLength(2)
    expect(refusal(await ask('POST /bookings', { as: bob, body: { event_id: event, quantity: 1 } }))).toEqual(
      [409, 'limit_reached'],
    )
    const { body } = await ask('GET /bookings', { as: bob })
    expect(body.bookings[0]).toMatchObject({ id: booked.body.id, event: { id: event, title: 'Free Night' } })

    expect(refusal(await ask(`DELETE /bookings/${booked.body.id}`, { as: ann }))).toEqual([404, 'not_found'])
    expect(await ask(`DELETE /bookings/${booked.body.id}`, { as: bob })).toMatchObject({
      status: 200,
      body: { status: 'CANCELLED', quantity: 2 },
    })
    expect(await countersOf(database.admin, event)).toEqual({ [tickets[0]]: [0, 0, 5] })
  })

  test('needs a ticket where the event has several, and may name its request', async () => {
    const { event, tickets } = await onSale({ tickets: [{}, { price: 0 }] })
    expect(refusal(await ask('POST /bookings', { as: ann, body: { event_id: event, quantity: 1 } }))).toEqual(
      [422, 'ticket_required'],
    )
    const body = { event_id: event, ticket_id: tickets[1], quantity: 1, client_token: 'booked' }
    const first = await ask('POST /bookings', { as: ann, body })
    const again = await ask('POST /bookings', { as: ann, body })
    expect([first.status, again.status, again.body.id]).toEqual([201, 200, first.body.id])
    expect(
      refusal(await ask('POST /bookings', { as: ann, body: { event_id: 999_999, quantity: 1 } })),
    ).toEqual([404, 'unknown_ticket'])
  })
})

describe('the page of tickets', () => {
  const page = (path: string) => fetch(new URL(path, url))

  /** An order of one ticket, and the link to it. */
  async function ordered(event: TestEvent = {}) {
    const { tickets } = await onSale(event)
    const body = { items: [{ ticket_id: tickets[0], qty: 1 }], client_token: crypto.randomUUID() }
    const { body: order } = await ask('POST /orders', { as: ann, body })
    return { order, link: order.tickets_url, request: body }
  }

  test('is behind the one link that every answer about the order has, and no list', async () => {
    const { order, link, request } = await ordered()
    expect(link).toMatch(new RegExp(`^/orders/${order.id}/tickets\\?key=[A-Za-z0-9_-]{43}$`))
    const again = await ask('POST /orders', { as: ann, body: request })
    const seen = await ask(`GET /orders/${order.id}`, { as: admin })
    const paid = await ask(`PATCH /orders/${order.id}/status`, {
      as: admin,
      body: { status: 'PAID', version: 1 },
    })
    expect([again, seen, paid].map(({ body }) => body.tickets_url)).toEqual([link, link, link])
    expect(paid.body.units).toHaveLength(1)
    const listed = await ask('GET /orders', { as: ann })
    expect(listed.body.orders[0]).not.toHaveProperty('tickets_url')

    const { order: cancelled, link: its } = await ordered()
    const { body } = await ask(`POST /orders/${cancelled.id}/cancel`, { as: ann })
    expect(body).toMatchObject({ status: 'CANCELLED', tickets_url: its })
  })

  test('has what was bought, with the code that the door takes, and marks it once it is used', async () => {
    const free = [{ price: 0, name: 'Door', direct: { capacity: 5 } }]
    const venue = { name: 'Harbour Hall', timezone: 'Europe/Berlin' }
    const { event } = await onSale({ title: 'Free Night', tickets: free, venue })
    const { body: booking } = await ask('POST /bookings', { as: bob, body: { event_id: event, quantity: 2 } })
    const { body: order } = await ask(`GET /orders/${booking.id}`, { as: bob })
    expect(booking.tickets_url).toBe(order.tickets_url)

    const answer = await page(booking.tickets_url)
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8')
    const html = await answer.text()
    const codes = [...html.matchAll(/<code>([^<]+)<\/code>/g)].map((match) => match[1]!)
    expect(codes).toEqual(order.units!.map(({ code }) => code))
    expect(html.match(/<svg/g)).toHaveLength(2)
    expect(html).toContain('Sunday, 1 June 2098 at 21:00 (Europe/Berlin)')
    expect(html).toContain(`Order ${order.id} · ticket 2 of 2`)

    const admitted = await ask('POST /checkin', { as: admin, body: { code: codes[0] } })
    expect(admitted.body).toMatchObject({ outcome: 'admitted', order_id: order.id })
    expect((await (await page(booking.tickets_url)).text()).match(/Used: checked in/g)).toHaveLength(1)
  })

  test('is kept by nobody, runs nothing, and tells nobody its address', async () => {
    const { link } = await ordered()
    for (const path of [link, link.slice(0, -1), '/orders/999999/tickets?key=none']) {
      const { headers } = await page(path)
      expect(Object.fromEntries(headers)).toMatchObject({
        'cache-control': 'no-store',
        'referrer-policy': 'no-referrer',
        'x-robots-tag': 'noindex',
        'content-security-policy': expect.stringMatching(/^default-src 'none'; .*frame-ancestors 'none'$/),
      })
    }
  })

  test('says of an order that is not paid until when it is held, and then that it is too late', async () => {
    const { order, link } = await ordered({ title: '<script>alert(1)</script>' })
    const pending = await page(link)
    expect(pending.status).toBe(402)
    const html = await pending.text()
    expect(html).toMatch(/It is held for you until \w+, \d+ \w+ \d{4} at \d\d:\d\d \(UTC\)/)
    expect(html).not.toMatch(/<svg|<script/)
    await ask(`POST /orders/${order.id}/cancel`, { as: ann })
    const cancelled = await page(link)
    expect([cancelled.status, (await cancelled.text()).includes('It was cancelled')]).toEqual([410, true])
  })

  test('is the same 404 to whoever has no link, whether there is such an order or not', async () => {
    const { order, link } = await ordered()
    const { link: another } = await ordered()
    const keyOfAnother = another.split('?')[1]!
    const answers = await Promise.all(
      [
        `/orders/${order.id}/tickets`,
        `/orders/${order.id}/tickets?key=`,
        `/orders/${order.id}/tickets?${keyOfAnother}`,
        `${link}A`,
        '/orders/999999/tickets',
        `/orders/999999/tickets?${keyOfAnother}`,
      ].map(async (path) => {
        const response = await page(path)
        const { 'x-request-id': _, date: __, ...headers } = Object.fromEntries(response.headers)
        return { status: response.status, headers, html: await response.text() }
      }),
    )
    expect(answers[0]).toMatchObject({ status: 404, html: expect.stringContaining('No tickets here') })
    for (const answer of answers) expect(answer).toEqual(answers[0]!)
  })

  test('is 404, not an error, where the key fits and the order is gone', async () => {
    const { order, link } = await ordered()
    await ask(`POST /orders/${order.id}/cancel`, { as: ann })
    await database.admin`delete from onsale.order_items where order_id = ${order.id}`
    await database.admin`delete from onsale.orders where id = ${order.id}`
    expect((await page(link)).status).toBe(404)
  })

  test('refuses a query that it does not know', async () => {
    const { link } = await ordered()
    for (const more of ['&page=0', '&page=1e3', '&limit=5', '&key=twice']) {
      expect([more, (await page(`${link}${more}`)).status]).toEqual([more, 400])
    }
  })
})
