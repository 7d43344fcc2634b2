import type { PaymentProvider } from '../payments/provider.ts'
import type { Sql } from '../platform/database.ts'
import type { Log } from '../platform/log.ts'
import type { Metrics } from '../platform/metrics.ts'
import { createIntakeCalls } from './calls.ts'
import { replay } from './replay.ts'

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
  const stored = await createIntakeCalls(deps.sql, deps.metrics).getStoredDelivery(id)
  if (stored === null) return notKept(deps, id)
  const { outcome, reason, changes } = await replay(deps, stored, { dryRun, providers })
  for (const change of changes) deps.print(change)
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
