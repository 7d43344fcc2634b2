import type { ShopTruth, TruthEvent, TruthTicket } from './truth.ts'

export interface Comparison {
  /** Events looked up one by one; those that must not be served are among them */
  readonly events: number
  readonly tickets: number
  /** Events of the shop found in the lists */
  readonly listed: number
  readonly requests: number
  /** What is still wrong after the second look */
  readonly differences: readonly Difference[]
  /** Wrong at the first look, right at the second: later than promised */
  readonly late: readonly Difference[]
}

export interface Difference {
  /** The request: `GET /events/42/tickets` */
  readonly where: string
  /** What it is about: `ticket 808950810 (General): available` */
  readonly what: string
  readonly expected: unknown
  readonly got: unknown
}

export interface CompareOptions {
  url: string
  concurrency?: number
  /** Between the last commit and the first look: what the service promises, lists being the slowest (1 s) */
  promised_ms?: number
  /** Between the first look and the second, which tells late from wrong; default 2 s */
  second_look_ms?: number
  onProgress?: (compared: number, events: number) => void
}

/**
 * Reads everything the public may read of a shop's events and compares it with the shop's truth, ticket by ticket: by
 * Shopify's id and by our own, tickets, availability, and the lists by page and by cursor. Other events are passed over.
 */
export async function compare(truth: ShopTruth, options: CompareOptions): Promise<Comparison> {
  const { promised_ms = 1000, second_look_ms = 2000, onProgress } = options
  const reader = createReader(options.url, options.concurrency ?? 16)
  await Bun.sleep(promised_ms + GRACE_MS)
  let compared = 0
  const look = async (events: readonly TruthEvent[]) => {
    const found = await Promise.all(
      events.map(async (event) => {
        const differences = await compareEvent(reader, event, truth.currency)
        onProgress?.(Math.min(++compared, truth.events.length), truth.events.length)
        return differences.map((difference) => ({ event, difference }))
      }),
    )
    return found.flat()
  }
  const [first, lists] = await Promise.all([look(truth.events), compareLists(reader, truth)])
  let second = { events: first, lists: lists.differences }
  if (first.length > 0 || lists.differences.length > 0) {
    await Bun.sleep(second_look_ms)
    const doubtful = [...new Set(first.map(({ event }) => event))]
    const [events, again] = await Promise.all([look(doubtful), compareLists(reader, truth)])
    second = { events, lists: again.differences }
  }
  const before = [...first.map(({ difference }) => difference), ...lists.differences]
  const after = [...second.events.map(({ difference }) => difference), ...second.lists]
  const keys = new Set(after.map(keyOf))
  return {
    events: truth.events.length,
    tickets: truth.events.reduce((sum, event) => sum + (isServed(event) ? event.tickets.length : 0), 0),
    listed: lists.listed,
    requests: reader.requests(),
    differences: after,
    late: before.filter((difference) => !keys.has(keyOf(difference))),
  }
}

/** Reads like visitors do, so many pages a second, until told to stop: a cache that nobody reads is never stale. */
export async function visit(
  truth: () => ShopTruth,
  { url, per_second, signal }: { url: string; per_second: number; signal: AbortSignal },
): Promise<number> {
  const reader = createReader(url, 8)
  for (let nth = 0; !signal.aborted; nth++) {
    const { events } = truth()
    const event = events[nth % Math.max(1, events.length)]
    if (event && nth % 4 !== 0) {
      const { body } = await reader.get(`/events/shopify:${event.product_id}`)
      const id = (body as { id?: unknown } | null)?.id
      if (typeof id === 'number')
        await Promise.all([reader.get(`/events/${id}`), reader.get(`/events/${id}/tickets`)])
    } else {
      await Promise.all([reader.get(listPath('page=1')), reader.get(listPath('')), reader.get('/events')])
    }
    await Bun.sleep(1000 / per_second)
  }
  return reader.requests()
}

/** A loaded machine is granted this much on top of what is promised, before the first look */
const GRACE_MS = 250

/** Lists are walked this far: a database with a million other events would take 10,000 pages */
const LIST_PAGES_MAX = 400

type Json = Record<string, unknown>

interface Reader {
  get(path: string): Promise<{ where: string; status: number; body: Json | null }>
  requests(): number
}

