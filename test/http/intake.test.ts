import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { createHash, createHmac } from 'node:crypto'
import { connect, createServer, type Socket } from 'node:net'
import { Elysia } from 'elysia'
import { composeApp } from '../../src/app.ts'
import { createIntakeCalls } from '../../src/intake/calls.ts'
import { createIntake } from '../../src/intake/intake.ts'
import { type Delivery, type DeliveryResult, knownTopics } from '../../src/intake/model.ts'
import { type IntakeRoutesDeps, intakeRoutes } from '../../src/intake/routes.ts'
import { webhookBodyBytesMax } from '../../src/limits.ts'
import { openPool, type Sql, serviceRole } from '../../src/platform/database.ts'
import { createGatherer } from '../../src/platform/gather.ts'
import { createLog } from '../../src/platform/log.ts'
import { createMetrics, type Metrics } from '../../src/platform/metrics.ts'
import { apply, type Body, delivery, level, order, product, stateOf, stockOf } from '../deliveries.ts'
import { expectVerified, type TestDatabase, testDatabase } from '../harness.ts'

const lines: Record<string, unknown>[] = []
const log = createLog({ level: 'info', destination: { write: (line) => lines.push(JSON.parse(line)) } })

let database: TestDatabase
const ending: (() => unknown)[] = []

beforeAll(async () => {
  database = await testDatabase({ connections: 4 })
})
beforeEach(async () => {
  await apply(database.service, delivery('products/create', product()))
})
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
  await expectVerified(database.admin)
  // Faster than a database for each test: what the intake writes, emptied again.
  await database.admin`
    truncate onsale.shopify_orders, onsale.shopify_order_lines, onsale.shopify_products, onsale.shopify_variants,
      onsale.inventory_items, onsale.inventory_levels, onsale.redactions, onsale.events, onsale.tickets, onsale.stock,
      onsale.event_revisions, onsale.deliveries, onsale.failed_deliveries, onsale.delivery_bodies
    restart identity cascade`
})
afterAll(() => database.drop())

type Given = {
  secrets?: string[]
  shops?: string[]
  sql?: Sql
  intake?: (sql: Sql, metrics: Metrics) => IntakeRoutesDeps['intake']
}

/** The routes of the intake in the app's shell, on a real pool and a port of its own. */
function start({ secrets = ['current'], shops = [], sql = database.service, intake }: Given = {}) {
  const metrics = createMetrics()
  const taking = intake ? intake(sql, metrics) : createIntake({ sql, log, metrics })
  const config = { shopifyWebhookSecrets: secrets, shopifyShops: shops }
  const flows = new Elysia().use(intakeRoutes({ intake: taking, config, metrics }))
  const app = composeApp(flows, { config: { corsOrigins: [] }, log, metrics })
  const server = Bun.serve({ ...app.serve, port: 0, hostname: '127.0.0.1' })
  ending.push(() => server.stop(true))
  const url = `http://127.0.0.1:${server.port}`
  return { url, port: server.port as number, metrics, intake: taking }
}

type Told = {
  id?: string | null
  secret?: string
  signature?: string | null
  topic?: string | null
  shop?: string
  at?: string
  path?: string
}

const bytesOf = (body: Body | Uint8Array) =>
  body instanceof Uint8Array
    ? body
    : new TextEncoder().encode(typeof body === 'string' ? body : JSON.stringify(body))
const sign = (body: Uint8Array, secret = 'current') =>
  createHmac('sha256', secret).update(body).digest('base64')

let idCount = 0

function headersOf(topic: string, bytes: Uint8Array, told: Told): Record<string, string> {
  const {
    id = `id-${++idCount}`,
    secret,
    signature = sign(bytes, secret),
    shop = 'demo.myshopify.com',
    at,
  } = told
  const header = told.topic === undefined ? topic : told.topic
  return {
    'content-type': 'application/json',
    ...(header === null ? {} : { 'x-shopify-topic': header }),
    ...(signature === null ? {} : { 'x-shopify-hmac-sha256': signature }),
    ...(id === null ? {} : { 'x-shopify-webhook-id': id }),
    'x-shopify-shop-domain': shop,
    'x-shopify-api-version': '2026-10',
    ...(at === undefined ? {} : { 'x-shopify-triggered-at': at }),
  }
}

