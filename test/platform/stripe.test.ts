import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { type ChildProcess, spawn } from 'node:child_process'
import Stripe from 'stripe'
import { provideGoProgram } from '../../bench/runner/go_program.ts'
import { ProviderError } from '../../src/payments/provider.ts'
import { createStripe } from '../../src/payments/stripe.ts'
import { freePort, waitUntil } from '../../src/platform/process.ts'

// Against stripe-mock, Stripe's own server for tests: it holds each request against the schema of Stripe's API.

let mock: ChildProcess
let url: string

beforeAll(async () => {
  const program = provideGoProgram({
    name: 'stripe-mock',
    module: 'github.com/stripe/stripe-mock@v0.203.0',
    page: 'https://github.com/stripe/stripe-mock',
    duration: 'half a minute',
    say: (sentence) => process.stdout.write(`${sentence}\n`),
  })
  const port = await freePort()
  url = `http://127.0.0.1:${port}`
  mock = spawn(program, ['-http-addr', `127.0.0.1:${port}`], { stdio: 'ignore' })
  const isUp = () =>
    fetch(url).then(
      () => true,
      () => false,
    )
  expect(await waitUntil(isUp, { timeoutMs: 30_000 })).toBe(true)
}, 300_000)
afterAll(() => mock?.kill())

const windowS = 300
const stripeAt = (apiUrl: string) =>
  createStripe({
    secretKey: 'sk_test_123',
    webhookSecrets: ['whsec_new', 'whsec_old'],
    windowS,
    timeoutMs: 2_000,
    apiUrl,
  })
const charge = {
  paymentId: 3,
  orderId: 9,
  amountCents: 5000,
  currency: 'EUR',
  returnUrl: 'https://shop.example/orders/9',
  origin: 'https://shop.example',
}

describe('calls', () => {
  test('a payment is a Checkout Session, and the buyer pays on its page', async () => {
    const { providerPaymentId, redirectUrl } = await stripeAt(url).start(charge)
    expect(providerPaymentId).toStartWith('cs_')
    expect(redirectUrl).toStartWith('https://checkout.stripe.com/')
  })

  test('money goes back by the payment of the session', async () => {
    const refund = { ...charge, providerPaymentId: 'cs_test_1', key: crypto.randomUUID() }
    expect((await stripeAt(url).refund(refund)).providerRefundId).toStartWith('re_')
  })

  test('what Stripe does not take is refused for good, and tells no key', async () => {
    const refused = await stripeAt(url)
      .start({ ...charge, currency: 'MGA', amountCents: 150 })
      .catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(ProviderError)
    expect(refused).toMatchObject({ isTransient: false })
    expect(String(refused)).not.toContain('sk_test')
  })

  test('nobody there, an error of theirs and too many calls may pass; other refusals do not', async () => {
    const nobody = await stripeAt(`http://127.0.0.1:${await freePort()}`)
      .start(charge)
      .catch((error: unknown) => error)
    expect(nobody).toMatchObject({ name: 'ProviderError', isTransient: true })

    let status = 500
    const server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: () =>
        Response.json({ error: { type: 'api_error', message: 'sk_test_123 is unknown' } }, { status }),
    })
    try {
      for (const [answered, isTransient] of [
        [500, true],
        [503, true],
        [429, true],
        [409, true],
        [400, false],
        [401, false],
        [402, false],
      ] as const) {
        status = answered
        const error = await stripeAt(server.url.origin)
          .start(charge)
          .catch((error: unknown) => error)
        expect([answered, error]).toMatchObject([answered, { name: 'ProviderError', isTransient }])
        expect(String(error)).not.toContain('sk_test')
      }
    } finally {
      await server.stop(true)
    }
  })
})

describe('events', () => {
  const stripe = new Stripe('sk_test_123')
  const provider = stripeAt('http://127.0.0.1:1')
  const session = {
    id: 'cs_test_1',
    object: 'checkout.session',
    payment_status: 'paid',
    amount_total: 5000,
    currency: 'eur',
    metadata: { payment_id: '3', order_id: '9' },
  }
  const eventOf = (type: string, changes: object = {}) =>
    JSON.stringify({ id: 'evt_1', object: 'event', type, data: { object: { ...session, ...changes } } })
  const bytes = (text: string) => new TextEncoder().encode(text)

  test('are believed by their signature, under each of the secrets, while it is new', async () => {
    const payload = eventOf('checkout.session.completed')
    const nowS = Math.floor(Date.now() / 1000)
    const isSigned = async (secret: string, timestamp: number, body = payload) => {
      const header = await stripe.webhooks.generateTestHeaderStringAsync({ payload, secret, timestamp })
      return await provider.isSigned(bytes(body), new Headers({ 'stripe-signature': header }))
    }
    expect(await isSigned('whsec_new', nowS)).toBe(true)
    expect(await isSigned('whsec_old', nowS)).toBe(true)
    expect(await isSigned('whsec_other', nowS)).toBe(false)
    expect(await isSigned('whsec_new', nowS - windowS - 10)).toBe(false)
    expect(await isSigned('whsec_new', nowS, `${payload} `)).toBe(false)
    expect(await provider.isSigned(bytes(payload), new Headers())).toBe(false)
    expect(await provider.isSigned(bytes(payload), new Headers({ 'stripe-signature': 'garbage' }))).toBe(
      false,
    )
  })

  test('tell a success, a failure, or nothing of a payment', () => {
    const told = { paymentId: 3, orderId: 9, amountCents: 5000, currency: 'EUR' }
    const read = (type: string, changes?: object) => provider.read(bytes(eventOf(type, changes)))
    expect(read('checkout.session.completed')).toEqual({
      deliveryId: 'evt_1',
      result: { ...told, status: 'SUCCESS' },
    })
    expect(read('checkout.session.async_payment_succeeded').result?.status).toBe('SUCCESS')
    expect(read('checkout.session.async_payment_failed').result?.status).toBe('FAILED')
    expect(read('checkout.session.expired', { payment_status: 'unpaid' }).result?.status).toBe('FAILED')
    // With a bank transfer the session is completed before the money is there.
    expect(read('checkout.session.completed', { payment_status: 'unpaid' }).result).toBeNull()
    expect(read('customer.created').result).toBeNull()
    expect(
      read('checkout.session.completed', { currency: 'isk', amount_total: 500_000 }).result,
    ).toMatchObject({
      amountCents: 5000,
      currency: 'ISK',
    })
  })

  test('without our ids, or that are no JSON, have a fault and an id', () => {
    const lost = provider.read(bytes(eventOf('checkout.session.completed', { metadata: {} })))
    expect(lost).toMatchObject({ deliveryId: 'evt_1', fault: expect.stringContaining('metadata') })
    for (const text of ['', '{', 'null', '[]', '{"type":"checkout.session.completed"}']) {
      const { deliveryId, fault } = provider.read(bytes(text))
      expect([text, deliveryId.length, fault?.length]).toEqual([text, 64, expect.any(Number)])
    }
  })
})
