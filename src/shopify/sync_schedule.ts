import { reasonOf } from '../errors.ts'
import { createIntakeCalls } from '../intake/calls.ts'
import {
  syncAttemptsMax,
  syncClaimEveryMs,
  syncHeartbeatMs,
  syncLeaseS,
  syncPoolSize,
  syncRetryMs,
  syncRetryMsMax,
} from '../limits.ts'
import { withPool } from '../platform/database.ts'
import type { Log } from '../platform/log.ts'
import type { Metrics } from '../platform/metrics.ts'
import { type RepeatedTask, repeat } from '../platform/repeat.ts'
import type { WantedSync, WantedSyncCalls } from './calls.ts'
import type { Shopify } from './client.ts'
import { SnapshotBusy } from './snapshot.ts'
import { type SyncEnd, syncShop } from './sync.ts'

/**
 * Does the sync that an admin asks for, in one process of all, until it has come to its end: where that process stops or dies,
 * another one goes on. Its connections are opened for as long as it takes: it writes tables of its own, so they log in as the owner.
 */
export function startSyncing(deps: {
  shopify: Shopify
  calls: WantedSyncCalls
  config: { databaseAdminUrl: string; shopifyCurrency: string }
  log: Log
  metrics: Metrics
  /** Shorter in tests. */
  times?: { claimEveryMs: number; retryMs: number; heartbeatMs: number; lookEveryMs: number }
}): RepeatedTask {
  const { shopify, calls, config, log, metrics, times } = deps
  const claimEveryMs = times?.claimEveryMs ?? syncClaimEveryMs
  const heartbeatMs = times?.heartbeatMs ?? syncHeartbeatMs
  const retryMs = times?.retryMs ?? syncRetryMs
  const stopping = new AbortController()
  const task = repeat(syncAsWanted, { everyMs: claimEveryMs, name: 'sync with the shop', log })
  return {
    stop: async () => {
      stopping.abort()
      await task.stop()
    },
  }

  async function syncAsWanted(): Promise<void> {
    const wanted = await calls.claimWantedSync({ attemptsMax: syncAttemptsMax, leaseS: syncLeaseS })
    if (wanted === null) return
    const about = { attempt: wanted.attempt, wanted_by: wanted.wantedBy }
    if (wanted.outcome === 'failed') {
      log.error({ ...about, reason: 'The process that was at it did not come back' }, 'Sync given up')
      return
    }
    const lost = new AbortController()
    const heartbeat = repeat(() => keepLease(wanted, lost), {
      everyMs: heartbeatMs,
      name: 'keep the lease of the sync',
      log,
    })
    try {
      tell(await run(wanted, AbortSignal.any([stopping.signal, lost.signal])), about)
      await calls.completeWantedSync(wanted.attempt)
    } catch (error) {
      if (lost.signal.aborted) log.warn(about, 'Sync was taken by another process')
      else await giveBack(wanted, error, about)
    } finally {
      await heartbeat.stop()
    }
  }

  async function keepLease({ attempt }: WantedSync, lost: AbortController): Promise<void> {
    if (!(await calls.updateWantedSyncLease(attempt, { leaseS: syncLeaseS }))) lost.abort()
  }

  async function run({ ordersDays }: WantedSync, signal: AbortSignal): Promise<SyncEnd> {
    const options = { name: 'sync', max: syncPoolSize, statementTimeoutMs: 0 }
    return await withPool(config.databaseAdminUrl, options, (sql) =>
      syncShop({
        shopify,
        sql,
        metrics,
        currency: config.shopifyCurrency,
        ...(ordersDays === null ? {} : { ordersDays }),
        signal,
        countDrift: async () => (await createIntakeCalls(sql, metrics).verify()).length,
        onStart: ({ id, shop }, { isResumed, sees }) =>
          log.info({ run_id: id, shop, is_resumed: isResumed, sees }, 'Syncing with the shop'),
        ...(times === undefined ? {} : { lookEveryMs: times.lookEveryMs }),
      }),
    )
  }

  async function giveBack({ attempt }: WantedSync, error: unknown, about: object): Promise<void> {
    if (stopping.signal.aborted) return await calls.updateWantedSyncDue(attempt, new Date())
    // It begins when the other one has ended.
    if (error instanceof SnapshotBusy)
      return await calls.updateWantedSyncDue(attempt, new Date(Date.now() + claimEveryMs))
    const reason = reasonOf(error)
    if (attempt >= syncAttemptsMax) {
      await calls.failWantedSync(attempt, { reason, retryAt: null })
      log.error({ ...about, reason }, 'Sync given up')
      return
    }
    const retryAt = new Date(Date.now() + Math.min(retryMs * 2 ** (attempt - 1), syncRetryMsMax))
    await calls.failWantedSync(attempt, { reason, retryAt })
    log.warn({ ...about, reason, retry_at: retryAt.toISOString() }, 'Sync broke off, and goes on later')
  }

  function tell({ run, report: { counts, drift } }: SyncEnd, about: object): void {
    const isWhole = drift === 0 && counts.every(({ missing }) => missing === 0)
    log[isWhole ? 'info' : 'warn']({ ...about, run_id: run.id, counts, drift }, 'Synced with the shop')
  }
}