/** Delivers as Shopify does. */
function post(
  { url }: { url: string },
  topic: string,
  body: Body | Uint8Array,
  told: Told = {},
): Promise<Response> {
  const bytes = bytesOf(body)
  const headers = headersOf(topic, bytes, told)
  return fetch(`${url}/webhooks/${told.path ?? topic}`, {
    method: 'POST',
    body: bytes as Uint8Array<ArrayBuffer>,
    headers,
  })
}

type Answer = { status: number; outcome?: string; delivery_id?: string; code?: string }
const answerOf = async (answered: Promise<Response>): Promise<Answer> => {
  const response = await answered
  return { status: response.status, ...((await response.json()) as Omit<Answer, 'status'>) }
}

const counterOf = async ({ metrics }: { metrics: Metrics }, line: string) =>
  Number(
    new RegExp(`^${line.replace(/[{}/]/g, '\\$&')} (\\d+)`, 'm').exec(
      await metrics.registry.metrics(),
    )?.[1] ?? 0,
  )

/** Small enough to fill by hand; everything else as in service. */
const small =
  (bounds: { queueItemsMax?: number; waitMsMax?: number }) =>
  (sql: Sql, metrics: Metrics): IntakeRoutesDeps['intake'] & { drain(): Promise<void> } => {
    const calls = createIntakeCalls(sql, metrics)
    return createGatherer<Delivery, DeliveryResult>({
      name: 'deliveries',
      run: (batch) => calls.applyDeliveries(batch),
      concurrency: 2,
      batchItemsMax: 1,
      queueItemsMax: 1000,
      waitMsMax: 10_000,
      metrics,
      ...bounds,
    })
  }