function createReader(url: string, concurrency: number): Reader {
  const base = url.replace(/\/$/, '')
  let free = concurrency
  let count = 0
  const waiting: (() => void)[] = []
  return {
    requests: () => count,
    get: async (path) => {
      if (free === 0) await new Promise<void>((resolve) => waiting.push(resolve))
      else free--
      count++
      const where = `GET ${path}`
      try {
        const response = await fetch(base + path, { signal: AbortSignal.timeout(10_000) })
        const text = await response.text()
        return { where, status: response.status, body: readJson(text) }
      } catch (error) {
        return { where, status: 0, body: { detail: String(error) } }
      } finally {
        const resume = waiting.shift()
        if (resume) resume()
        else free++
      }
    },
  }
}

function readJson(text: string): Json | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' ? (value as Json | null) : null
  } catch {
    return null
  }
}

async function compareEvent(reader: Reader, event: TruthEvent, currency: string): Promise<Difference[]> {
  const byShopify = await reader.get(`/events/shopify:${event.product_id}`)
  const name = `event ${event.product_id} (${event.title}, ${event.status})`
  if (!isServed(event))
    return differ(byShopify.where, `${name}: status`, { http: 404 }, { http: byShopify.status })
  const missing = differ(byShopify.where, `${name}: status`, { http: 200 }, { http: byShopify.status })
  if (missing.length > 0 || !byShopify.body) return missing

  const { id } = byShopify.body
  const [byId, tickets, availability] = await Promise.all([
    reader.get(`/events/${id}`),
    reader.get(`/events/${id}/tickets`),
    reader.get(`/events/${id}/availability`),
  ])
  return [
    ...[byShopify, byId].flatMap(({ where, body }) => [
      ...differ(where, name, { ...summaryOf(event, currency), ...detailsOf(event) }, body ?? {}),
      ...compareTickets(where, event.tickets, listOf(body, 'tickets'), (ticket) =>
        ticketFields(ticket, currency),
      ),
    ]),
    ...differ(tickets.where, name, { event_id: id }, tickets.body ?? {}),
    ...compareTickets(tickets.where, event.tickets, listOf(tickets.body, 'tickets'), (ticket) =>
      ticketFields(ticket, currency),
    ),
    ...compareTickets(availability.where, event.tickets, listOf(availability.body, 'tickets'), (ticket) => ({
      ...countsOf(ticket),
      state: stateOf(event, ticket),
    })),
  ]
}

async function compareLists(
  reader: Reader,
  truth: ShopTruth,
): Promise<{ listed: number; differences: Difference[] }> {
  const expected = new Map(
    truth.events.filter(({ status }) => status === 'active').map((event) => [event.product_id, event]),
  )
  const ours = new Set(truth.events.map(({ product_id }) => product_id))
  const differences: Difference[] = []
  let listed = 0
  for (const walk of [walkByCursor(reader), walkByPage(reader)]) {
    const seen = new Map<string, number>()
    let complete = true
    for await (const { where, entries, fault } of walk) {
      if (fault) {
        complete = false
        if (fault !== 'too long') differences.push({ where, what: 'list', expected: 'a page', got: fault })
        continue
      }
      for (const entry of entries) {
        const product_id = String(entry.shopify_product_id)
        if (!ours.has(product_id)) continue
        seen.set(product_id, (seen.get(product_id) ?? 0) + 1)
        const event = expected.get(product_id)
        const name = `event ${product_id} in the list`
        if (!event) differences.push({ where, what: name, expected: 'absent', got: entry.status })
        else differences.push(...differ(where, name, summaryOf(event, truth.currency), entry))
      }
    }
    listed = Math.max(listed, seen.size)
    if (!complete) continue
    for (const product_id of expected.keys()) {
      const times = seen.get(product_id) ?? 0
      if (times !== 1) {
        const what = `event ${product_id} (${expected.get(product_id)?.title}) in the list`
        differences.push({ where: `GET ${listPath('')}`, what, expected: 'once', got: `${times} times` })
      }
    }
  }
  return { listed, differences }
}

type Walk = AsyncGenerator<{ where: string; entries: Json[]; fault?: string }>

async function* walkByCursor(reader: Reader): Walk {
  let path = listPath('')
  for (let page = 1; ; page++) {
    const { where, status, body } = await reader.get(path)
    if (status !== 200 || !body) return yield { where, entries: [], fault: `HTTP ${status}` }
    yield { where, entries: listOf(body, 'events') }
    if (typeof body.next_cursor !== 'string') return
    if (page >= LIST_PAGES_MAX) return yield { where, entries: [], fault: 'too long' }
    path = listPath(`cursor=${encodeURIComponent(body.next_cursor)}`)
  }
}

