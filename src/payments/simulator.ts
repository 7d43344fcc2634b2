import { createHmac, timingSafeEqual } from 'node:crypto'
import { readResult } from './model.ts'
import type { Charge, PaymentProvider, Started } from './provider.ts'
import { isPaymentSigned, signPayment } from './signature.ts'

/** What the page of a simulated payment shows, and what its result tells. */
export type Simulated = Pick<Charge, 'paymentId' | 'orderId' | 'amountCents' | 'currency' | 'returnUrl'>

export type Simulator = PaymentProvider & {
  /** The payment behind the last part of a page's address; null where it is not one of ours. */
  open: (token: string) => Simulated | null
  /** A webhook as a provider sends it when a buyer has paid, or failed to. */
  tell: (payment: Simulated, status: 'SUCCESS' | 'FAILED') => { body: string; signature: string }
}

/**
 * A payment provider of our own, to try and to test with: the buyer pays or fails by a click, and the result comes as a
 * signed webhook. It keeps nothing: all of a payment is in the address of its page, under a signature.
 */
export function createSimulator({
  secrets,
  windowS,
}: {
  /** The first signs, all are accepted; at least one. */
  secrets: readonly string[]
  windowS: number
}): Simulator {
  const [secret = ''] = secrets
  const nowS = () => Math.floor(Date.now() / 1000)

  return {
    name: 'simulator',

    start: async ({ origin, ...charge }: Charge): Promise<Started> => ({
      providerPaymentId: `sim_${charge.paymentId}`,
      redirectUrl: `${origin}/payments/simulator/${tokenOf(charge)}`,
    }),

    refund: async ({ key }) => ({ providerRefundId: `simre_${key}` }),

    claims: (headers) => headers.has('x-signature'),
    isSigned: async (body, headers) =>
      isPaymentSigned(body, headers.get('x-signature'), { secrets, windowS, nowS: nowS() }),
    read: (body) => ({
      deliveryId: new Bun.CryptoHasher('sha256').update(body).digest('hex'),
      ...readResult(body),
    }),

    open(token) {
      const [text = '', mac = ''] = token.split('.')
      const given = Buffer.from(mac, 'base64url')
      const isOurs = secrets.some((secret) => {
        const wanted = macOf(text, secret)
        return wanted.length === given.length && timingSafeEqual(wanted, given)
      })
      return isOurs ? (JSON.parse(Buffer.from(text, 'base64url').toString()) as Simulated) : null
    },

    tell({ paymentId, orderId, amountCents, currency }, status) {
      const body = JSON.stringify({
        payment_id: paymentId,
        order_id: orderId,
        status,
        amount_cents: amountCents,
        currency,
      })
      return { body, signature: signPayment(body, { secret, nowS: nowS() }) }
    },
  }

  function tokenOf({ paymentId, orderId, amountCents, currency, returnUrl }: Simulated): string {
    const simulated: Simulated = { paymentId, orderId, amountCents, currency, returnUrl }
    const text = Buffer.from(JSON.stringify(simulated)).toString('base64url')
    return `${text}.${macOf(text, secret).toString('base64url')}`
  }

  function macOf(text: string, secret: string): Buffer {
    return createHmac('sha256', secret).update(`simulated payment ${text}`).digest()
  }
}
