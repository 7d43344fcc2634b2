import type { Intake } from '../intake/intake.ts'
import { reconcileClaimEveryMs, reconcileGraceS, repairsMaxDefault, syncPoolSize } from '../limits.ts'
import { withPool } from '../platform/database.ts'
import type { Log } from '../platform/log.ts'
import type { Metrics } from '../platform/metrics.ts'
import { type RepeatedTask, repeat } from '../platform/repeat.ts'
import type { Shopify } from '../shopify/client.ts'
import { SnapshotBusy } from '../shopify/snapshot.ts'
import type { ReconciliationCard, WantedReconciliation, WatchCalls } from './calls.ts'
import { reconcile } from './reconcile.ts'

/**
 * Reconciles on a schedule, and when an admin asks for it, in one process of all. Its connections are opened for as long as it takes:
 * it writes tables of its own, so they log in as the owner.
 */
export function startReconciling(deps: {
  shopify: Shopify
  calls: WatchCalls
  submit: Intake['submit']
  config: { databaseAdminUrl: string; shopifyCurrency: string; reconcileEveryHours: number | null }
  log: Log
  metrics: Metrics
  /** Shorter in tests. */
  times?: { claimEveryMs: number; graceS: number; lookEveryMs: number }
}): RepeatedTask {
  const { shopify, calls, submit, config, log, metrics, times } = deps
  const { claimEveryMs = reconcileClaimEveryMs, graceS = reconcileGraceS } = times ?? {}
  const stopping = new AbortController()
  const task = repeat(reconcileWhatIsDue, { everyMs: claimEveryMs, name: 'reconcile with the shop', log })
  return {
    stop: async () => {
      stopping.abort()
      await task.stop()
    },
  }

  async function reconcileWhatIsDue(): Promise<void> {
    const wanted = await calls.claimReconciliation(config.reconcileEveryHours)
    if (wanted === null) return
    try {
      tell(await run(wanted))
    } catch (error) {
      if (!(error instanceof SnapshotBusy) && !stopping.signal.aborted) throw error
      // A sync is under way, or this process ends: whoever comes next does it.
      await calls.updateReconcileWanted(wanted)
    }
  }

  async function run(wanted: WantedReconciliation): Promise<ReconciliationCard> {
    const options = { name: 'reconcile', max: syncPoolSize, statementTimeoutMs: 0 }
    return await withPool(config.databaseAdminUrl, options, (sql) =>
      reconcile(
        { shopify, sql, submit, metrics },
        {
          ...wanted,
          repairsMax: wanted.repairsMax ?? repairsMaxDefault,
          graceS,
          currency: config.shopifyCurrency,
          signal: stopping.signal,
          ...(times === undefined ? {} : { lookEveryMs: times.lookEveryMs }),
        },
      ),
    )
  }

  function tell({ compared, counts, dry_run, started_by }: ReconciliationCard): void {
    metrics.reconcileDifferences.reset()
    for (const { cause, count, repaired } of counts) {
      metrics.reconcileDifferences.inc({ cause }, count)
      metrics.reconcileRepaired.inc(repaired)
    }
    metrics.reconcileCompletedAt.set(Date.now() / 1_000)
    const isClean = counts.every(({ cause }) => cause === 'late' || cause === 'ours')
    log[isClean ? 'info' : 'warn']({ compared, counts, dry_run, started_by }, 'Reconciled with the shop')
  }
}
