import { reasonOf } from '../errors.ts'
import { createPayments, isPaymentDelivery, type ReceivedResult } from '../payments/payments.ts'
import type { PaymentProvider } from '../payments/provider.ts'
import type { Session, Sql } from '../platform/database.ts'
import type { Log } from '../platform/log.ts'
import type { Metrics } from '../platform/metrics.ts'
import { createIntakeCalls, type NamedStock, type StoredDelivery } from './calls.ts'
import { createIntake, deliveryOf } from './intake.ts'

export type ReplayDeps = { sql: Sql; log: Log; metrics: Metrics }

/** What became, or would become, of a delivery. `changes`: what it moved that somebody sees, a sentence each. */
export type Replayed = { outcome: string; reason: string | null; changes: string[] }

type Options = { dryRun: boolean; providers: readonly PaymentProvider[] }

/** Applies a kept delivery again, Shopify's or a payment provider's; with `dryRun` it changes nothing. */
export async function replay(deps: ReplayDeps, stored: StoredDelivery, options: Options): Promise<Replayed> {
  if (isPaymentDelivery(stored)) return await replayPayment(deps, stored, options)
  if (options.dryRun) return await rehearse(deps, stored)
  return { ...(await createIntake(deps).applyStored(stored, { isReplay: true })), changes: [] }
}

class Rehearsed extends Error {}

async function replayPayment(
  { sql, log, metrics }: ReplayDeps,
  stored: StoredDelivery,
  { dryRun, providers }: Options,
): Promise<Replayed> {
  let result: ReceivedResult | undefined
  const apply = async (on: Session) => {
    result = await createPayments({ pool: on, providers, log, metrics }).applyStored(stored)
    if (dryRun) throw new Rehearsed()
  }
  try {
    await sql.begin(apply)
  } catch (error) {
    if (!(error instanceof Rehearsed)) return { outcome: 'failed', reason: reasonOf(error), changes: [] }
  }
  const { outcome = 'failed', reason = null, orderStatus = null } = result ?? {}
  const changes = orderStatus === null ? [] : [`The order ${dryRun ? 'would be' : 'is'} ${orderStatus}`]
  return { outcome, reason, changes }
}

/** Applies in a transaction that is rolled back, and tells which counters it would move. */
async function rehearse({ sql, metrics }: ReplayDeps, stored: StoredDelivery): Promise<Replayed> {
  const calls = createIntakeCalls(sql, metrics)
  let result = { outcome: 'failed', reason: null as string | null }
  let moved: NamedStock[] = []
  try {
    await sql.begin(async (on) => {
      const [applied] = await calls.applyDeliveries([deliveryOf(stored)], { isReplay: true, on })
      if (applied !== undefined) result = applied
      moved = await calls.listStock(null, on)
      throw new Rehearsed()
    })
  } catch (error) {
    if (!(error instanceof Rehearsed)) return { outcome: 'failed', reason: reasonOf(error), changes: [] }
  }
  const before = new Map(
    (await calls.listStock(moved.map((stock) => stock.ticketId))).map((stock) => [stock.ticketId, stock]),
  )
  const changes = moved.map(({ ticketId, event, ticket, ...now }) => {
    const was = before.get(ticketId)
    const moves = (['capacity', 'sold', 'available'] as const)
      .filter((name) => was?.[name] !== now[name])
      .map((name) => `${name} ${was?.[name] ?? 'none'} -> ${now[name]}`)
    return `${event} / ${ticket}: ${moves.join(', ') || 'written, nothing visible'}`
  })
  return { ...result, changes }
}
