import type { PaymentDelivery, PaymentResult } from '../src/payments/calls.ts'
import { type Session, textArray } from '../src/platform/database.ts'
import { addEvent } from './catalog.ts'
import { addUser, place, ticketsOf } from './sales.ts'

export type Started = {
  outcome: string
  order_status: string | null
  payment_id: number
  amount_cents: number | null
  currency: string | null
  provider: string | null
  provider_payment_id: string | null
  redirect_url: string | null
}

/** Starts an attempt to pay an order. */
export async function start(
  sql: Session,
  eventId: number,
  order: number,
  { user = null as number | null, provider = 'sandbox', now = '2026-11-01T12:01:00Z' } = {},
): Promise<Started> {
  const [row] = await sql<Started[]>`
    select
      r.outcome, r.order_status, r.payment_id::integer, r.amount_cents::integer, r.currency, r.provider,
      r.provider_payment_id, r.redirect_url
    from api.place_payments(
      p_event_id => ${eventId}::bigint, p_order_ids => array[${order}::bigint], p_user_ids => array[${user}::bigint],
      p_providers => array[${provider}::text], p_now => ${now}::text::timestamptz
    ) r`
  return row!
}

export type TestResult = {
  payment: number
  order: number
  status?: string
  amount?: number | null
  currency?: string | null
  provider?: string
}

/** Applies results of payments of one event: [outcome, status of the order], one per result. */
export async function results(
  sql: Session,
  eventId: number,
  batch: readonly TestResult[],
  { now = '2026-11-01T12:05:00Z' } = {},
): Promise<[outcome: string, orderStatus: string | null][]> {
  const list = (get: (result: TestResult) => string | number | null | undefined) =>
    textArray(batch.map((result) => get(result)?.toString() ?? null))
  const rows = await sql<{ outcome: string; order_status: string | null }[]>`
    select r.outcome, r.order_status
    from api.apply_payment_results(
      p_event_id => ${eventId}::bigint,
      p_providers => ${list(({ provider }) => provider ?? 'sandbox')}::text::text[],
      p_payment_ids => ${list(({ payment }) => payment)}::text::bigint[],
      p_order_ids => ${list(({ order }) => order)}::text::bigint[],
      p_statuses => ${list(({ status }) => status ?? 'SUCCESS')}::text::text[],
      p_amounts => ${list(({ amount }) => amount)}::text::bigint[],
      p_currencies => ${list(({ currency }) => currency)}::text::text[],
      p_now => ${now}::text::timestamptz
    ) r
    order by r.ordinal`
  return rows.map(({ outcome, order_status }) => [outcome, order_status])
}

/** An event with one ticket at 25.00, and an order of two units of it by each of so many users, who pay until 12:10. */
export async function ordered(
  sql: Session,
  { capacity = 10, buyers = 1, price = 2500 } = {},
): Promise<{
  event: number
  ticket: number
  users: number[]
  orders: number[]
  user: number
  order: number
}> {
  const event = await addEvent(sql, { tickets: [{ direct: { capacity }, price }] })
  const [ticket = 0] = await ticketsOf(sql, event)
  const users: number[] = []
  for (let nth = 0; nth < buyers; nth++) users.push(await addUser(sql))
  const placed = await place(
    sql,
    event,
    users.map((user) => ({ user, items: [[ticket, 2]] })),
  )
  const orders = placed.map(({ body }) => body.id)
  return { event, ticket, users, orders, user: users[0] ?? 0, order: orders[0] ?? 0 }
}

/** What the audit log says of payments of an order. */
export async function auditOf(sql: Session, order: number): Promise<Record<string, unknown>[]> {
  const rows = await sql`
    select action, actor, before, after from onsale.audit_log
    where subject = ${`order ${order}`} and action like 'payment.%' order by id`
  return [...rows]
}

let deliveryCount = 0

/** A result as a webhook of its own tells it. */
export function delivered(result: PaymentResult): PaymentDelivery {
  deliveryCount++
  const deliveryId = `delivery ${deliveryCount}`
  return { ...result, sender: 'provider:sandbox', deliveryId, topic: 'payments/result', provider: 'sandbox' }
}