describe('a signed delivery', () => {
  test('is answered after it was applied, with its id', async () => {
    const app = start()
    const response = await post(app, 'orders/create', order(), { id: 'b54557e4-bdd9-4b37-8a5f-bf7d70bcd043' })
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toStartWith('application/json')
    expect(response.headers.get('x-request-id')).toMatch(/^[A-Za-z0-9._-]{1,128}$/)
    expect(await response.json()).toEqual({
      outcome: 'applied',
      delivery_id: 'b54557e4-bdd9-4b37-8a5f-bf7d70bcd043',
    })
    expect(await stockOf(database.admin)).toMatchObject({ sold: 1, available: 99 })
  })

  test('has one of the documented outcomes', async () => {
    const app = start()
    const outcomes = []
    for (const [topic, body, id] of [
      ['orders/create', order(), 'a'],
      ['orders/create', order(), 'a'],
      ['orders/paid', order(), '0'],
      ['themes/publish', {}, 'c'],
      ['orders/create', { id: 1 }, 'd'],
      ['orders/create', '{"id":', 'e'],
      ['orders/create', '{"id":', 'e'],
    ] as const) {
      outcomes.push((await answerOf(post(app, topic, body, { id }))).outcome)
    }
    expect(outcomes).toEqual(['applied', 'duplicate', 'stale', 'ignored', 'failed', 'failed', 'failed'])
  })

  test('of every topic has its path, and comes by the catch-all as well', async () => {
    const app = start()
    const bodies: Record<string, Body> = {
      'customers/redact': { customer: { id: 1 }, orders_to_redact: [] },
      'inventory_levels/disconnect': { inventory_item_id: 1, location_id: 1 },
    }
    for (const topic of knownTopics) {
      const body =
        bodies[topic] ??
        (topic.startsWith('orders/')
          ? order()
          : topic.startsWith('products')
            ? product()
            : topic.includes('levels')
              ? level(1)
              : { id: 5 })
      for (const path of [topic, 'shopify']) {
        const answer = await answerOf(post(app, topic, body, { path }))
        expect([topic, path, answer.status, answer.outcome === 'failed']).toEqual([topic, path, 200, false])
      }
    }
  })

  test('may name its topic in the path alone, in any case', async () => {
    const app = start()
    expect(await answerOf(post(app, 'orders/create', order(), { topic: null }))).toMatchObject({
      outcome: 'applied',
    })
    expect(await answerOf(post(app, 'orders/create', order(), { topic: 'Orders/Create' }))).toMatchObject({
      status: 200,
    })
    expect(
      await answerOf(post(app, 'orders/create', order(), { path: 'ORDERS/create', topic: null })),
    ).toMatchObject({
      status: 200,
    })
  })

  test('without Webhook-Id, or with one that cannot be stored, goes by the SHA-256 of its body', async () => {
    const app = start()
    for (const [nth, id] of [null, '', 'x'.repeat(129), 'with space'].entries()) {
      const body = bytesOf(order({ id: 600 + nth }))
      const hash = createHash('sha256').update(body).digest('hex')
      expect(await answerOf(post(app, 'orders/create', body, { id }))).toEqual({
        status: 200,
        outcome: 'applied',
        delivery_id: hash,
      })
      expect(await answerOf(post(app, 'orders/create', body, { id }))).toMatchObject({ outcome: 'duplicate' })
    }
  })

  test('keeps ids that a JavaScript number cannot hold', async () => {
    const app = start()
    const text = JSON.stringify(order({ lines: [{ id: 1, variant_id: 2, quantity: 1 }] }))
      .replace('"id":500', '"id":820982911946154508')
      .replace('"variant_id":2', '"variant_id":808950810808950811')
    expect(await answerOf(post(app, 'orders/create', text))).toMatchObject({ outcome: 'applied' })
    const [row] = await database.admin`
      select o.order_id::text, l.variant_id::text
      from onsale.shopify_orders o join onsale.shopify_order_lines l using (order_id)`
    expect(row).toEqual({ order_id: '820982911946154508', variant_id: '808950810808950811' })
  })

  test('of a product brings its description without what runs in a browser', async () => {
    const app = start()
    const body_html = '<p onclick="x()">An <b>evening</b></p><script>alert(1)</script>'
    await post(app, 'products/update', product({ updated_at: '2026-11-02T10:00:00Z', body_html }))
    const [row] = await database.admin`select description from onsale.events`
    expect(row).toEqual({ description: '<p>An <b>evening</b></p>' })
  })

  test('is dated by Triggered-At to the nanosecond where the seconds are equal', async () => {
    const app = start()
    const lines_ = (quantity: number) => [{ id: 1, variant_id: 11, quantity, current_quantity: quantity }]
    await post(app, 'orders/updated', order({ lines: lines_(5) }), { at: '2026-11-01T11:00:00.000000002Z' })
    const late = post(app, 'orders/updated', order({ lines: lines_(1) }), {
      at: '2026-11-01T11:00:00.000000001Z',
    })
    expect(await answerOf(late)).toMatchObject({ outcome: 'stale' })
    expect(await stockOf(database.admin)).toMatchObject({ sold: 5 })
  })

  test('is counted by topic and outcome; a topic nobody knows is `other`', async () => {
    const app = start()
    await post(app, 'orders/create', order(), { at: '2026-11-01T11:00:00Z' })
    await post(app, 'themes/publish', {})
    await post(app, `made/up_${'x'.repeat(50)}`, {})
    expect(await counterOf(app, 'webhook_deliveries_total{topic="orders/create",outcome="applied"}')).toBe(1)
    expect(await counterOf(app, 'webhook_deliveries_total{topic="other",outcome="ignored"}')).toBe(2)
    const shown = await app.metrics.registry.metrics()
    expect(shown).toMatch(/^webhook_event_age_seconds\{topic="orders\/create"\} \d/m)
    expect(shown).not.toContain('made/up')
  })
})

describe('a secret', () => {
  test('may be any of several while they are rotated', async () => {
    const app = start({ secrets: ['new', 'old'] })
    for (const [nth, secret] of ['new', 'old'].entries()) {
      const answer = await answerOf(post(app, 'orders/create', order({ id: 600 + nth }), { secret }))
      expect(answer).toMatchObject({ status: 200, outcome: 'applied' })
    }
    expect(await answerOf(post(app, 'orders/create', order(), { secret: 'older' }))).toMatchObject({
      status: 401,
    })
  })

  test('that is not configured lets nobody in', async () => {
    const app = start({ secrets: [] })
    expect(await answerOf(post(app, 'orders/create', order(), { secret: '' }))).toMatchObject({ status: 401 })
  })
})

