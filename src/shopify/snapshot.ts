import { ordersDaysMax, syncBreaksMax, syncKeptHours, syncPieceBytes, syncPieceLines } from '../limits.ts'
import type { Sql } from '../platform/database.ts'
import type { Metrics } from '../platform/metrics.ts'
import { Refusal } from '../platform/refusal.ts'
import { awaitOperation, BulkFailed, type BulkFile, startOperation } from './bulk.ts'
import { FileBroken, type Line, readLines } from './bulk_file.ts'
import {
  createSyncCalls,
  type StagedPiece,
  type SyncCalls,
  type SyncKind,
  type SyncPart,
  type SyncPurpose,
  type SyncRun,
  syncKinds,
} from './calls.ts'
import type { Shopify } from './client.ts'
import { getShop } from './documents.ts'
import { stagedRecord } from './staged.ts'

/** The place in which snapshots are made is taken: it passes. */
export class SnapshotBusy extends Refusal {
  override name = 'SnapshotBusy'
}

/** How far a snapshot is: Shopify writes a file (objects), or it is loaded (bytes of how many). */
export type SnapshotProgress =
  | { step: 'waiting'; kind: SyncKind; objects: number }
  | { step: 'loading'; kind: SyncKind; bytes: number; of: number; lines: number }

export type SnapshotOptions = {
  shopify: Shopify
  /** Logs in as the owner, because staging writes a table, and has two connections at least. */
  sql: Sql
  metrics: Pick<Metrics, 'queryTime'>
  purpose: SyncPurpose
  /** Of the deployment: a shop that sells in another one is refused. */
  currency: string
  /** Default: all. */
  kinds?: readonly SyncKind[]
  /** Orders of so many days; without the scope read_all_orders at most 60. Default 60. */
  ordersDays?: number
  signal: AbortSignal
  onProgress?: (progress: SnapshotProgress) => void
  /** Begins with a file as soon as it is staged, beside the loading of the next one; `use` comes after all of them. */
  useFile?: (part: SyncPart, run: SyncRun, calls: SyncCalls) => Promise<void>
  /** Told once, before anything is asked for. */
  onStart?: (run: SyncRun, about: { isResumed: boolean; sees: 'all orders' | '60 days of orders' }) => void
  /** Shorter and smaller in tests. */
  lookEveryMs?: number
  pieceLines?: number
}

/**
 * Reads the shop as it is now into staged_records (their comments say what a row is), and hands it to `use`, which ends the
 * run by `completeSyncRun`. One snapshot at a time in all processes: another one is refused. What was stopped or broke off on
 * the way, `use` included, goes on where it was when the same purpose comes again; where Shopify gave up, the run has failed
 * and the next one begins anew.
 */
export async function takeSnapshot<T>(
  use: (run: SyncRun, calls: SyncCalls) => Promise<T>,
  options: SnapshotOptions,
): Promise<T> {
  const {
    shopify,
    sql,
    metrics,
    purpose,
    kinds = syncKinds,
    ordersDays = ordersDaysMax,
    signal,
    onStart,
  } = options
  const calls = createSyncCalls(sql, metrics)
  const { shop, currentAppInstallation } = await shopify.call(getShop, {}, { signal })
  if (shop.currencyCode !== options.currency)
    throw new Refusal(`The shop sells in ${shop.currencyCode}, and SHOPIFY_CURRENCY is ${options.currency}`)
  const scopes = currentAppInstallation.accessScopes.map(({ handle }) => handle)
  requireScopes(scopes, kinds)
  const seesAll = scopes.includes('read_all_orders')
  const days = seesAll ? ordersDays : Math.min(ordersDays, ordersDaysMax)
  const session = await calls.openSession()
  try {
    const { outcome, runId } = await calls.claimSyncRun(session, {
      purpose,
      shop: shop.myshopifyDomain,
      kinds,
      ordersSince: new Date(Date.now() - days * 86_400_000),
      keepHours: syncKeptHours,
    })
    if (outcome === 'busy')
      throw new SnapshotBusy('Another sync or reconciliation is under way: wait for its end, or stop it')
    const run = await calls.getSyncRun(runId)
    onStart?.(run, {
      isResumed: outcome === 'resumed',
      sees: seesAll ? 'all orders' : '60 days of orders',
    })
    try {
      await load(run, { calls, options })
    } catch (error) {
      if (error instanceof BulkFailed)
        await calls.completeSyncRun(runId, { report: null, reason: error.message })
      throw error
    }
    return await use(await calls.getSyncRun(runId), calls)
  } finally {
    // Where the connection was lost, the place is free already.
    await calls.releaseSyncPlace(session).catch(() => {})
    session.release()
  }
}

const scopeOf: Readonly<Record<SyncKind, string>> = {
  products: 'products',
  inventory: 'inventory',
  orders: 'orders',
}

