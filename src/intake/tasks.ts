import {
  deliveryIdsKeptHours,
  failedDeliveriesKeptHours,
  intakeStateEveryMs,
  reapEveryMs,
  reapItemsMax,
  retryEveryMs,
  retryItemsMax,
  verifyClaimEveryMs,
  verifyEveryMs,
} from '../limits.ts'
import type { Log } from '../platform/log.ts'
import type { Metrics } from '../platform/metrics.ts'
import { type RepeatedTask, repeat } from '../platform/repeat.ts'
import type { StoredDelivery } from './calls.ts'
import type { Intake } from './intake.ts'

/**
 * What the intake does by itself: tries failed deliveries again, forgets old rows, holds the counters against
 * the facts, and reads its gauges. Any number of processes may run them side by side.
 */
export function startIntakeTasks(deps: {
  intake: Pick<Intake, 'calls'>
  /** Applies a kept delivery once more: Shopify's, or a payment provider's. */
  applyStored: (stored: StoredDelivery) => Promise<{ outcome: string; reason: string | null }>
  log: Log
  metrics: Metrics
}): RepeatedTask {
  const { intake, applyStored, log, metrics } = deps
  const { calls } = intake
  const tasks = [
    repeat(retry, { everyMs: retryEveryMs, name: 'retry failed deliveries', log }),
    repeat(reap, { everyMs: reapEveryMs, name: 'forget old deliveries', log }),
    repeat(readState, { everyMs: intakeStateEveryMs, name: 'read the state of the intake', log }),
    repeat(verify, { everyMs: verifyClaimEveryMs, name: 'verify the counters', log }),
  ]
  return {
    stop: async () => {
      await Promise.all(tasks.map((task) => task.stop()))
    },
  }

  async function retry(isStopping: () => boolean): Promise<void> {
    const due = await calls.claimFailedDeliveries(retryItemsMax)
    for (const stored of due) {
      if (isStopping()) return
      const { outcome, reason } = await applyStored(stored)
      log.info(
        { topic: stored.topic, delivery_id: stored.deliveryId, outcome, reason },
        'Failed delivery tried again',
      )
    }
  }

  async function reap(isStopping: () => boolean): Promise<void> {
    const bounds = {
      idsKeptHours: deliveryIdsKeptHours,
      failedKeptHours: failedDeliveriesKeptHours,
      limit: reapItemsMax,
    }
    while (!isStopping() && (await calls.reapDeliveries(bounds)) === reapItemsMax);
  }

  async function readState(): Promise<void> {
    const { deadCount } = await calls.getIntakeState()
    metrics.deadLetters.set(deadCount)
  }

  /** Once in its time whoever asks first verifies, for all processes on all machines; every one shows how it came out. */
  async function verify(): Promise<void> {
    const { isClaimed, completedAt, driftCount } = await calls.claimVerification(verifyEveryMs)
    if (!isClaimed) {
      if (completedAt !== null) show(driftCount ?? 0, completedAt)
      return
    }
    const drift = await calls.verify()
    await calls.completeVerification(drift.length)
    show(drift.length, new Date())
    if (drift.length > 0)
      log.error({ rows: drift.slice(0, 20), count: drift.length }, 'Counters differ from the facts')
  }

  function show(driftCount: number, completedAt: Date): void {
    metrics.verifyDrift.set(driftCount)
    metrics.verifyCompletedAt.set(completedAt.getTime() / 1_000)
  }
}
