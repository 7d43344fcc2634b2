import { isTransient, sqlState } from '../errors.ts'
import { syncAnalyzeRecordsMin, syncBatchProducts, syncBatchRecords, syncBusyMax } from '../limits.ts'
import type { SyncCalls, SyncKind, SyncPart, SyncReport, SyncRun } from './calls.ts'
import { type SnapshotOptions, type SnapshotProgress, takeSnapshot } from './snapshot.ts'
import type { SoldBefore } from './sold_before.ts'

/** How far a sync is: its snapshot, then the lines that are applied, and what it does at the end. */
export type SyncProgress =
  | SnapshotProgress
  | { step: 'applying'; kind: SyncKind; lines: number; of: number }
  | { step: 'verifying' }

export type SyncOptions = Omit<SnapshotOptions, 'purpose' | 'onProgress'> & {
  onProgress?: (progress: SyncProgress) => void
  /** Rows that are not what the facts say. */
  countDrift: () => Promise<number>
  /** What was sold before the first order of the snapshot, as an admin says. */
  soldBefore?: readonly SoldBefore[]
  /** Smaller in tests. */
  batchRecords?: number
}

/** A sync that has ended; `soldBeforeKnown`: how many of those figures are of a ticket that is known. */
export type SyncEnd = { run: SyncRun; report: SyncReport; soldBeforeKnown: number }

/**
 * Brings the whole shop into the mirror, while webhooks go on arriving: a snapshot, applied under their guards. One that was
 * stopped goes on. Ends with a report of what is there and what is here.
 */
export async function syncShop(options: SyncOptions): Promise<SyncEnd> {
  const { signal, onProgress, countDrift, batchRecords, soldBefore = [] } = options
  return await takeSnapshot(
    async (loaded, calls) => {
      const soldBeforeKnown = soldBefore.length === 0 ? 0 : await calls.applySoldBefore(soldBefore)
      onProgress?.({ step: 'verifying' })
      const [counts] = await Promise.all([
        calls.listSyncCounts(loaded.id),
        calls.analyzeMirror({ isRough: false }),
      ])
      const report = { counts, drift: await countDrift() }
      await calls.completeSyncRun(loaded.id, { report })
      return { run: await calls.getSyncRun(loaded.id), report, soldBeforeKnown }
    },
    {
      ...options,
      purpose: 'sync',
      // Whichever file is first: facts may come in any order.
      useFile: async (part, run, calls) => {
        if (!part.is_applied) await applyPart(run.id, part, { calls, signal, onProgress, batchRecords })
      },
    },
  )
}

/** All lanes of a file at once. Where one breaks off the others do, and then it is told. */
async function applyPart(
  runId: number,
  { kind, lanes, loaded_lines: of }: SyncPart,
  {
    calls,
    signal,
    onProgress,
    batchRecords,
  }: {
    calls: SyncCalls
    signal: AbortSignal
    onProgress: SyncOptions['onProgress'] | undefined
    batchRecords: number | undefined
  },
): Promise<void> {
  const limitMax = batchRecords ?? (kind === 'products' ? syncBatchProducts : syncBatchRecords)
  const broken = new AbortController()
  let records = 0
  let lines = 0
  // Plans of an empty mirror would go on reading whole tables as they fill.
  let analyzeAt = syncAnalyzeRecordsMin
  const onBatch = async (batch: { line: number; records: number }) => {
    lines = Math.max(lines, batch.line)
    onProgress?.({ step: 'applying', kind, lines, of })
    records += batch.records
    if (records < analyzeAt) return
    analyzeAt *= 4
    await calls.analyzeMirror({ isRough: true })
  }
  const applied = Array.from({ length: lanes }, (_, nth) =>
    applyLane(runId, kind, {
      lane: nth + 1,
      limitMax,
      calls,
      signal: AbortSignal.any([signal, broken.signal]),
      onBatch,
    }).catch((error: unknown) => {
      broken.abort(error)
      throw error
    }),
  )
  await Promise.allSettled(applied)
  await Promise.all(applied)
}

/** In batches; one that PostgreSQL refuses is halved until the culprit stands alone, which is passed over. */
async function applyLane(
  runId: number,
  kind: SyncKind,
  {
    lane,
    limitMax,
    calls,
    signal,
    onBatch,
  }: {
    lane: number
    limitMax: number
    calls: SyncCalls
    signal: AbortSignal
    onBatch: (batch: { line: number; records: number }) => Promise<void>
  },
): Promise<void> {
  let limit = limitMax
  let fault: string | null = null
  for (let busy = 0; ; ) {
    signal.throwIfAborted()
    try {
      const batch = await calls.applyStagedFacts(runId, kind, { lane, limit, fault })
      if (batch === null) return
      await onBatch(batch)
      busy = 0
      fault = null
      limit = Math.min(limitMax, limit * 2)
    } catch (error) {
      const isBusy = isTransient(error) || isDeadlock(error)
      if (sqlState(error) === null || (isBusy && ++busy > syncBusyMax)) throw error
      if (isBusy) continue
      if (fault !== null) throw error
      if (limit === 1) fault = String(error instanceof Error ? error.message : error).slice(0, 300)
      limit = Math.ceil(limit / 2)
    }
  }
}

function isDeadlock(error: unknown): boolean {
  return sqlState(error) === '40P01'
}
