import { afterAll, expect, test } from 'bun:test'
import { compare } from '../../sandbox/compare.ts'
import { createShop } from '../../sandbox/life.ts'
import type { TruthEvent, TruthTicket } from '../../sandbox/truth.ts'

const shop = createShop({ seed: 'compare', events: 8 })
shop.live(800)
const [hiddenProduct] = shop.world.products.filter(({ deleted }) => !deleted)
shop.world.editProduct(hiddenProduct!, (product) => {
  product.status = 'draft'
})
shop.world.settle()
const truth = shop.truth()

/** What the imitation does wrong: a chance to change what it serves */
let spoil: (path: string, body: Json) => Json | null = (_path, body) => body

const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: imitate })
const url = `http://127.0.0.1:${server.port}`
afterAll(() => server.stop(true))

test('what serves the truth is exact', async () => {
  spoil = (_path, body) => body
  const { differences, late, events, tickets, listed } = await compare(truth, {
    url,
    promised_ms: 0,
    second_look_ms: 300,
  })
  expect(differences).toEqual([])
  expect(late).toEqual([])
  expect(events).toBe(truth.events.length)
  expect(tickets).toBeGreaterThan(100)
  expect(listed).toBe(truth.events.filter(({ status }) => status === 'active').length)
})

test('one ticket off by one, in one answer, is found and named', async () => {
  const event = truth.events.find(({ status, tickets }) => status === 'active' && tickets[0]?.available)!
  const id = truth.events.indexOf(event) + 1
  spoil = (path, body) => {
    if (path !== `/events/${id}/availability`) return body
    const tickets = (body.tickets as Json[]).map((ticket, i) => (i === 0 ? { ...ticket, sold: -1 } : ticket))
    return { ...body, tickets }
  }
  const { differences } = await compare(truth, { url, promised_ms: 0, second_look_ms: 300 })
  expect(differences).toEqual([
    {
      where: `GET /events/${id}/availability`,
      what: `ticket ${event.tickets[0]!.variant_id} (${event.tickets[0]!.name}): sold`,
      expected: event.tickets[0]!.sold,
      got: -1,
    },
  ])
})

test('an event missing from the lists, or there twice, is found', async () => {
  spoil = (path, body) => {
    if (!path.startsWith('/events?') || path.includes('cursor=') || /page=[^1]/.test(path)) return body
    const [first, second] = body.events as Json[]
    return {
      ...body,
      events: [first, first, ...(body.events as Json[]).filter((e) => e !== first && e !== second)],
    }
  }
  const { differences } = await compare(truth, { url, promised_ms: 0, second_look_ms: 300 })
  expect(differences.map(({ got }) => got).sort()).toEqual(['0 times', '0 times', '2 times', '2 times'])
})

test('a draft that can be opened is found', async () => {
  const hidden = truth.events.findIndex(({ product_id }) => product_id === hiddenProduct!.id)
  spoil = (path, body) =>
    path === `/events/shopify:${truth.events[hidden]!.product_id}` ? { id: hidden + 1 } : body
  const { differences } = await compare(truth, { url, promised_ms: 0, second_look_ms: 300 })
  expect(differences).toMatchObject([{ expected: 404, got: 200 }])
})

test('what is right at the second look only is told as late, not as wrong', async () => {
  const start = performance.now()
  spoil = (path, body) =>
    path.startsWith('/events?') && performance.now() - start < 400
      ? { ...body, events: (body.events as Json[]).map((event) => ({ ...event, sold: -1 })) }
      : body
  const { differences, late } = await compare(truth, { url, promised_ms: 0, second_look_ms: 300 })
  expect(differences).toEqual([])
  expect(late.length).toBeGreaterThan(0)
})

type Json = Record<string, unknown>

/** A few lines that serve the wire contract's reads from the truth itself */
function imitate(request: Request): Response {
  const { pathname, search, searchParams } = new URL(request.url)
  const path = pathname + search
  const answer = (body: Json | null) => {
    const spoilt = spoil(path, body ?? {})
    return spoilt && Object.keys(spoilt).length > 0
      ? Response.json(spoilt)
      : Response.json({ code: 'not_found' }, { status: 404 })
  }
  if (pathname === '/events') {
    const listed = truth.events.filter(({ status }) => status === 'active')
    const from = Number(searchParams.get('cursor') ?? (Number(searchParams.get('page') ?? 1) - 1) * 3)
    const next_cursor = from + 3 < listed.length ? String(from + 3) : null
    const events = listed.slice(from, from + 3).map(eventFields)
    return answer({ events, total: listed.length, pages: Math.ceil(listed.length / 3), next_cursor })
  }
  const [, key, part] = /^\/events\/([^/]+)(?:\/(\w+))?$/.exec(pathname) ?? []
  const event = key?.startsWith('shopify:')
    ? truth.events.find(({ product_id }) => product_id === key.slice(8))
    : truth.events[Number(key) - 1]
  if (!event || !['active', 'unlisted'].includes(event.status)) return answer(null)
  const tickets = event.tickets.map(ticketFields)
  if (part) return answer({ event_id: truth.events.indexOf(event) + 1, tickets })
  return answer({ ...eventFields(event), per_user_limit: event.per_user_limit ?? 2, tickets })
}

function eventFields(event: TruthEvent): Json {
  const unlimited = event.tickets.some(({ available }) => available === null)
  const sum = (field: 'available' | 'capacity') =>
    unlimited ? null : event.tickets.reduce((total, ticket) => total + ticket[field]!, 0)
  return {
    id: truth.events.indexOf(event) + 1,
    shopify_product_id: event.product_id,
    title: event.title,
    subtitle: event.subtitle,
    category: event.category,
    status: event.status,
    starts_at: event.starts_at,
    ends_at: event.ends_at,
    venue: event.venue,
    currency: 'EUR',
    price_from_cents: Math.min(...event.tickets.map(({ price_cents }) => price_cents)),
    available: sum('available'),
    capacity: sum('capacity'),
    sold: event.tickets.reduce((total, { sold }) => total + sold, 0),
    sold_out: event.tickets.every(({ available, oversell_allowed }) => available === 0 && !oversell_allowed),
    channels: { shopify: { available: sum('available') }, direct: null },
  }
}

function ticketFields(ticket: TruthTicket): Json {
  const { capacity, sold, available } = ticket
  const left =
    available === null ? 'unlimited' : available > 0 || ticket.oversell_allowed ? 'available' : 'sold_out'
  const event = truth.events.find(({ tickets }) => tickets.includes(ticket))!
  const end = event.ends_at ?? event.starts_at
  return {
    shopify_variant_id: ticket.variant_id,
    sku: ticket.sku,
    name: ticket.name,
    price_cents: ticket.price_cents,
    compare_at_price_cents: ticket.compare_at_price_cents,
    currency: 'EUR',
    is_visible: true,
    position: ticket.position,
    oversell_allowed: ticket.oversell_allowed,
    capacity,
    sold,
    held: 0,
    available,
    channels: { shopify: { capacity, sold, held: 0, available }, direct: null },
    state: end !== null && Date.parse(end) < Date.now() ? 'not_on_sale' : left,
  }
}
