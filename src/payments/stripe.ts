import Stripe from 'stripe'
import type { PaymentResult } from './calls.ts'
import { type Charge, type PaymentProvider, ProviderError, type Started, type Told } from './provider.ts'

export type StripeOptions = {
  secretKey: string
  /** Any of several, while they rotate. */
  webhookSecrets: readonly string[]
  /** How old a signature may be, in seconds. */
  windowS: number
  timeoutMs: number
  /** Another host that speaks Stripe's API, for tests; null: Stripe's own. */
  apiUrl?: string | null
}

/**
 * Stripe, by Checkout Sessions: the buyer pays on Stripe's page. Results come as events of the session, which carries our
 * ids as metadata. Source: docs.stripe.com, "Fulfill orders" and "Receive Stripe events in your webhook endpoint".
 */
export function createStripe({
  secretKey,
  webhookSecrets,
  windowS,
  timeoutMs,
  apiUrl = null,
}: StripeOptions): PaymentProvider {
  const api = apiUrl === null ? null : new URL(apiUrl)
  const stripe = new Stripe(secretKey, {
    timeout: timeoutMs,
    // Whoever calls retries, by rules that are the same for every provider.
    maxNetworkRetries: 0,
    telemetry: false,
    ...(api === null
      ? {}
      : {
          host: api.hostname,
          port: Number(api.port || (api.protocol === 'https:' ? 443 : 80)),
          protocol: api.protocol === 'https:' ? ('https' as const) : ('http' as const),
        }),
  })

  return {
    name: 'stripe',

    start: (charge) =>
      asked(async (): Promise<Started> => {
        const { paymentId, orderId, currency, returnUrl } = charge
        const metadata = { payment_id: String(paymentId), order_id: String(orderId) }
        const session = await stripe.checkout.sessions.create(
          {
            mode: 'payment',
            line_items: [
              {
                quantity: 1,
                price_data: {
                  currency: currency.toLowerCase(),
                  unit_amount: chargedAmount(charge),
                  product_data: { name: `Order ${orderId}` },
                },
              },
            ],
            client_reference_id: String(orderId),
            metadata,
            payment_intent_data: { metadata },
            success_url: returnUrl,
            cancel_url: returnUrl,
          },
          { idempotencyKey: `onsale-payment-${paymentId}` },
        )
        if (session.url === null) {
          throw new ProviderError('Stripe answered a session without an address', { isTransient: false })
        }
        return { providerPaymentId: session.id, redirectUrl: session.url }
      }),

    refund: ({ providerPaymentId, key }) =>
      asked(async () => {
        const session = await stripe.checkout.sessions.retrieve(providerPaymentId)
        const intent =
          typeof session.payment_intent === 'string' ? session.payment_intent : session.payment_intent?.id
        if (!intent) {
          throw new ProviderError(`Stripe knows no payment of ${providerPaymentId}`, { isTransient: false })
        }
        try {
          const refund = await stripe.refunds.create(
            { payment_intent: intent },
            { idempotencyKey: `onsale-refund-${key}` },
          )
          return { providerRefundId: refund.id }
        } catch (error) {
          // By hand, or by a call whose answer was lost long ago: an idempotency key lives for a day.
          if (error instanceof Stripe.errors.StripeError && error.code === 'charge_already_refunded') {
            return { providerRefundId: intent }
          }
          throw error
        }
      }),

    claims: (headers) => headers.has('stripe-signature'),

    async isSigned(body, headers) {
      const header = headers.get('stripe-signature') ?? ''
      const { signature } = stripe.webhooks
      for (const secret of webhookSecrets) {
        try {
          if (await signature?.verifyHeaderAsync(body, header, secret, windowS)) return true
        } catch (error) {
          if (!(error instanceof Stripe.errors.StripeSignatureVerificationError)) throw error
        }
      }
      return false
    },

    read: readStripeEvent,
  }
}

/** What an event of Stripe tells: sessions that were paid, that failed, and that nobody paid in time. */
export function readStripeEvent(body: Uint8Array): Told {
  const hash = new Bun.CryptoHasher('sha256').update(body).digest('hex')
  let event: Stripe.Event
  try {
    event = JSON.parse(Buffer.from(body).toString()) as Stripe.Event
  } catch {
    return { deliveryId: hash, fault: 'Body is not JSON' }
  }
  const deliveryId = typeof event?.id === 'string' && /^[\x21-\x7e]{1,128}$/.test(event.id) ? event.id : hash
  const object = event?.data?.object
  if (object === undefined) return { deliveryId, fault: 'Body is no event of Stripe' }
  const status = statusOf(event)
  if (status === null) return { deliveryId, result: null }
  const { metadata, amount_total, currency } = object as Stripe.Checkout.Session
  const paymentId = idOf(metadata?.payment_id)
  const orderId = idOf(metadata?.order_id)
  if (paymentId === null || orderId === null) {
    return { deliveryId, fault: 'Session has no payment_id and order_id in its metadata' }
  }
  const amount = typeof amount_total === 'number' && currency ? amount_total : null
  return {
    deliveryId,
    result: {
      paymentId,
      orderId,
      status,
      amountCents: amount === null || !currency ? null : ownAmount(amount, currency.toUpperCase()),
      currency: currency?.toUpperCase() ?? null,
    },
  }
}

function statusOf(event: Stripe.Event): PaymentResult['status'] | null {
  switch (event.type) {
    case 'checkout.session.completed':
      // With a method that takes days the session is completed first, and paid or failed later.
      return event.data.object.payment_status === 'unpaid' ? null : 'SUCCESS'
    case 'checkout.session.async_payment_succeeded':
      return 'SUCCESS'
    case 'checkout.session.async_payment_failed':
    case 'checkout.session.expired':
      return 'FAILED'
    default:
      return null
  }
}

// How many of Stripe's units one minor unit of ISO 4217 is, where that is not one.
// Source: docs.stripe.com/currencies: MGA has no decimals there, ISK and UGX have two that must be 00.
const stripeUnits: Readonly<Record<string, number>> = { ISK: 100, UGX: 100, MGA: 0.01 }

function chargedAmount({ amountCents, currency }: Pick<Charge, 'amountCents' | 'currency'>): number {
  const amount = amountCents * (stripeUnits[currency] ?? 1)
  if (Number.isInteger(amount)) return amount
  throw new ProviderError(`Stripe takes no parts of one ${currency}`, { isTransient: false })
}

function ownAmount(amount: number, currency: string): number {
  return Math.round(amount / (stripeUnits[currency] ?? 1))
}

function idOf(text: string | undefined): number | null {
  return text !== undefined && /^[1-9]\d{0,14}$/.test(text) ? Number(text) : null
}

/** Makes what Stripe refuses a ProviderError: what may succeed later, and what will not. Never with the key in it. */
async function asked<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    if (error instanceof ProviderError || !(error instanceof Stripe.errors.StripeError)) throw error
    const status = error.statusCode ?? 0
    const isTransient =
      error instanceof Stripe.errors.StripeConnectionError ||
      error instanceof Stripe.errors.StripeRateLimitError ||
      status === 409 ||
      status >= 500
    throw new ProviderError(`Stripe refused: ${error.type}${error.code ? ` (${error.code})` : ''}`, {
      isTransient,
      cause: error,
    })
  }
}
