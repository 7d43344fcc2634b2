import {
  BrokenCircuitError,
  ConsecutiveBreaker,
  circuitBreaker,
  ExponentialBackoff,
  handleWhen,
  retry,
  wrap,
} from 'cockatiel'
import { AppError, reasonOf } from '../errors.ts'
import { createIntakeCalls, type StoredDelivery } from '../intake/calls.ts'
import type { Delivery } from '../intake/model.ts'
import { createJobCalls, type Job } from '../jobs/calls.ts'
import { Refused } from '../jobs/worker.ts'
import {
  paymentBatchesAtOnce,
  paymentBatchMax,
  paymentQueueMax,
  paymentWaitMsMax,
  providerBreakAfter,
  providerBreakMs,
  providerRetriesMax,
  providerRetryMs,
  providerRetryMsMax,
} from '../limits.ts'
import type { Session } from '../platform/database.ts'
import { createGatherer, createKeyedGatherer } from '../platform/gather.ts'
import type { Log } from '../platform/log.ts'
import type { Metrics } from '../platform/metrics.ts'
import {
  type AnswerOutcome,
  type AppliedResult,
  createPaymentCalls,
  type Payment,
  type PaymentDelivery,
  type PaymentResult,
  type StartAnswer,
  type StartRequest,
  type StartResult,
} from './calls.ts'
import { type Charge, type PaymentProvider, ProviderError, type Started } from './provider.ts'

export type Payments = ReturnType<typeof createPayments>

export type PaymentsDeps = {
  /** The primary, on a pool of `paymentsPoolSize`. */
  pool: Session
  /** Those whose results are believed. The first is asked for new payments; none: nothing can be paid here. */
  providers: readonly PaymentProvider[]
  log: Log
  metrics: Metrics
}

/** What became of a delivery, as its sender is told. */
export type ReceivedResult = {
  outcome: 'applied' | 'duplicate' | 'stale' | 'ignored' | 'failed'
  deliveryId: string
  orderStatus: string | null
  reason: string | null
}

type Sent = PaymentDelivery & { body: Uint8Array }

/**
 * Payments of the direct channel: asks a provider for an attempt, and takes what it tells. PostgreSQL decides what a result
 * means; here results are gathered by event, and calls of the provider are retried while somebody waits.
 */
