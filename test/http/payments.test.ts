import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import { Elysia } from 'elysia'
import { createAccounts } from '../../src/accounts/accounts.ts'
import { accountRoutes } from '../../src/accounts/routes.ts'
import { composeApp } from '../../src/app.ts'
import { createIntakeCalls } from '../../src/intake/calls.ts'
import { createJobCalls, type Job } from '../../src/jobs/calls.ts'
import { jobRoutes } from '../../src/jobs/routes.ts'
import { startWorker } from '../../src/jobs/worker.ts'
import { paymentBodyBytesMax, providerBreakAfter, providerRetriesMax } from '../../src/limits.ts'
import { createPayments, type Payments } from '../../src/payments/payments.ts'
import { type Charge, type PaymentProvider, ProviderError, type Refund } from '../../src/payments/provider.ts'
import { paymentRoutes } from '../../src/payments/routes.ts'
import { createSimulator } from '../../src/payments/simulator.ts'
import { createLog } from '../../src/platform/log.ts'
import { createMetrics } from '../../src/platform/metrics.ts'
import { createRateLimits } from '../../src/rate_limits/rate_limits.ts'
import { salesRoutes } from '../../src/sales/routes.ts'
import { createSales } from '../../src/sales/sales.ts'
import { createTicketLinks } from '../../src/sales/ticket_links.ts'
import { createCallers, type Someone } from '../callers.ts'
import { addEvent } from '../catalog.ts'
import { expectVerified, type TestDatabase, testDatabase } from '../harness.ts'
import { countersOf, ticketsOf } from '../sales.ts'

type Body = {
  id: number
  code: string
  status: string
  state: string
  current_status: string
  payment_id: number
  order_id: number
  amount_cents: number
  currency: string
  redirect_url: string
  outcome: string
  delivery_id: string
  order_status: string | null
  reason: string
  jobs: { kind: string; state: string; subject: string; errors: { message: string }[] }[]
}

const secret = 'the secret of today'
const oldSecret = 'the secret of yesterday'
const windowS = 300

/** The far side: keeps what it was asked for, and fails as often as it is told to. */
const far = {
  failures: [] as Error[],
  charges: [] as Charge[],
  refunds: [] as Refund[],
}
const simulator = createSimulator({ secrets: [secret, oldSecret], windowS })
const provider: PaymentProvider = {
  ...simulator,
  start: async (charge) => {
    far.charges.push(charge)
    const failure = far.failures.shift()
    if (failure !== undefined) throw failure
    return await simulator.start(charge)
  },
  refund: async (refund) => {
    far.refunds.push(refund)
    const failure = far.failures.shift()
    if (failure !== undefined) throw failure
    return await simulator.refund(refund)
  },
}
const down = () => new ProviderError('It is down', { isTransient: true })

let database: TestDatabase
let url: URL
let stop: () => Promise<void>
let payments: Payments
let callers: ReturnType<typeof createCallers<Body>>
let ann: Someone
let bob: Someone
let admin: Someone

const metrics = createMetrics()
const log = createLog({ level: 'silent', destination: { write: () => {} } })

beforeAll(async () => {
  database = await testDatabase({ connections: 8 })
  const pool = database.service
  const accounts = createAccounts({ pool, secrets: ['a secret of more than 32 characters'], metrics })
  const sales = createSales({ pool, metrics })
  const rateLimits = createRateLimits({ redis: null, config: { rateLimits: false, trustedProxies: [] } })
  payments = createPayments({ pool, providers: [provider], log, metrics })
  const ticketLinks = createTicketLinks(['a secret of more than 32 characters'])
  const flows = new Elysia()
    .use(accountRoutes({ accounts, rateLimits }))
    .use(salesRoutes({ sales, ticketLinks, accounts, rateLimits }))
    .use(jobRoutes({ jobs: createJobCalls(pool, metrics), accounts }))
    .use(
      paymentRoutes({
        payments,
        sales,
        ticketLinks,
        accounts,
        simulator,
        config: { publicUrl: null, paymentReturnUrl: 'https://shop.example/thanks?order={order_id}' },
      }),
    )
  const app = composeApp(flows, { config: { corsOrigins: [] }, log, metrics })
  const server = Bun.serve({ ...app.serve, port: 0, hostname: '127.0.0.1' })
  url = server.url
  stop = () => server.stop(true)
  callers = createCallers<Body>(url)
  ann = await callers.someone()
  bob = await callers.someone()
  admin = await callers.anAdmin(database.admin)
})
beforeEach(() => {
  Object.assign(far, { failures: [], charges: [], refunds: [] })
})
afterAll(async () => {
  await expectVerified(database.admin)
  await stop()
  await database.drop()
})

