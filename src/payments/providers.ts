import { randomBytes } from 'node:crypto'
import type { Config } from '../config.ts'
import { providerTimeoutMs } from '../limits.ts'
import type { PaymentProvider } from './provider.ts'
import { createSimulator, type Simulator } from './simulator.ts'

export type Providers = {
  /** Those whose results are believed; the first takes new payments. Empty: nothing can be paid. */
  providers: readonly PaymentProvider[]
  /** Null where no payment is simulated. */
  simulator: Simulator | null
}

/** The payment providers that the environment names. */
export async function openProviders(config: Config): Promise<Providers> {
  const { paymentProvider, paymentWebhookSecrets, paymentReplayWindowS: windowS, stripeSecretKey } = config
  if (paymentProvider === 'simulator') {
    const own = [randomBytes(32).toString('hex')]
    const secrets = paymentWebhookSecrets.length > 0 ? paymentWebhookSecrets : own
    const simulator = createSimulator({ secrets, windowS })
    return { providers: [simulator], simulator }
  }
  if (paymentProvider === 'none' || stripeSecretKey === null) return { providers: [], simulator: null }
  // Loaded where it is used: it is large, and a start without is earlier.
  const { createStripe } = await import('./stripe.ts')
  const stripe = createStripe({
    secretKey: stripeSecretKey,
    webhookSecrets: config.stripeWebhookSecrets,
    windowS,
    timeoutMs: providerTimeoutMs,
    apiUrl: config.stripeApiUrl,
  })
  return { providers: [stripe], simulator: null }
}