export function createPayments({ pool, providers, log, metrics }: PaymentsDeps) {
  const calls = createPaymentCalls(metrics)
  const jobs = createJobCalls(pool, metrics)
  const { failDeliveries } = createIntakeCalls(pool, metrics)
  const asking = new Map(providers.map((provider) => [provider.name as string, askingOf(provider)]))

  const bounds = { queueItemsMax: paymentQueueMax, waitMsMax: paymentWaitMsMax, metrics }
  const events = createGatherer<number, number | null>({
    name: 'payment events',
    run: (paymentIds) => calls.listPaymentEvents(pool, paymentIds),
    concurrency: paymentBatchesAtOnce,
    batchItemsMax: paymentBatchMax,
    ...bounds,
  })
  // By event, one call at a time: each takes the lock on the event's sales.
  const byEvent = { concurrency: 1, batchItemsMax: paymentBatchMax, ...bounds }
  const starts = createKeyedGatherer<number, StartRequest, StartResult>({
    ...byEvent,
    name: 'payment starts',
    run: (eventId, requests) => calls.placePayments(pool, eventId, requests),
  })
  const answers = createKeyedGatherer<number, StartAnswer, AnswerOutcome>({
    ...byEvent,
    name: 'payment answers',
    run: (eventId, answers) => calls.updatePayments(pool, eventId, answers),
  })
  const results = createKeyedGatherer<number, PaymentDelivery, AppliedResult>({
    ...byEvent,
    name: 'payment results',
    run: (eventId, deliveries) => calls.applyPaymentDeliveries(pool, eventId, deliveries),
  })

  return {
    /**
     * Starts an attempt to pay an order, or gives the live one again. Refuses as `not_found`, as `not_payable` where the
     * order is not PENDING, and as `unavailable` where the provider does not answer.
     */
    async start(request: {
      eventId: number
      orderId: number
      userId: number | null
      origin: string
      returnUrl: string
    }): Promise<Payment & { isNew: boolean }> {
      const { eventId, orderId, userId, origin, returnUrl } = request
      const [provider] = providers
      if (provider === undefined) throw new AppError('not_payable', 'Nothing can be paid here')
      const { outcome, orderStatus, payment } = await starts.submit(eventId, {
        orderId,
        userId,
        provider: provider.name,
      })
      if (outcome === 'not_found') throw new AppError('not_found', 'There is no such order')
      if (payment === null) {
        throw new AppError('not_payable', `The order is ${orderStatus}: there is nothing to pay`, {
          extra: { current_status: orderStatus },
        })
      }
      const isNew = outcome === 'created'
      if (payment.redirectUrl !== null) return { ...payment, isNew }
      const { paymentId, amountCents, currency } = payment
      const charge = { paymentId, orderId, amountCents, currency, origin, returnUrl }
      const started = await begin(payment.provider, charge).catch(async (error: unknown) => {
        await keepDead(eventId, charge, error)
        throw unavailable(payment.provider, error)
      })
      await answers.submit(eventId, { paymentId, ...started })
      return { ...payment, ...started, isNew }
    },

    /** Takes a webhook. Refuses as `bad_signature`; what it answers is committed. */
    async receive(body: Uint8Array, headers: Headers): Promise<ReceivedResult> {
      const provider = providers.find((provider) => provider.claims(headers))
      if (provider === undefined || !(await provider.isSigned(body, headers))) {
        throw new AppError('bad_signature', 'The signature is missing, too old, or not of this body')
      }
      return await apply(provider, body)
    },

    applyStored,

    /** What the worker of the jobs does for the payments, by kind of job. */
    handlers: { refund, start_payment: restart },

    /** Refuses newcomers and waits until what was accepted is answered. */
    drain: async (): Promise<void> => {
      await starts.drain()
      await answers.drain()
      await events.drain()
      await results.drain()
    },
  }

  /** Applies a kept delivery once more. */
  async function applyStored(stored: StoredDelivery): Promise<ReceivedResult> {
    const { shop: sender, deliveryId } = stored
    const body = Buffer.from(stored.bodyBase64, 'base64')
    const provider = providers.find(({ name }) => senderOf(name) === sender)
    if (provider !== undefined) return await apply(provider, body)
    const sent = { sender, deliveryId, topic, provider: 'other', body }
    return await keepFailed(sent, { word: 'failed', reason: `No provider is configured that is ${sender}` })
  }

  async function apply(provider: PaymentProvider, body: Uint8Array): Promise<ReceivedResult> {
    const { deliveryId, result, fault } = provider.read(body)
    const sent = { sender: senderOf(provider.name), deliveryId, topic, provider: provider.name, body }
    if (fault !== undefined) return await keepFailed(sent, { word: 'failed', reason: fault })
    if (result === null) {
      metrics.paymentResults.inc({ provider: provider.name, outcome: 'ignored' })
      return { outcome: 'ignored', deliveryId, orderStatus: null, reason: null }
    }
    const eventId = await events.submit(result.paymentId)
    const applied =
      eventId === null
        ? { outcome: 'unknown_payment' as const, orderStatus: null }
        : await results.submit(eventId, { ...sent, ...result })
    const { outcome, orderStatus } = applied
    if (outcome === 'unknown_payment') {
      const reason = `There is no payment ${result.paymentId}`
      return await keepFailed(sent, { word: outcome, reason })
    }
    if (outcome === 'mismatch') {
      const reason = `Payment ${result.paymentId} is of another order, amount, currency or provider`
      return await keepFailed(sent, { word: outcome, reason })
    }
    metrics.paymentResults.inc({ provider: provider.name, outcome })
    return { outcome, deliveryId, orderStatus, reason: null }
  }

  /** Keeps what cannot be applied with its bytes, beside Shopify's. */
  async function keepFailed(
    { sender, deliveryId, body, provider }: Omit<Sent, keyof PaymentResult>,
    { word, reason }: { word: 'failed' | 'unknown_payment' | 'mismatch'; reason: string },
  ): Promise<ReceivedResult> {
    const delivery: Delivery = {
      shop: sender,
      deliveryId,
      topic,
      triggeredNs: '0',
      eventId: null,
      apiVersion: null,
      body,
      description: null,
    }
    await failDeliveries([{ delivery, sqlstate: null, reason }])
    metrics.paymentResults.inc({ provider, outcome: word })
    log.warn({ provider, delivery_id: deliveryId, reason }, 'Result of a payment kept as failed')
    return { outcome: 'failed', deliveryId, orderStatus: null, reason }
  }

  /** Asks the provider where the payment is, as often as somebody would wait. */
  async function begin(name: string, charge: Charge): Promise<Started> {
    return await providerOf(name).start(charge)
  }

  async function keepDead(eventId: number, charge: Charge, error: unknown): Promise<void> {
    const message = reasonOf(error)
    log.warn({ payment_id: charge.paymentId, reason: message }, 'A payment could not be started')
    await jobs.placeDeadJob({
      kind: 'start_payment',
      subject: `payment ${charge.paymentId}`,
      request: { event_id: eventId, charge },
      errors: [{ message, field: null }],
      createdBy: 'payment',
    })
  }

  /** The job `start_payment`: what somebody waited for in vain, at an admin's word. */
  async function restart({ request }: Job): Promise<Record<string, unknown>> {
    const { event_id: eventId, charge } = request as { event_id: number; charge: Charge }
    const { provider } = await requireRefund(eventId, charge.paymentId)
    const started = await orRefused(() => begin(provider, charge))
    await answers.submit(eventId, { paymentId: charge.paymentId, ...started })
    return { provider_payment_id: started.providerPaymentId }
  }

  /** The job `refund`: gives the money of one payment back, where nobody has yet. */
  async function refund({ request, idempotencyKey }: Job): Promise<Record<string, unknown>> {
    const { event_id: eventId, payment_id: paymentId } = request as { event_id: number; payment_id: number }
    const { provider, providerPaymentId, amountCents, currency, isDue } = await requireRefund(
      eventId,
      paymentId,
    )
    if (!isDue) return { is_refunded: false, reason: 'It was given back before' }
    // A result may be faster than the provider's answer to who began to pay.
    if (providerPaymentId === null) throw new Error(`Payment ${paymentId} has no name at ${provider} yet`)
    const { refund } = providerOf(provider)
    const { providerRefundId } = await orRefused(() =>
      refund({ paymentId, providerPaymentId, amountCents, currency, key: idempotencyKey }),
    )
    const { orderStatus } = await calls.applyRefund(pool, eventId, { paymentId, providerRefundId })
    return { is_refunded: true, provider_refund_id: providerRefundId, order_status: orderStatus }
  }

  async function requireRefund(eventId: number, paymentId: number) {
    const found = await calls.getRefund(pool, eventId, paymentId)
    if (found === null) throw new Refused(`There is no payment ${paymentId}`)
    return found
  }

  function providerOf(name: string) {
    const provider = asking.get(name)
    if (provider === undefined) throw new Refused(`No provider is configured that is ${name}`)
    return provider
  }

  /** Calls of a provider: tried again while somebody waits, and not made at all while it is known to be down. */
  function askingOf(provider: PaymentProvider) {
    const mayPass = handleWhen((error) => error instanceof ProviderError && error.isTransient)
    const policy = wrap(
      retry(mayPass, {
        maxAttempts: providerRetriesMax,
        backoff: new ExponentialBackoff({ initialDelay: providerRetryMs, maxDelay: providerRetryMsMax }),
      }),
      circuitBreaker(mayPass, {
        halfOpenAfter: providerBreakMs,
        breaker: new ConsecutiveBreaker(providerBreakAfter),
      }),
    )
    const counted = <T>(call: string, ask: () => Promise<T>): Promise<T> =>
      policy.execute(async () => {
        const end = metrics.providerCalls.startTimer({ provider: provider.name, call })
        try {
          const answer = await ask()
          end({ outcome: 'ok' })
          return answer
        } catch (error) {
          end({ outcome: 'error' })
          throw error
        }
      })
    return {
      start: (charge: Charge) => counted('start', () => provider.start(charge)),
      refund: (refund: Parameters<PaymentProvider['refund']>[0]) =>
        counted('refund', () => provider.refund(refund)),
    }
  }
}

// All results come on one path; who sends them is the sender.
const topic = 'payments/result'

/** As `deliveries.shop`: no shop's domain has a colon, so that nobody who signs as a shop is taken for a provider. */
function senderOf(provider: string): string {
  return `provider:${provider}`
}

/** Whether a kept delivery is a provider's. */
export function isPaymentDelivery({ shop }: Pick<StoredDelivery, 'shop'>): boolean {
  return shop.startsWith('provider:')
}

/** What a provider refuses for good ends a job; everything else is tried again. */
async function orRefused<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    if (error instanceof ProviderError && !error.isTransient)
      throw new Refused(error.message, { cause: error })
    throw error
  }
}

function unavailable(provider: string, cause: unknown): AppError {
  const isOpen = cause instanceof BrokenCircuitError
  return new AppError(
    'unavailable',
    isOpen ? `${provider} is away, try again` : `${provider} did not take the payment, try again`,
    { retryAfterS: isOpen ? providerBreakMs / 1000 : 1, cause },
  )
}