/** An order of two units at 25.00, of an event with so many. */
async function ordered({
  as = ann,
  capacity = 10,
} = {}): Promise<{ event: number; ticket: number; order: number }> {
  const event = await addEvent(database.admin, { tickets: [{ direct: { capacity }, price: 2500 }] })
  await database.admin`update onsale.events set per_user_limit = null where id = ${event}`
  const [ticket = 0] = await ticketsOf(database.admin, event)
  const body = { items: [{ ticket_id: ticket, qty: 2 }], client_token: crypto.randomUUID() }
  const { body: placed } = await callers.ask('POST /orders', { as, body })
  return { event, ticket, order: placed.id }
}

async function initiated({ as = ann, capacity = 10 } = {}) {
  const made = await ordered({ as, capacity })
  const { body } = await callers.ask('POST /payments/initiate', { as, body: { order_id: made.order } })
  return { ...made, payment: body.payment_id, redirectUrl: body.redirect_url }
}

const hmac = (text: string, key = secret) => createHmac('sha256', key).update(text).digest('hex')
const stamped = (text: string, at: number, key = secret) => `t=${at},v1=${hmac(`${at}.${text}`, key)}`
const nowS = () => Math.floor(Date.now() / 1000)

/** Tells a result as a provider does; `signature` says how it is signed. */
async function tell(result: object | string, signature = (text: string) => `sha256=${hmac(text)}`) {
  const body = typeof result === 'string' ? result : JSON.stringify(result)
  return await callers.ask('POST /payments/webhook', { body, headers: { 'x-signature': signature(body) } })
}
const statusOf = async (order: number) =>
  (await callers.ask(`GET /orders/${order}`, { as: admin })).body.status

/** Lets the time of an order be over. */
async function runOut(order: number): Promise<void> {
  await database.admin`update onsale.orders set expires_at = created_at where id = ${order}`
}

async function until(isThere: () => Promise<boolean>): Promise<void> {
  for (const deadline = performance.now() + 30_000; performance.now() < deadline; await Bun.sleep(20)) {
    if (await isThere()) return
  }
  throw new Error('It did not come about')
}

