import { createPayments, isPaymentDelivery, type ReceivedResult } from '../payments/payments.ts'
import type { PaymentProvider } from '../payments/provider.ts'
import type { Session, Sql } from '../platform/database.ts'
import type { Log } from '../platform/log.ts'
import type { Metrics } from '../platform/metrics.ts'
import { createIntakeCalls, type NamedStock, type StoredDelivery } from './calls.ts'
import { createIntake, deliveryOf, reasonOf } from './intake.ts'
import type { DeliveryResult } from './model.ts'

/** What a command needs: a pool of the service's role, and where its lines go. */
export type CommandDeps = { sql: Sql; log: Log; metrics: Metrics; print: (line: string) => void }

/** `deliveries list`: what failed, one line each, oldest first. Answers the exit code. */
export async function listDeliveries({ sql, metrics, print }: CommandDeps, { limit }: { limit: number }) {
  const failed = await createIntakeCalls(sql, metrics).listFailedDeliveries(limit)
  for (const delivery of failed) {
    const next = delivery.nextAttemptAt ? `next ${delivery.nextAttemptAt.toISOString()}` : 'dead'
    print(
      `${delivery.failedAt.toISOString()}  ${delivery.topic}  ${delivery.deliveryId}  ` +
        `${delivery.attempts} attempts, ${next}  ${delivery.sqlstate ?? '-'} ${delivery.reason}`,
    )
  }
  print(failed.length === 0 ? 'No failed deliveries' : `${failed.length} failed deliveries`)
  return 0
}

/** `deliveries show <id>`: where it stands, then its bytes. */
export async function showDelivery(deps: CommandDeps, { id }: { id: string }) {
  const stored = await createIntakeCalls(deps.sql, deps.metrics).getStoredDelivery(id)
  if (stored === null) return notKept(deps, id)
  const { bodyBase64, ...facts } = stored
  for (const [name, value] of Object.entries(facts)) if (value !== null) deps.print(`${name}: ${value}`)
  deps.print('')
  deps.print(Buffer.from(bodyBase64, 'base64').toString())
  return 0
}

/** `deliveries replay <id>`: applies it again; with `dryRun` only tells what would change, and changes nothing. */
export async function replayDelivery(
  deps: CommandDeps,
  { id, dryRun, providers }: { id: string; dryRun: boolean; providers: readonly PaymentProvider[] },
) {
  const intake = createIntake(deps)
  const stored = await intake.calls.getStoredDelivery(id)
  if (stored === null) return notKept(deps, id)
  const { outcome, reason } = isPaymentDelivery(stored)
    ? await replayPayment(deps, stored, { dryRun, providers })
    : dryRun
      ? await rehearse(deps, stored)
      : await intake.applyStored(stored, { isReplay: true })
  deps.print(`${dryRun ? 'Would be' : 'Is'} ${outcome}${reason === null ? '' : `: ${reason}`}`)
  return outcome === 'failed' ? 1 : 0
}

/** `deliveries discard <id>`: gives up a failed delivery for good. */
export async function discardDelivery(deps: CommandDeps, { id }: { id: string }) {
  const calls = createIntakeCalls(deps.sql, deps.metrics)
  const stored = await calls.getStoredDelivery(id)
  if (stored === null || !(await calls.cancelFailedDelivery(stored.shop, id))) return notKept(deps, id)
  deps.print(`Discarded ${id}`)
  return 0
}

/** `verify`: every value that is not what the facts say; with `repair` sets them and looks again. */
export async function verifyMirror(deps: CommandDeps, { repair }: { repair: boolean }) {
  const calls = createIntakeCalls(deps.sql, deps.metrics)
  if (repair) {
    for (const { kind, count } of await calls.updateStock())
      deps.print(`${kind}: ${count} rows set from the facts`)
  }
  const drift = await calls.verify()
  for (const { kind, key, field, expected, actual } of drift) {
    deps.print(`${kind} ${key}: ${field} is ${actual ?? 'null'}, the facts say ${expected ?? 'null'}`)
  }
  deps.print(drift.length === 0 ? 'Exact: every counter equals its facts' : `${drift.length} values differ`)
  return drift.length === 0 ? 0 : 1
}

function notKept({ print }: CommandDeps, id: string): number {
  print(`No delivery ${id} is kept: it was applied without its bytes, discarded, or never came`)
  return 1
}

class Rehearsed extends Error {}

/** A result of a payment, applied again; with `dryRun` in a transaction that is rolled back. */
async function replayPayment(
  deps: CommandDeps,
  stored: StoredDelivery,
  { dryRun, providers }: { dryRun: boolean; providers: readonly PaymentProvider[] },
): Promise<{ outcome: string; reason: string | null }> {
  const { log, metrics, print } = deps
  let result: ReceivedResult | undefined
  const replay = async (on: Session) => {
    result = await createPayments({ pool: on, providers, log, metrics }).applyStored(stored)
    if (dryRun) throw new Rehearsed()
  }
  try {
    await deps.sql.begin(replay)
  } catch (error) {
    if (!(error instanceof Rehearsed)) return { outcome: 'failed', reason: reasonOf(error) }
  }
  if (result?.orderStatus) print(`The order ${dryRun ? 'would be' : 'is'} ${result.orderStatus}`)
  return { outcome: result?.outcome ?? 'failed', reason: result?.reason ?? null }
}

/** Applies in a transaction that is rolled back, and shows which counters it would move. */
async function rehearse(deps: CommandDeps, stored: StoredDelivery): Promise<DeliveryResult> {
  const calls = createIntakeCalls(deps.sql, deps.metrics)
  let result: DeliveryResult | undefined
  let moved: NamedStock[] = []
  try {
    await deps.sql.begin(async (on) => {
      result = (await calls.applyDeliveries([deliveryOf(stored)], { isReplay: true, on }))[0]
      moved = await calls.listStock(null, on)
      throw new Rehearsed()
    })
  } catch (error) {
    if (!(error instanceof Rehearsed)) return { outcome: 'failed', reason: reasonOf(error) }
  }
  const before = new Map(
    (await calls.listStock(moved.map((stock) => stock.ticketId))).map((stock) => [stock.ticketId, stock]),
  )
  for (const { ticketId, event, ticket, ...now } of moved) {
    const was = before.get(ticketId)
    const moves = (['capacity', 'sold', 'available'] as const)
      .filter((name) => was?.[name] !== now[name])
      .map((name) => `${name} ${was?.[name] ?? 'none'} -> ${now[name]}`)
    deps.print(`${event} / ${ticket}: ${moves.join(', ') || 'written, nothing visible'}`)
  }
  return result as DeliveryResult
}