describe('without a trace in the database', () => {
  /** What is refused must not even have asked the database. */
  async function expectNoTrace(app: ReturnType<typeof start>, work: () => Promise<void>): Promise<void> {
    const before = await stateOf(database.admin)
    await work()
    expect(await stateOf(database.admin)).toEqual(before)
    expect(await database.admin`select from onsale.failed_deliveries`).toHaveLength(0)
    expect(await app.metrics.registry.metrics()).not.toMatch(/db_query_time_seconds_count\{/)
  }

  const bytes = bytesOf(order())
  for (const [sentence, told] of [
    ['a delivery without signature', { signature: null }],
    ['a delivery with an empty signature', { signature: '' }],
    ['a delivery signed with another secret', { secret: 'other' }],
    ['a delivery whose signature is of another body', { signature: sign(bytesOf(order({ id: 9 }))) }],
    [
      'a delivery signed in hexadecimal',
      { signature: createHmac('sha256', 'current').update(bytes).digest('hex') },
    ],
    [
      'a delivery that is wrong in everything, which is not told',
      { secret: 'other', topic: 'x/y', shop: 'evil.example' },
    ],
  ] as const) {
    test(`${sentence} is refused as bad_signature`, async () => {
      const app = start({ shops: ['demo.myshopify.com'] })
      await expectNoTrace(app, async () => {
        const response = await post(app, 'orders/create', order(), told)
        expect(response.status).toBe(401)
        expect(response.headers.get('content-type')).toBe('application/problem+json')
        expect(await response.json()).toMatchObject({ code: 'bad_signature', status: 401 })
      })
    })
  }

  test('a body that differs by a blank from what was signed is refused', async () => {
    const app = start()
    await expectNoTrace(app, async () => {
      const signature = sign(bytesOf(order()))
      const answer = await answerOf(post(app, 'orders/create', `${JSON.stringify(order())} `, { signature }))
      expect(answer).toMatchObject({ status: 401 })
    })
  })

  for (const [sentence, told, code] of [
    ['no topic at all', { path: 'shopify', topic: null }, 'missing_topic'],
    ['an empty topic', { path: 'shopify', topic: '' }, 'missing_topic'],
    ['no topic on the bare path', { path: '', topic: null }, 'missing_topic'],
    ['a topic that is none', { path: 'shopify', topic: 'orders create' }, 'missing_topic'],
    ['a topic of a thousand letters', { path: 'shopify', topic: 'x'.repeat(1000) }, 'missing_topic'],
    ['a path and a header that differ', { topic: 'orders/paid' }, 'topic_mismatch'],
  ] as const) {
    test(`${sentence} is refused as ${code}`, async () => {
      const app = start()
      await expectNoTrace(app, async () => {
        expect(await answerOf(post(app, 'orders/create', order(), told))).toMatchObject({ status: 400, code })
      })
    })
  }

  test('a shop that is not allowed is refused as unknown_shop, an allowed one is not', async () => {
    const app = start({ shops: ['Demo.myshopify.com', 'other.myshopify.com'] })
    await expectNoTrace(app, async () => {
      for (const shop of ['evil.myshopify.com', '', 'demo.myshopify.com.evil.example']) {
        expect(await answerOf(post(app, 'orders/create', order(), { shop }))).toMatchObject({
          status: 403,
          code: 'unknown_shop',
        })
      }
    })
    expect(await answerOf(post(app, 'orders/create', order(), { shop: 'DEMO.myshopify.com' }))).toMatchObject(
      {
        outcome: 'applied',
      },
    )
  })

  test('a body of more than 5 MiB is refused as too_large, announced or in pieces', async () => {
    const app = start()
    const long = new Uint8Array(webhookBodyBytesMax + 1).fill(32)
    await expectNoTrace(app, async () => {
      expect(await answerOf(post(app, 'orders/create', long))).toMatchObject({
        status: 413,
        code: 'too_large',
      })
      const pieces = new ReadableStream({
        async pull(controller) {
          controller.enqueue(new Uint8Array(256 * 1024))
          await Bun.sleep(0)
        },
      })
      const headers = headersOf('orders/create', long, {})
      const endless = fetch(`${app.url}/webhooks/orders/create`, { method: 'POST', body: pieces, headers })
      expect(await answerOf(endless)).toMatchObject({ status: 413, code: 'too_large' })
    })
  })

  test('a length of more than 5 MiB is refused before the body has come', async () => {
    const app = start()
    await expectNoTrace(app, async () => {
      const answer = await talk(
        app.port,
        `POST /webhooks/orders/create HTTP/1.1\r\nHost: x\r\nContent-Length: ${webhookBodyBytesMax + 1}\r\n\r\n`,
      )
      expect(answer).toStartWith('HTTP/1.1 413')
      expect(answer).toContain('too_large')
    })
  })

  test('a sender that goes away in the middle of its body leaves nothing, not even an error in the log', async () => {
    const app = start()
    await expectNoTrace(app, async () => {
      lines.length = 0
      const socket = connect(app.port, '127.0.0.1')
      await new Promise<void>((resolve) => socket.once('connect', () => resolve()))
      socket.write('POST /webhooks/orders/create HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"id":')
      await Bun.sleep(20)
      socket.destroy()
      await Bun.sleep(50)
      expect(lines.filter((line) => Number(line.level) >= 50 || line.level === 'error')).toEqual([])
    })
    expect(await answerOf(post(app, 'orders/create', order()))).toMatchObject({ outcome: 'applied' })
  })

  test('other methods are told which there is', async () => {
    const app = start()
    const response = await fetch(`${app.url}/webhooks/orders/create`)
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toContain('POST')
  })
})

test('a body of exactly 5 MiB is taken', async () => {
  const app = start()
  const empty = JSON.stringify({ ...order(), note: '' })
  const body = JSON.stringify({ ...order(), note: 'x'.repeat(webhookBodyBytesMax - empty.length) })
  expect(body.length).toBe(webhookBodyBytesMax)
  expect(await answerOf(post(app, 'orders/create', body))).toMatchObject({ status: 200, outcome: 'applied' })
})

describe('many at once', () => {
  test('twenty on one ticket are twenty sales', async () => {
    const app = start()
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, nth) => answerOf(post(app, 'orders/create', order({ id: 1 + nth })))),
    )
    expect(answers.map((answer) => answer.outcome)).toEqual(Array(20).fill('applied'))
    expect(await stockOf(database.admin)).toMatchObject({ sold: 20, available: 80 })
  })

  test('the same one twenty times is applied once', async () => {
    const app = start()
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => answerOf(post(app, 'orders/create', order(), { id: 'same' }))),
    )
    expect(answers.filter((answer) => answer.outcome === 'applied')).toHaveLength(1)
    expect(answers.filter((answer) => answer.outcome === 'duplicate')).toHaveLength(19)
    expect(await stockOf(database.admin)).toMatchObject({ sold: 1 })
  })

  test('poison among them fails alone', async () => {
    const app = start()
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, nth) =>
        answerOf(post(app, 'orders/create', nth % 20 === 7 ? '{"id": 1e999999}' : order({ id: 1 + nth }))),
      ),
    )
    for (const [nth, answer] of answers.entries()) {
      expect([nth, answer.status, answer.outcome]).toEqual([nth, 200, nth % 20 === 7 ? 'failed' : 'applied'])
    }
    expect(await stockOf(database.admin)).toMatchObject({ sold: 57 })
  })
})