async function* walkByPage(reader: Reader): Walk {
  for (let page = 1; ; page++) {
    const { where, status, body } = await reader.get(listPath(`page=${page}`))
    if (status !== 200 || !body) return yield { where, entries: [], fault: `HTTP ${status}` }
    yield { where, entries: listOf(body, 'events') }
    if (page >= Number(body.pages)) return
    // Pages end at 10,000 rows: from there on the cursor alone goes on
    if (page >= LIST_PAGES_MAX || body.total_relation === 'gte')
      return yield { where, entries: [], fault: 'too long' }
  }
}

/** From the start of time on, so that what is over is listed too: a shop told again may be of last year */
function listPath(more: string): string {
  return `/events?limit=100&from=1970-01-01T00:00:00Z${more === '' ? '' : `&${more}`}`
}

function compareTickets(
  where: string,
  expected: readonly TruthTicket[],
  got: readonly Json[],
  fields: (ticket: TruthTicket) => Json,
): Difference[] {
  const served = new Map(got.map((ticket) => [String(ticket.shopify_variant_id), ticket]))
  const order = differ(
    where,
    'tickets, by position',
    { ids: expected.map(({ variant_id }) => variant_id).join(' ') },
    { ids: got.map(({ shopify_variant_id }) => shopify_variant_id).join(' ') },
  )
  const each = expected.flatMap((ticket) => {
    const match = served.get(ticket.variant_id)
    return match ? differ(where, `ticket ${ticket.variant_id} (${ticket.name})`, fields(ticket), match) : []
  })
  return [...order, ...each]
}

/** What a list shows of an event, as far as the shop knows it */
function summaryOf(event: TruthEvent, currency: string): Json {
  const sum = (pick: (ticket: TruthTicket) => number | null) =>
    event.tickets.some((ticket) => ticket.available === null)
      ? null
      : event.tickets.reduce((total, ticket) => total + (pick(ticket) ?? 0), 0)
  const available = sum((ticket) => ticket.available)
  return {
    shopify_product_id: event.product_id,
    title: event.title,
    subtitle: event.subtitle,
    category: event.category,
    status: event.status,
    starts_at: event.starts_at,
    ends_at: event.ends_at,
    venue: event.venue,
    currency,
    price_from_cents:
      event.tickets.length === 0 ? null : Math.min(...event.tickets.map((t) => t.price_cents)),
    available,
    capacity: sum((ticket) => ticket.capacity),
    sold: event.tickets.reduce((total, ticket) => total + ticket.sold, 0),
    sold_out:
      event.tickets.length > 0 && event.tickets.every((t) => t.available === 0 && !t.oversell_allowed),
    channels: { shopify: { available }, direct: null },
  }
}

function detailsOf(event: TruthEvent): Json {
  // A product that says nothing gets the default limit of 2
  return { per_user_limit: event.per_user_limit ?? 2 }
}

function ticketFields(ticket: TruthTicket, currency: string): Json {
  const counts = countsOf(ticket)
  return {
    ...counts,
    channels: { shopify: counts, direct: null },
    name: ticket.name,
    sku: ticket.sku,
    price_cents: ticket.price_cents,
    compare_at_price_cents: ticket.compare_at_price_cents,
    currency,
    is_visible: true,
    position: ticket.position,
    oversell_allowed: ticket.oversell_allowed,
  }
}

function countsOf({ capacity, sold, available }: TruthTicket): Json {
  return { capacity, sold, held: 0, available }
}

function stateOf(event: TruthEvent, ticket: TruthTicket): string {
  const end = event.ends_at ?? event.starts_at
  if (end !== null && Date.parse(end) < Date.now()) return 'not_on_sale'
  if (ticket.available === null) return 'unlimited'
  return ticket.available > 0 || ticket.oversell_allowed ? 'available' : 'sold_out'
}

function isServed(event: TruthEvent): boolean {
  return event.status === 'active' || event.status === 'unlisted'
}

/** One difference per field that is expected and not so; fields that the shop says nothing of are passed over */
function differ(where: string, what: string, expected: Json, got: Json): Difference[] {
  return Object.entries(expected).flatMap(([field, value]) => {
    const actual = got[field] ?? null
    if (value !== null && typeof value === 'object') {
      if (actual === null || typeof actual !== 'object') {
        return [{ where, what: `${what}: ${field}`, expected: value, got: actual }]
      }
      return differ(where, `${what}: ${field}`, value as Json, actual as Json)
    }
    return Object.is(actual, value ?? null)
      ? []
      : [{ where, what: `${what}: ${field}`, expected: value, got: actual }]
  })
}

function keyOf({ where, what }: Difference): string {
  return `${where} ${what}`
}

function listOf(body: Json | null, field: string): Json[] {
  const list = body?.[field]
  return Array.isArray(list) ? (list as Json[]) : []
}
