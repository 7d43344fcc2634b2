import { type Session, textArray } from '../platform/database.ts'
import { callTimer, type Metrics } from '../platform/metrics.ts'

/** The words of `api.place_payments`, which says what each means. */
export type StartOutcome = 'created' | 'existing' | 'not_found' | 'not_payable'

/** An attempt to pay an order, in full. `providerPaymentId` and `redirectUrl` are null until the provider has answered. */
export type Payment = {
  paymentId: number
  amountCents: number
  currency: string
  provider: string
  providerPaymentId: string | null
  redirectUrl: string | null
}

/** Who wants to pay which order, at which provider. `userId` null: anybody's order. */
export type StartRequest = { orderId: number; userId: number | null; provider: string }

/** What a provider answered to an attempt. `redirectUrl` null: the buyer pays nowhere else. */
export type StartAnswer = { paymentId: number; providerPaymentId: string; redirectUrl: string | null }

/** `orderStatus` null: not found. `payment` null: none was started, and none is live. */
export type StartResult = { outcome: StartOutcome; orderStatus: string | null; payment: Payment | null }

export type AnswerOutcome = 'updated' | 'unchanged' | 'conflict' | 'not_found'

/** What a provider says came of a payment. Null: it did not tell. */
export type PaymentResult = {
  paymentId: number
  orderId: number
  status: 'SUCCESS' | 'FAILED'
  amountCents: number | null
  currency: string | null
}

/** The words of `api.apply_payment_results`, which says what each means. */
export type ResultOutcome = 'applied' | 'duplicate' | 'stale' | 'unknown_payment' | 'mismatch'

/** `orderStatus`: the order's after that result; null where the payment is unknown. */
export type AppliedResult = { outcome: ResultOutcome; orderStatus: string | null }

/** A result with the webhook that told it. `sender` as in `deliveries.shop`. */
export type PaymentDelivery = PaymentResult & {
  sender: string
  deliveryId: string
  topic: string
  provider: string
}

export type RefundState = {
  provider: string
  providerPaymentId: string | null
  amountCents: number
  currency: string
  isDue: boolean
}

/** The words of `api.apply_refund`, which says what each means. */
export type RefundOutcome = 'refunded' | 'unchanged' | 'not_found'