describe('a database that stands still', () => {
  /** Holds the gate that every batch must pass, until it is let go. */
  async function standStill(): Promise<() => Promise<void>> {
    const session = await database.admin.reserve()
    await session`begin`
    await session`select pg_advisory_xact_lock(hashtext('onsale gate'))`
    let isHeld = true
    const letGo = async () => {
      if (!isHeld) return
      isHeld = false
      await session`rollback`
      session.release()
    }
    ending.push(letGo)
    return letGo
  }

  const waiting = async (app: ReturnType<typeof start>, count: number) => {
    while ((await counterOf(app, 'gather_queue_depth{gatherer="deliveries"}')) < count) await Bun.sleep(2)
  }

  test('fills the queue: what does not fit is refused at once as busy, what did is answered', async () => {
    const app = start({ intake: small({ queueItemsMax: 5 }) })
    const letGo = await standStill()
    const sell = (nth: number) => answerOf(post(app, 'orders/create', order({ id: 1 + nth })))
    // Two are under way before the queue fills.
    const accepted = [sell(0), sell(1)]
    while ((await counterOf(app, 'gather_batch_size_count{gatherer="deliveries"}')) < 2) await Bun.sleep(2)
    for (let nth = 2; nth < 7; nth++) accepted.push(sell(nth))
    await waiting(app, 5)
    const startedAt = performance.now()
    const refused = await post(app, 'orders/create', order({ id: 99 }))
    expect(performance.now() - startedAt).toBeLessThan(500)
    expect(refused.status).toBe(503)
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
    expect(await refused.json()).toMatchObject({ code: 'busy', status: 503 })
    await letGo()
    expect((await Promise.all(accepted)).map((answer) => answer.outcome)).toEqual(Array(7).fill('applied'))
    expect(await stockOf(database.admin)).toMatchObject({ sold: 7 })
  })

  test('for longer than a sender waits: busy, and the repetition finds what was done all the same', async () => {
    const app = start({ intake: small({ waitMsMax: 100 }) })
    const letGo = await standStill()
    expect(await answerOf(post(app, 'orders/create', order(), { id: 'x' }))).toMatchObject({
      status: 503,
      code: 'busy',
    })
    await letGo()
    while ((await stockOf(database.admin))?.sold !== 1) await Bun.sleep(2)
    expect(await answerOf(post(app, 'orders/create', order(), { id: 'x' }))).toMatchObject({
      outcome: 'duplicate',
    })
  })

  test('while the server drains: everything accepted is answered, newcomers are refused as unavailable', async () => {
    const app = start({ intake: small({}) })
    const letGo = await standStill()
    const accepted = Array.from({ length: 50 }, (_, nth) =>
      answerOf(post(app, 'orders/create', order({ id: 1 + nth }))),
    )
    await waiting(app, 48)
    const drained = (app.intake as ReturnType<ReturnType<typeof small>>).drain()
    const refused = await post(app, 'orders/create', order({ id: 99 }))
    expect(refused.status).toBe(503)
    expect(refused.headers.get('retry-after')).not.toBeNull()
    expect(await refused.json()).toMatchObject({ code: 'unavailable' })
    await letGo()
    await drained
    expect((await Promise.all(accepted)).map((answer) => answer.outcome)).toEqual(Array(50).fill('applied'))
    expect(await stockOf(database.admin)).toMatchObject({ sold: 50 })
  })
})

