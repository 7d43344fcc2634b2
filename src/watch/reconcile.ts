import type { Delivery, DeliveryResult } from '../intake/model.ts'
import { reconcileRecordsAtOnce, repairsAtOnce } from '../limits.ts'
import type { Sql } from '../platform/database.ts'
import type { Metrics } from '../platform/metrics.ts'
import { syncKinds } from '../shopify/calls.ts'
import type { Shopify } from '../shopify/client.ts'
import { getRecord, gidOf, idOfGid } from '../shopify/documents.ts'
import { type SnapshotProgress, takeSnapshot } from '../shopify/snapshot.ts'
import {
  createReconcileCalls,
  createWatchCalls,
  type ReconcileCalls,
  type ReconciliationCard,
  type Repair,
  type RepairOutcome,
  type WantedReconciliation,
} from './calls.ts'
import { readItem } from './looks.ts'

export type ReconcileDeps = {
  shopify: Shopify
  /** Logs in as the owner, because a snapshot writes a table. */
  sql: Sql
  /** Puts a delivery into the mirror; `failed`: it was kept with its reason. */
  submit: (delivery: Delivery) => Promise<DeliveryResult>
  metrics: Metrics
}

export type ReconcileOptions = WantedReconciliation & {
  repairsMax: number
  /** What changed in the shop so shortly ago may still be told by its webhook. */
  graceS: number
  signal: AbortSignal
  onProgress?: (progress: ReconcileProgress) => void
  /** Of the shop, as the settings have it. */
  currency: string
  /** How often a snapshot's file is asked for; shorter in tests. */
  lookEveryMs?: number
}

export type ReconcileProgress =
  | SnapshotProgress
  | { step: 'comparing'; count: number }
  /** Whether what the shop has no more is lost or late is known only then. */
  | { step: 'pausing'; count: number; ms: number }
  | { step: 'repairing'; count: number }

/**
 * Holds the mirror against the shop as a whole, says of each difference why it is there, and repairs what no webhook will: by the door
 * of webhooks, so that what has been told meanwhile stays. Throws a Refusal where a sync is under way.
 */
export async function reconcile(deps: ReconcileDeps, options: ReconcileOptions): Promise<ReconciliationCard> {
  const { shopify, sql, metrics } = deps
  const { currency, signal, onProgress, lookEveryMs } = options
  return await takeSnapshot(
    async (run, snapshots) => {
      const calls = createReconcileCalls(sql, metrics)
      const id = await calls.placeReconciliation({ ...options, runId: run.id })
      await compare(id, calls, options)
      await findAbsences(id, { startedAt: run.started_at, calls, options })
      await repair(id, { ...deps, calls, options })
      await calls.completeReconciliation(id, null)
      await snapshots.completeSyncRun(run.id, { report: null })
      return await cardOf(id, deps)
    },
    {
      shopify,
      sql,
      metrics,
      purpose: 'reconcile',
      currency,
      signal,
      ...(onProgress === undefined ? {} : { onProgress }),
      ...(lookEveryMs === undefined ? {} : { lookEveryMs }),
    },
  )
}

async function compare(id: number, calls: ReconcileCalls, options: ReconcileOptions): Promise<void> {
  let compared = 0
  for (const part of syncKinds) {
    for (let afterLine = 0; ; ) {
      options.signal.throwIfAborted()
      const read = await calls.applyComparison(id, { part, afterLine, limit: reconcileRecordsAtOnce })
      if (read === null) break
      afterLine = read.line
      compared += read.count
      options.onProgress?.({ step: 'comparing', count: compared })
    }
  }
}

/** When something was deleted nobody says: only what is still untold after the grace is lost. */
async function findAbsences(
  id: number,
  { startedAt, calls, options }: { startedAt: string; calls: ReconcileCalls; options: ReconcileOptions },
): Promise<void> {
  const count = await calls.applyAbsences(id)
  const ms = Date.parse(startedAt) + options.graceS * 1000 - Date.now()
  if (count === 0 || ms <= 0 || options.isDryRun) return
  options.onProgress?.({ step: 'pausing', count, ms })
  await pause(ms, options.signal)
  await calls.applyAbsences(id)
}

type Repairing = ReconcileDeps & { calls: ReconcileCalls; options: ReconcileOptions }

async function repair(id: number, repairing: Repairing): Promise<void> {
  const { calls, options } = repairing
  let count = 0
  for (;;) {
    options.signal.throwIfAborted()
    const repairs = await calls.listRepairs(id, repairsAtOnce)
    if (repairs.length === 0) return
    const outcomes = await Promise.all(repairs.map((one) => repairOne(id, one, repairing)))
    await calls.completeRepairs(repairs.map((one, nth) => ({ id: one.id, outcome: outcomes[nth]! })))
    count += repairs.length
    options.onProgress?.({ step: 'repairing', count })
  }
}

async function repairOne(
  id: number,
  repair: Repair,
  { shopify, submit, options }: Repairing,
): Promise<RepairOutcome> {
  if (repair.isAbsent && !(await isGone(repair, shopify, options.signal))) return 'overtaken'
  const { outcome } = await submit({
    shop: repair.shop,
    deliveryId: `reconcile ${id}/${repair.id}`,
    topic: repair.topic,
    triggeredNs: repair.triggeredNs,
    eventId: null,
    apiVersion: null,
    body: Buffer.from(repair.body),
    description: repair.description,
  })
  if (outcome === 'applied') return 'repaired'
  return outcome === 'failed' ? 'failed' : 'overtaken'
}

/** A file that lacks a record proves little, and a deletion is for good: the shop is asked for this one. */
async function isGone({ kind, key }: Repair, shopify: Shopify, signal: AbortSignal): Promise<boolean> {
  const [first = '', location] = key.split('/')
  if (kind !== 'level') {
    const id = gidOf(gidKinds[kind], first)
    return (await shopify.call(getRecord, { id }, { isLook: true, signal })).node === null
  }
  const item = await readItem(shopify, first, signal)
  return !item?.levels.some((level) => idOfGid(level.location.id) === location)
}

const gidKinds = { product: 'Product', item: 'InventoryItem', order: 'Order' } as const

async function cardOf(id: number, { sql, metrics }: ReconcileDeps): Promise<ReconciliationCard> {
  const body = await createWatchCalls(sql, metrics).listReconciliations({ limit: 10, differencesMax: 1 })
  const { reconciliations } = JSON.parse(body) as { reconciliations: ReconciliationCard[] }
  const card = reconciliations.find((one) => one.id === id)
  if (card === undefined) throw new Error(`Reconciliation ${id} is not among the newest`)
  return card
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer)
      reject(signal.reason)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop)
      resolve()
    }, ms)
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
  })
}
