import type { PaymentResult } from './calls.ts'

/** The names under which payments remember where they are. */
export const providerNames = ['simulator', 'stripe'] as const
export type ProviderName = (typeof providerNames)[number]

/** What a provider is asked for: one order, in full. */
export type Charge = {
  paymentId: number
  orderId: number
  amountCents: number
  /** ISO 4217, in capitals. */
  currency: string
  /** Where the buyer's browser goes afterwards, whatever came of it. */
  returnUrl: string
  /** The origin under which buyers reach this service. */
  origin: string
}

/** What a provider answers: its name for the payment, and where the buyer pays. */
export type Started = { providerPaymentId: string; redirectUrl: string }

/** Money to be given back, in full. `key` names the refund, however often it is asked for. */
export type Refund = {
  paymentId: number
  providerPaymentId: string
  amountCents: number
  currency: string
  key: string
}

/**
 * A body under a good signature. `result` null: it tells nothing of a payment, like an event that nobody subscribed to;
 * `fault`: it should tell something and does not.
 */
export type Told = { deliveryId: string } & (
  | { result: PaymentResult | null; fault?: undefined }
  | { result?: undefined; fault: string }
)

/** A payment provider. Calls refuse with a ProviderError; the same call again has the same effect as one. */
export type PaymentProvider = {
  name: ProviderName
  start: (charge: Charge) => Promise<Started>
  /** Gives money back; answers the provider's name for the refund. */
  refund: (refund: Refund) => Promise<{ providerRefundId: string }>
  /** Whether a webhook claims to be this provider's. */
  claims: (headers: Headers) => boolean
  /** Whether the body was signed by the provider, lately. */
  isSigned: (body: Uint8Array, headers: Headers) => Promise<boolean>
  /** What a body tells; its signature is checked elsewhere, so that a kept one can be read again. */
  read: (body: Uint8Array) => Told
}

/** A call that a provider did not do. `isTransient`: the same call may succeed later. */
export class ProviderError extends Error {
  override name = 'ProviderError'
  readonly isTransient: boolean

  constructor(message: string, { isTransient, cause }: { isTransient: boolean; cause?: unknown }) {
    super(message, { cause })
    this.isTransient = isTransient
  }
}