describe('POST /payments/initiate', () => {
  test('begins to pay what the order costs, and gives the live payment again', async () => {
    const { order } = await ordered()
    const begun = await callers.ask('POST /payments/initiate', { as: ann, body: { order_id: order } })
    expect(begun).toMatchObject({
      status: 201,
      body: { order_id: order, amount_cents: 5000, currency: 'EUR' },
    })
    expect(begun.body.redirect_url).toStartWith(new URL('/payments/simulator/', url).href)
    expect(far.charges).toMatchObject([
      { amountCents: 5000, currency: 'EUR', returnUrl: `https://shop.example/thanks?order=${order}` },
    ])
    const again = await callers.ask('POST /payments/initiate', { as: ann, body: { order_id: order } })
    expect([again.status, again.body]).toEqual([200, begun.body])
    expect(far.charges).toHaveLength(1)
  })

  test('is for the buyer and for an admin; for others the order is not there', async () => {
    const { order } = await ordered()
    const body = { order_id: order }
    expect((await callers.ask('POST /payments/initiate', { as: bob, body })).body.code).toBe('not_found')
    expect((await callers.ask('POST /payments/initiate', { body })).body.code).toBe('unauthorized')
    const absent = { order_id: 999_999 }
    expect((await callers.ask('POST /payments/initiate', { as: ann, body: absent })).status).toBe(404)
    expect((await callers.ask('POST /payments/initiate', { as: admin, body })).status).toBe(201)
  })

  test('takes no amount from a client', async () => {
    const { order } = await ordered()
    for (const extra of [{ amount_cents: 1 }, { currency: 'JPY' }, { status: 'SUCCESS' }]) {
      const answer = await callers.ask('POST /payments/initiate', {
        as: ann,
        body: { order_id: order, ...extra },
      })
      expect([answer.status, answer.body.code]).toEqual([422, 'validation_failed'])
    }
    expect(far.charges).toHaveLength(0)
  })

  test('refuses an order that is paid, cancelled or over', async () => {
    const paid = await initiated()
    await tell({ payment_id: paid.payment, order_id: paid.order, status: 'SUCCESS' })
    const cancelled = await ordered()
    await callers.ask(`POST /orders/${cancelled.order}/cancel`, { as: ann })
    const over = await ordered()
    await runOut(over.order)
    for (const [order, status] of [
      [paid.order, 'PAID'],
      [cancelled.order, 'CANCELLED'],
      [over.order, 'EXPIRED'],
    ] as const) {
      const { status: http, body } = await callers.ask('POST /payments/initiate', {
        as: ann,
        body: { order_id: order },
      })
      expect([http, body.code, body.current_status]).toEqual([409, 'not_payable', status])
    }
  })

  test('asks the provider again while the buyer waits, with one attempt', async () => {
    const { order } = await ordered()
    far.failures = [down(), down()]
    const begun = await callers.ask('POST /payments/initiate', { as: ann, body: { order_id: order } })
    expect(begun.status).toBe(201)
    const { payment_id: id } = begun.body
    expect(far.charges.map(({ paymentId }) => paymentId)).toEqual([id, id, id])
    expect(await database.admin`select from onsale.payments where order_id = ${order}`).toHaveLength(1)
  })

  test('a provider that stays away is told, kept as a dead job, and tried again by the next call', async () => {
    const { order } = await ordered()
    far.failures = Array.from({ length: providerRetriesMax + 1 }, down)
    const refused = await callers.ask('POST /payments/initiate', { as: ann, body: { order_id: order } })
    expect([refused.status, refused.body.code]).toEqual([503, 'unavailable'])
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(far.charges).toHaveLength(providerRetriesMax + 1)
    const subject = `payment ${far.charges[0]?.paymentId}`
    const dead = await callers.ask('GET /admin/jobs?state=dead&kind=start_payment', { as: admin })
    expect(dead.body.jobs.filter((job) => job.subject === subject)).toMatchObject([
      { kind: 'start_payment', errors: [{ message: 'It is down', field: null }] },
    ])

    const begun = await callers.ask('POST /payments/initiate', { as: ann, body: { order_id: order } })
    expect([begun.status, begun.body.payment_id]).toEqual([200, far.charges[0]?.paymentId ?? 0])
    const after = await callers.ask('GET /admin/jobs?state=dead&kind=start_payment', { as: admin })
    expect(after.body.jobs.filter((job) => job.subject === subject)).toEqual([])
  })

  test('what a provider refuses for good is not asked again', async () => {
    const { order } = await ordered()
    far.failures = [new ProviderError('No such currency', { isTransient: false })]
    const refused = await callers.ask('POST /payments/initiate', { as: ann, body: { order_id: order } })
    expect([refused.status, far.charges.length]).toEqual([503, 1])
    expect(refused.text).not.toContain('No such currency')
  })

  test('while the provider is known to be down nobody waits for it, and one call finds it back', async () => {
    const own = createPayments({ pool: database.service, providers: [provider], log, metrics })
    const tries: string[] = []
    far.failures = Array.from({ length: providerBreakAfter }, down)
    while (far.failures.length > 0) {
      const { event: eventId, order: orderId } = await ordered()
      const request = { eventId, orderId, userId: null, origin: 'http://x', returnUrl: 'http://x' }
      tries.push(await own.start(request).then(String, (error: Error) => error.message))
    }
    const before = far.charges.length
    const { event: eventId, order: orderId } = await ordered()
    const request = { eventId, orderId, userId: null, origin: 'http://x', returnUrl: 'http://x' }
    await expect(own.start(request)).rejects.toThrow('simulator is away')
    expect(far.charges).toHaveLength(before)
  })
})