describe('a database that is away', () => {
  test('from the start: refused at once as unavailable', async () => {
    const pool = openPool(`postgres://postgres@127.0.0.1:${await closedPort()}/x`, { name: 'away', max: 2 })
    ending.push(() => pool.end({ timeout: 0 }))
    const app = start({ sql: pool })
    for (let nth = 0; nth < 3; nth++) {
      const startedAt = performance.now()
      const response = await post(app, 'orders/create', order())
      expect(performance.now() - startedAt).toBeLessThan(1_000)
      expect(response.status).toBe(503)
      expect(Number(response.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
      const problem = await response.json()
      expect(problem).toMatchObject({ code: 'unavailable' })
      // Where the database stands is nobody's business.
      expect(JSON.stringify(problem)).not.toMatch(/ECONN|127\.0\.0\.1|postgres/i)
    }
  })

  async function startBehindProxy(given: Given = {}) {
    const proxy = await startProxy(new URL(database.url))
    const url = new URL(database.url)
    url.hostname = '127.0.0.1'
    url.port = String(proxy.port)
    const pool = openPool(url.href, { name: 'by proxy', max: 3, role: serviceRole })
    ending.push(() => pool.end({ timeout: 0 }))
    return { app: start({ ...given, sql: pool }), proxy }
  }

  test('and comes back: 503 at once meanwhile, 200 again by itself, and no 200 was a lie', async () => {
    const { app, proxy } = await startBehindProxy()
    const confirmed = new Set<number>()
    let nth = 0
    const deliver = async () => {
      const id = ++nth
      const answer = await answerOf(post(app, 'orders/create', order({ id }), { id: `o${id}` }))
      if (answer.status === 200) confirmed.add(id)
      else expect(['unavailable', 'busy']).toContain(answer.code ?? '')
      return answer.status
    }

    expect(await deliver()).toBe(200)
    for (let round = 0; round < 5; round++) {
      // In the middle of whatever is under way.
      const underWay = Array.from({ length: 10 }, deliver)
      await Bun.sleep(round)
      proxy.refuse()
      await Promise.all(underWay)
      const startedAt = performance.now()
      expect(await deliver()).toBe(503)
      expect(performance.now() - startedAt).toBeLessThan(1_000)
      await proxy.mend()
      const mendedAt = performance.now()
      while ((await deliver()) !== 200) await Bun.sleep(10)
      expect(performance.now() - mendedAt).toBeLessThan(3_000)
    }
    const stored = await database.admin`select order_id::integer as id from onsale.shopify_orders`
    const ids = new Set(stored.map((row) => row.id))
    expect([...confirmed].filter((id) => !ids.has(id))).toEqual([])

    // Shopify repeats what was refused: then everything is there, once.
    for (let id = 1; id <= nth; id++) {
      if (!confirmed.has(id)) await post(app, 'orders/create', order({ id }), { id: `o${id}` })
    }
    expect((await stockOf(database.admin))?.sold).toBe(nth)
  })

  test('behind a balancer that hangs up: refused within the time a sender waits, and back by itself', async () => {
    const { app, proxy } = await startBehindProxy({ intake: small({ waitMsMax: 300 }) })
    expect(await answerOf(post(app, 'orders/create', order({ id: 1 })))).toMatchObject({ outcome: 'applied' })
    proxy.hangUp()
    for (let id = 2; id < 5; id++) {
      expect(await answerOf(post(app, 'orders/create', order({ id })))).toMatchObject({ status: 503 })
    }
    await proxy.mend()
    const mendedAt = performance.now()
    while ((await answerOf(post(app, 'orders/create', order({ id: 5 }), { id: 'back' }))).status !== 200)
      await Bun.sleep(10)
    expect(performance.now() - mendedAt).toBeLessThan(3_000)
  })
})

async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise<void>((resolve) => server.once('listening', () => resolve()))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** Stands before PostgreSQL and can be cut: connections are lost, and new ones refused, or accepted and closed. */
async function startProxy(target: URL) {
  const sockets = new Set<Socket>()
  let isHangingUp = false
  const server = createServer((near) => {
    near.on('error', () => {})
    if (isHangingUp) return near.destroy()
    const far = connect(Number(target.port), target.hostname)
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one)
      one.on('data', (data) => other.write(data))
      one.on('error', () => other.destroy())
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
    }
  })
  const listen = (port: number) =>
    new Promise<void>((resolve) => server.listen(port, '127.0.0.1', () => resolve()))
  const lose = () => {
    for (const socket of sockets) socket.destroy()
  }
  await listen(0)
  const { port } = server.address() as { port: number }
  ending.push(() => {
    lose()
    server.close()
  })
  return {
    port,
    /** As a server that is down. */
    refuse() {
      server.close()
      lose()
    },
    /** As a balancer that has no server behind it. */
    hangUp() {
      isHangingUp = true
      lose()
    },
    async mend() {
      isHangingUp = false
      if (!server.listening) await listen(port)
    },
  }
}

/** Sends text as it is and answers with the first that comes back. */
function talk(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text))
    socket.on('data', (data) => {
      resolve(String(data))
      socket.destroy()
    })
    socket.on('error', reject)
  })
}