function requireScopes(scopes: readonly string[], kinds: readonly SyncKind[]): void {
  const missing = kinds
    .map((kind) => scopeOf[kind])
    .filter((scope) => !scopes.includes(`read_${scope}`) && !scopes.includes(`write_${scope}`))
    .map((scope) => `read_${scope}`)
  if (missing.length > 0)
    throw new Refusal(
      `The access token lacks ${missing.join(', ')}: give the app these scopes, and install it again`,
    )
}

type Loading = { calls: SyncCalls; options: SnapshotOptions }

/** Asks for all files at once, then stages them one after the other, and has each one used meanwhile. */
async function load(run: SyncRun, loading: Loading): Promise<void> {
  const { calls, options } = loading
  const { shopify, signal, useFile } = options
  const open = run.parts.filter((part) => !part.is_loaded)
  for (const part of open) {
    if (part.operation_id !== null) continue
    part.operation_id = await startOperation(part.kind, { shopify, ordersSince: run.orders_since, signal })
    await calls.updateSyncPart(run.id, part.kind, { operationId: part.operation_id })
  }
  const uses: Promise<void>[] = []
  try {
    for (const part of run.parts) {
      if (!part.is_loaded) await loadPart(run.id, part, loading)
      if (useFile === undefined) continue
      const used = useFile(part, run, calls)
      // Told at the end: until then it would be a rejection that nobody awaits.
      used.catch(() => {})
      uses.push(used)
    }
  } finally {
    await Promise.allSettled(uses)
  }
  await Promise.all(uses)
}

/** A file that breaks off is asked for again behind the last line that was staged. */
async function loadPart(runId: number, part: SyncPart, loading: Loading): Promise<void> {
  const { shopify, signal, onProgress, lookEveryMs } = loading.options
  const { kind } = part
  for (let breaks = 0; ; ) {
    const file = await awaitOperation(part.operation_id ?? '', {
      kind,
      shopify,
      signal,
      onObjects: (objects) => onProgress?.({ step: 'waiting', kind, objects }),
      ...(lookEveryMs === undefined ? {} : { everyMs: lookEveryMs }),
    })
    await loading.calls.updateSyncPart(runId, kind, { fileBytes: file.bytes, objectCount: file.objects })
    const before = part.loaded_bytes
    try {
      await stageFile(runId, part, { file, loading })
      return
    } catch (error) {
      if (!(error instanceof FileBroken)) throw error
      breaks = part.loaded_bytes > before ? 0 : breaks + 1
      if (breaks >= syncBreaksMax)
        throw new Refusal(`${error.message}; run it again to go on`, { cause: error })
    }
  }
}

/** The next piece is read while the one before is copied. */
async function stageFile(
  runId: number,
  part: SyncPart,
  { file, loading }: { file: BulkFile; loading: Loading },
): Promise<void> {
  const { kind } = part
  const { signal, onProgress, pieceLines = syncPieceLines } = loading.options
  let staging = Promise.resolve()
  const stage = async (piece: StagedPiece) => {
    await staging
    staging = loading.calls.stagePiece(runId, kind, piece).then(() => {
      part.loaded_bytes += piece.bytes
      part.loaded_lines += piece.lines
      onProgress?.({
        step: 'loading',
        kind,
        bytes: part.loaded_bytes,
        of: file.bytes,
        lines: part.loaded_lines,
      })
    })
    // Whoever comes next waits for it; until then nobody hears of its failure.
    staging.catch(() => {})
  }

  const piece = createPiece({ kind, linesBefore: part.loaded_lines, linesMax: pieceLines })
  try {
    if (file.url !== null) {
      const { url, bytes } = file
      for await (const lines of readLines(url, { offset: part.loaded_bytes, bytes, signal })) {
        for (const line of lines) piece.add(line)
        if (piece.isFull()) await stage(piece.cut({ isLast: false }))
      }
    }
    await stage(piece.cut({ isLast: true }))
  } finally {
    await staging
  }
}

/** Gathers the records of lines until there are enough of them. */
function createPiece({
  kind,
  linesBefore,
  linesMax,
}: {
  kind: SyncKind
  linesBefore: number
  linesMax: number
}) {
  let line = linesBefore
  let piece = empty()

  return {
    add({ text, bytes }: Line): void {
      line++
      piece.lines++
      piece.bytes += bytes
      try {
        if (text === null) throw new Error('Longer than any record')
        const record = stagedRecord(text, { kind, line })
        if (record !== null) piece.records.push(record)
      } catch (error) {
        piece.faults.push({ line, reason: String(error instanceof Error ? error.message : error) })
      }
    },
    isFull: (): boolean => piece.lines >= linesMax || piece.bytes >= syncPieceBytes,
    cut({ isLast }: { isLast: boolean }): StagedPiece {
      const full = { ...piece, isLast }
      piece = empty()
      return full
    },
  }

  function empty() {
    return {
      records: [] as StagedPiece['records'][number][],
      faults: [] as StagedPiece['faults'][number][],
      bytes: 0,
      lines: 0,
    }
  }
}