describe('POST /payments/webhook', () => {
  test('a success pays the order, once, under each of the secrets and both forms of signature', async () => {
    const signatures: ((text: string) => string)[] = [
      (text) => `sha256=${hmac(text)}`,
      (text) => `sha256=${hmac(text, oldSecret)}`,
      (text) => stamped(text, nowS()),
      (text) => stamped(text, nowS() - windowS + 20, oldSecret),
      (text) => `${stamped(text, nowS(), 'another')},v1=${hmac(`${nowS()}.${text}`)}`,
    ]
    for (const signature of signatures) {
      const { event, ticket, payment, order } = await initiated()
      const result = { payment_id: payment, order_id: order, status: 'SUCCESS' }
      const first = await tell(result, signature)
      expect([first.status, first.body]).toMatchObject([200, { outcome: 'applied', order_status: 'PAID' }])
      expect((await tell(result, signature)).body).toMatchObject({
        outcome: 'duplicate',
        delivery_id: first.body.delivery_id,
      })
      expect(await countersOf(database.admin, event)).toEqual({ [ticket]: [0, 2, 8] })
    }
  })

  test('without a good signature nothing happens', async () => {
    const { payment, order } = await initiated()
    const result = JSON.stringify({ payment_id: payment, order_id: order, status: 'SUCCESS' })
    const bad = [
      '',
      'sha256=',
      `sha256=${'0'.repeat(64)}`,
      `sha256=${hmac(result, 'another')}`,
      `sha256=${hmac(result)},sha256=${hmac(result)}`,
      `sha1=${hmac(result)}`,
      hmac(result),
      stamped(result, nowS() - windowS - 5),
      stamped(result, nowS() + windowS + 5),
      `t=${nowS()},v1=${hmac(result)}`,
      `t=${nowS()}`,
      `t=,v1=${hmac(`.${result}`)}`,
      `t=1e9,v1=${hmac(`1e9.${result}`)}`,
      `t=${nowS()},t=${nowS()},v1=${hmac(`${nowS()}.${result}`)}`,
      `v1=${hmac(result)}`,
    ]
    for (const signature of bad) {
      const answer = await tell(result, () => signature)
      expect([signature, answer.status, answer.body.code]).toEqual([signature, 401, 'bad_signature'])
    }
    const unsigned = await callers.ask('POST /payments/webhook', { body: result })
    expect(unsigned.status).toBe(401)
    expect(await statusOf(order)).toBe('PENDING')
  })

  test('a failure keeps the hold, a success after it wins, a failure after that is stale', async () => {
    const { payment, order } = await initiated()
    const result = (status: string) => ({ payment_id: payment, order_id: order, status })
    expect((await tell(result('FAILED'))).body).toMatchObject({ outcome: 'applied', order_status: 'PENDING' })
    expect((await tell(result('SUCCESS'))).body).toMatchObject({ outcome: 'applied', order_status: 'PAID' })
    const late = { ...result('FAILED'), amount_cents: 5000 }
    expect((await tell(late)).body).toMatchObject({ outcome: 'stale', order_status: 'PAID' })
    expect((await tell(late)).body.outcome).toBe('duplicate')
  })

  test('a buyer whose payment failed begins another one', async () => {
    const { payment, order } = await initiated()
    await tell({ payment_id: payment, order_id: order, status: 'FAILED' })
    const second = await callers.ask('POST /payments/initiate', { as: ann, body: { order_id: order } })
    expect([second.status, second.body.payment_id === payment]).toEqual([201, false])
  })

  test('what does not fit changes nothing, is kept with its reason and counted, and is gone when it fits', async () => {
    const { payment, order } = await initiated()
    const other = await initiated({ as: bob })
    const wrong: [object | string, string][] = [
      [
        { payment_id: payment, order_id: order, status: 'SUCCESS', amount_cents: 4999 },
        'another order, amount',
      ],
      [{ payment_id: payment, order_id: order, status: 'SUCCESS', currency: 'USD' }, 'another order, amount'],
      [{ payment_id: payment, order_id: other.order, status: 'SUCCESS' }, 'another order, amount'],
      [{ payment_id: 999_999, order_id: order, status: 'SUCCESS' }, 'There is no payment 999999'],
      [{ payment_id: payment, order_id: order, status: 'PAID' }, '/status'],
      [{ payment_id: `${payment}`, order_id: order, status: 'SUCCESS' }, '/payment_id'],
      [{ payment_id: payment + 0.5, order_id: order, status: 'SUCCESS' }, '/payment_id'],
      [{ payment_id: payment, order_id: order, status: 'SUCCESS', amount_cents: -1 }, '/amount_cents'],
      ['{"payment_id": 1', 'Body is not JSON'],
      ['', 'Body is not JSON'],
      ['null', 'Expected'],
      [`{"payment_id": "${'\\u0000'.repeat(9)}"}`, 'order_id'],
    ]
    for (const [result, reason] of wrong) {
      const { status, body } = await tell(result)
      expect([result, status, body.outcome]).toEqual([result, 200, 'failed'])
      expect(body.reason).toContain(reason)
      const kept = await createIntakeCalls(database.service, metrics).getStoredDelivery(body.delivery_id)
      expect(kept).toMatchObject({ shop: 'provider:simulator', topic: 'payments/result', outcome: 'failed' })
      expect(Buffer.from(kept?.bodyBase64 ?? '', 'base64').toString()).toBe(
        typeof result === 'string' ? result : JSON.stringify(result),
      )
    }
    expect([await statusOf(order), await statusOf(other.order)]).toEqual(['PENDING', 'PENDING'])
    const counted = await metrics.registry.metrics()
    expect(counted).toMatch(/payment_results_total\{provider="simulator",outcome="mismatch"\} 3\b/)
    expect(counted).toMatch(/payment_results_total\{provider="simulator",outcome="unknown_payment"\} 1\b/)

    // Somebody corrects what it was compared with, and the same bytes are applied.
    const [first] = wrong[0] as [object, string]
    const { body } = await tell(first)
    await database.admin`update onsale.payments set amount_cents = 4999 where id = ${payment}`
    const calls = createIntakeCalls(database.service, metrics)
    const kept = await calls.getStoredDelivery(body.delivery_id)
    expect(await payments.applyStored(kept as NonNullable<typeof kept>)).toMatchObject({
      outcome: 'applied',
      orderStatus: 'PAID',
    })
    expect(await calls.getStoredDelivery(body.delivery_id)).toBeNull()
    await database.admin`update onsale.payments set amount_cents = 5000 where id = ${payment}`
    await database.admin`delete from onsale.failed_deliveries`
  })

  test('what a provider told that is not configured any more stays kept, with its reason', async () => {
    const { body } = await tell('{"payment_id": 2')
    const calls = createIntakeCalls(database.service, metrics)
    const kept = await calls.getStoredDelivery(body.delivery_id)
    const own = createPayments({ pool: database.service, providers: [], log, metrics })
    const again = await own.applyStored(kept as NonNullable<typeof kept>)
    expect(again).toMatchObject({ outcome: 'failed', reason: expect.stringContaining('provider:simulator') })
    expect(await calls.getStoredDelivery(body.delivery_id)).toMatchObject({
      attempts: 2,
      reason: again.reason,
    })
    await database.admin`delete from onsale.failed_deliveries`
  })

  test('a body that is too large is refused before its signature is looked at', async () => {
    const { status, body } = await tell(' '.repeat(paymentBodyBytesMax + 1))
    expect([status, body.code]).toEqual([413, 'too_large'])
  })

  test('three hundred results at once, of fifty orders, some told six times: each order is paid once', async () => {
    const made = await Promise.all(Array.from({ length: 50 }, () => initiated()))
    const told = made.flatMap(({ payment, order }) => {
      const result = (status: string) => ({ payment_id: payment, order_id: order, status })
      return ['SUCCESS', 'FAILED', 'SUCCESS', 'SUCCESS', 'FAILED', 'SUCCESS'].map(result)
    })
    const answers = await Promise.all(told.map((result) => tell(result)))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    for (const { event, ticket, order } of made) {
      expect(await statusOf(order)).toBe('PAID')
      expect(await countersOf(database.admin, event)).toEqual({ [ticket]: [0, 2, 8] })
    }
  })
})