/** The SQL functions of the payments; each call is timed under its function's name. */
export function createPaymentCalls(metrics: Pick<Metrics, 'queryTime'>) {
  const timed = callTimer(metrics)
  return {
    /** Starts attempts to pay orders of one event, or gives the live ones again; one answer per request, in order. */
    placePayments: (
      sql: Session,
      eventId: number,
      requests: readonly StartRequest[],
    ): Promise<StartResult[]> =>
      timed('place_payments', async () => {
        type Row = Omit<Payment, 'paymentId'> & Omit<StartResult, 'payment'> & { paymentId: number | null }
        const rows = await sql<Row[]>`
          select
            r.outcome, r.order_status as "orderStatus", r.payment_id::float8 as "paymentId",
            r.amount_cents::float8 as "amountCents", r.currency, r.provider,
            r.provider_payment_id as "providerPaymentId", r.redirect_url as "redirectUrl"
          from api.place_payments(
            p_event_id => ${eventId}::bigint,
            p_order_ids => ${listOf(requests, ({ orderId }) => orderId)}::text[]::bigint[],
            p_user_ids => ${listOf(requests, ({ userId }) => userId)}::text[]::bigint[],
            p_providers => ${listOf(requests, ({ provider }) => provider)}::text[]
          ) r
          order by r.ordinal`
        return rows.map(({ outcome, orderStatus, paymentId, ...payment }) => ({
          outcome,
          orderStatus,
          payment: paymentId === null ? null : { paymentId, ...payment },
        }))
      }),

    /** Stores what the provider has answered to attempts of one event; one answer each, in order. */
    updatePayments: (
      sql: Session,
      eventId: number,
      answers: readonly StartAnswer[],
    ): Promise<AnswerOutcome[]> =>
      timed('update_payments', async () => {
        const rows = await sql<{ outcome: AnswerOutcome }[]>`
          select r.outcome
          from api.update_payments(
            p_event_id => ${eventId}::bigint,
            p_payment_ids => ${listOf(answers, ({ paymentId }) => paymentId)}::text[]::bigint[],
            p_provider_payment_ids => ${listOf(answers, ({ providerPaymentId }) => providerPaymentId)}::text[],
            p_redirect_urls => ${listOf(answers, ({ redirectUrl }) => redirectUrl)}::text[]
          ) r
          order by r.ordinal`
        return rows.map(({ outcome }) => outcome)
      }),

    /** One answer per delivery, in order. All are of one event (`listPaymentEvents`). */
    applyPaymentDeliveries: (
      sql: Session,
      eventId: number,
      deliveries: readonly PaymentDelivery[],
    ): Promise<AppliedResult[]> =>
      timed('apply_payment_deliveries', async () => {
        const list = (get: (delivery: PaymentDelivery) => string | number | null) => listOf(deliveries, get)
        const rows = await sql<AppliedResult[]>`
          select r.outcome, r.order_status as "orderStatus"
          from api.apply_payment_deliveries(
            p_event_id => ${eventId}::bigint,
            p_senders => ${list(({ sender }) => sender)}::text[],
            p_delivery_ids => ${list(({ deliveryId }) => deliveryId)}::text[],
            p_topics => ${list(({ topic }) => topic)}::text[],
            p_providers => ${list(({ provider }) => provider)}::text[],
            p_payment_ids => ${list(({ paymentId }) => paymentId)}::text[]::bigint[],
            p_order_ids => ${list(({ orderId }) => orderId)}::text[]::bigint[],
            p_statuses => ${list(({ status }) => status)}::text[],
            p_amounts => ${list(({ amountCents }) => amountCents)}::text[]::bigint[],
            p_currencies => ${list(({ currency }) => currency)}::text[]
          ) r
          order by r.ordinal`
        return [...rows]
      }),

    /** The event of each payment, in order; null where there is no such payment. */
    listPaymentEvents: (sql: Session, paymentIds: readonly number[]): Promise<(number | null)[]> =>
      timed('list_payment_events', async () => {
        const rows = await sql<{ eventId: number | null }[]>`
          select r.event_id::float8 as "eventId"
          from api.list_payment_events(p_payment_ids => ${textArray(paymentIds.map(String))}::text[]::bigint[]) r
          order by r.ordinal`
        return rows.map(({ eventId }) => eventId)
      }),

    /** What a refund of a payment takes, and whether it is due; null: no such payment of the event. */
    getRefund: (sql: Session, eventId: number, paymentId: number): Promise<RefundState | null> =>
      timed('get_refund', async () => {
        const [row] = await sql<RefundState[]>`
          select
            r.provider, r.provider_payment_id as "providerPaymentId", r.amount_cents::float8 as "amountCents",
            r.currency, r.is_due as "isDue"
          from api.get_refund(p_event_id => ${eventId}::bigint, p_payment_id => ${paymentId}::bigint) r`
        return row ?? null
      }),

    /** Stores that a provider gave the money of a payment back. */
    applyRefund: (
      sql: Session,
      eventId: number,
      refund: { paymentId: number; providerRefundId: string },
    ): Promise<{ outcome: RefundOutcome; orderStatus: string | null }> =>
      timed('apply_refund', async () => {
        const [row] = await sql<{ outcome: RefundOutcome; orderStatus: string | null }[]>`
          select r.outcome, r.order_status as "orderStatus"
          from api.apply_refund(
            p_event_id => ${eventId}::bigint,
            p_payment_id => ${refund.paymentId}::bigint,
            p_provider_refund_id => ${refund.providerRefundId}::text
          ) r`
        return row!
      }),

    /** Since when the oldest order is REFUND_DUE; null: none is. */
    getOldestRefundDue: (sql: Session): Promise<Date | null> =>
      timed('get_oldest_refund_due', async () => {
        const [row] = await sql<{ at: Date | null }[]>`select api.get_oldest_refund_due() as at`
        return row?.at ?? null
      }),
  }
}

function listOf<Item>(items: readonly Item[], get: (item: Item) => string | number | null): string {
  return textArray(items.map((item) => get(item)?.toString() ?? null))
}