describe('a payment that comes late', () => {
  test('takes the units again where they are left, else the money is owed and given back by a job, once', async () => {
    const { event, ticket, payment, order } = await initiated({ capacity: 2 })
    await runOut(order)
    const body = { items: [{ ticket_id: ticket, qty: 2 }], client_token: 'next' }
    const { body: next } = await callers.ask('POST /orders', { as: bob, body })
    const result = { payment_id: payment, order_id: order, status: 'SUCCESS' }
    expect((await tell(result)).body).toMatchObject({ outcome: 'applied', order_status: 'REFUND_DUE' })
    expect((await tell(result)).body).toMatchObject({ outcome: 'duplicate' })
    expect(await statusOf(next.id)).toBe('PENDING')
    expect(await countersOf(database.admin, event)).toEqual({ [ticket]: [2, 0, 0] })

    far.failures = Array.from({ length: providerRetriesMax + 1 }, down)
    const worker = startWorker({ sql: database.service, handlers: payments.handlers, log, metrics })
    try {
      const jobOf = async () =>
        (await database.admin`select id, state from onsale.jobs where subject = ${`payment ${payment}`}`)[0]
      await until(async () => (await jobOf())?.state === 'waiting')
      expect(await statusOf(order)).toBe('REFUND_DUE')
      const { id } = (await jobOf()) as unknown as { id: number }
      expect((await callers.ask(`POST /admin/jobs/${id}/retry`, { as: admin })).body.state).toBe('queued')
      await until(async () => (await statusOf(order)) === 'REFUNDED')
      expect(new Set(far.refunds.map(({ key }) => key)).size).toBe(1)
      expect(far.refunds[0]).toMatchObject({ paymentId: payment, amountCents: 5000, currency: 'EUR' })
      await until(async () => (await callers.ask(`GET /jobs/${id}`, { as: admin })).body.state === 'done')
    } finally {
      await worker.stop()
    }
  })

  test('a refund whose end was lost is done again, and the money goes back once', async () => {
    const { payment, order, event } = await initiated({ capacity: 2 })
    await tell({ payment_id: payment, order_id: order, status: 'SUCCESS' })
    const { body: paid } = await callers.ask(`GET /orders/${order}`, { as: admin })
    await callers.ask(`PATCH /orders/${order}/status`, {
      as: admin,
      body: { status: 'REFUND_DUE', version: (paid as unknown as { version: number }).version },
    })
    const job: Job = {
      id: 0,
      kind: 'refund',
      subject: `payment ${payment}`,
      request: { event_id: event, order_id: order, payment_id: payment },
      idempotencyKey: crypto.randomUUID(),
      attempt: 1,
    }
    expect(await payments.handlers.refund(job)).toMatchObject({ is_refunded: true, order_status: 'REFUNDED' })
    expect(await payments.handlers.refund(job)).toMatchObject({ is_refunded: false })
    expect(far.refunds).toHaveLength(1)
    await database.admin`delete from onsale.jobs where subject = ${job.subject}`
  })

  test('an order that an admin says is refunded is not refunded again', async () => {
    const { payment, order, event } = await initiated({ capacity: 2 })
    await tell({ payment_id: payment, order_id: order, status: 'SUCCESS' })
    for (const status of ['REFUND_DUE', 'REFUNDED']) {
      const { body } = await callers.ask(`GET /orders/${order}`, { as: admin })
      const { version } = body as unknown as { version: number }
      await callers.ask(`PATCH /orders/${order}/status`, { as: admin, body: { status, version } })
    }
    const [job] = await database.admin<{ request: Job['request'] }[]>`
      select request from onsale.jobs where subject = ${`payment ${payment}`}`
    const request = job?.request ?? {}
    expect(request).toMatchObject({ event_id: event, payment_id: payment })
    const done = await payments.handlers.refund({
      id: 0,
      kind: 'refund',
      subject: '',
      request,
      idempotencyKey: 'k',
      attempt: 1,
    })
    expect(done).toMatchObject({ is_refunded: false })
    expect(far.refunds).toHaveLength(0)
  })
})

describe('the page of a simulated payment', () => {
  test('pays by a click, or fails, through a signed webhook', async () => {
    const { order, redirectUrl } = await initiated()
    const page = await fetch(redirectUrl)
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
    expect(await page.text()).toMatch(/EUR\s50\.00/)
    const click = async (status: string) =>
      await (await fetch(redirectUrl, { method: 'POST', body: new URLSearchParams({ status }) })).text()
    expect(await click('FAILED')).toContain(`Order ${order} is PENDING`)
    const paid = await click('SUCCESS')
    expect(paid).toContain(`Order ${order} is PAID`)
    expect(paid).toContain(`https://shop.example/thanks?order=${order}`)
    expect(await statusOf(order)).toBe('PAID')
  })

  test('is not there for an address that nobody gave, and takes nothing else', async () => {
    const { order, redirectUrl } = await initiated()
    const forged = redirectUrl.replace(/\.[^.]*$/, `.${'A'.repeat(43)}`)
    for (const address of [forged, `${redirectUrl}A`, new URL('/payments/simulator/x', url).href]) {
      expect((await fetch(address)).status).toBe(404)
      const posted = await fetch(address, { method: 'POST', body: 'status=SUCCESS' })
      expect(posted.status).toBe(404)
    }
    const odd = await fetch(redirectUrl, { method: 'POST', body: 'status=REFUNDED' })
    expect(odd.status).toBe(400)
    expect(await statusOf(order)).toBe('PENDING')
  })
})
