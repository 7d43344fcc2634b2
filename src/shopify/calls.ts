import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReservedSql } from 'postgres'
import { syncCopyMsMax } from '../limits.ts'
import type { Session, Sql } from '../platform/database.ts'
import { callTimer, type Metrics } from '../platform/metrics.ts'
import type { SoldBefore } from './sold_before.ts'

/** What a snapshot is read for: to be applied as a whole, or to be compared with first. */
export type SyncPurpose = 'sync' | 'reconcile'

/** The files of a snapshot, one bulk operation each, in the order in which they are applied. */
export const syncKinds = ['products', 'inventory', 'orders'] as const
export type SyncKind = (typeof syncKinds)[number]

/** A line that could not be used. */
export type SyncFault = { line: number; reason: string }

/** One file of a snapshot, and how far it has come; `sql/migrations/0011_sync.sql` says what each is. */
export type SyncPart = {
  kind: SyncKind
  operation_id: string | null
  file_bytes: number | null
  object_count: number | null
  loaded_bytes: number
  loaded_lines: number
  is_loaded: boolean
  staged_count: number
  fault_count: number
  faults: SyncFault[]
  applied_line: number
  lanes: number
  is_applied: boolean
  read_count: number
  news_count: number
}

export type SyncRun = {
  id: number
  purpose: SyncPurpose
  state: 'loading' | 'loaded' | 'done' | 'failed'
  shop: string
  orders_since: string
  started_at: string
  updated_at: string
  ended_at: string | null
  reason: string | null
  report: SyncReport | null
  parts: SyncPart[]
}

/** One line of the integrity report: what the snapshot has, and the mirror has. */
export type SyncCount = { kind: string; there: number; here: number; missing: number; surplus: number }
export type SyncReport = { counts: SyncCount[]; drift: number }

/** One line of a snapshot's file as it is staged: a row of staged_records. */
export type StagedRecord = {
  kind: 'product' | 'variant' | 'metafield' | 'image' | 'item' | 'level' | 'order' | 'order_line'
  line: number
  id: string
  parentId: string | null
  body: Record<string, unknown>
  description: string | null
}

/** Lines that are staged together, and where in the file they end. */
export type StagedPiece = {
  records: readonly StagedRecord[]
  faults: readonly SyncFault[]
  bytes: number
  lines: number
  isLast: boolean
}

/**
 * The SQL functions of snapshots. Staging writes a table, so `sql` must log in as the owner (DATABASE_ADMIN_URL); what is
 * claimed belongs to the session of `on`.
 */
export function createSyncCalls(sql: Sql, metrics: Pick<Metrics, 'queryTime'>) {
  const timed = callTimer(metrics)
  return {
    /** A session of its own; a pool that has not connected yet would never give one (postgres.js 3.4.9, without array types). */
    openSession: async (): Promise<ReservedSql> => {
      await sql`select`
      return await sql.reserve()
    },

    /** Takes the place in which snapshots are made, for the session `on`; `api.claim_sync_run` says what the words mean. */
    claimSyncRun: (
      on: Session,
      run: {
        purpose: SyncPurpose
        shop: string
        kinds: readonly SyncKind[]
        ordersSince: Date
        keepHours: number
      },
    ): Promise<{ outcome: 'claimed' | 'resumed'; runId: number } | { outcome: 'busy'; runId: null }> =>
      timed('claim_sync_run', async () => {
        const [row] = await on<
          ({ outcome: 'claimed' | 'resumed'; runId: number } | { outcome: 'busy'; runId: null })[]
        >`
          select r.outcome, r.run_id::float8 as "runId"
          from api.claim_sync_run(
            p_purpose => ${run.purpose}::text,
            p_shop => ${run.shop}::text,
            p_kinds => ${`{${run.kinds.join(',')}}`}::text[],
            p_orders_since => ${run.ordersSince.toISOString()}::text::timestamptz,
            p_keep => make_interval(hours => ${run.keepHours}::integer)
          ) r`
        return row!
      }),

    /** Gives the place back, for the session that claimed it. */
    releaseSyncPlace: async (on: Session): Promise<void> => {
      await on`select pg_advisory_unlock(hashtext('onsale sync'))`
    },

    /** A snapshot with its files. */
    getSyncRun: (id: number): Promise<SyncRun> =>
      timed('get_sync_run', async () => {
        const [row] = await sql<{ run: SyncRun }[]>`select api.get_sync_run(p_id => ${id}::bigint) as run`
        return row!.run
      }),

    /** The newest snapshots as JSON text. */
    listSyncRuns: (limit: number): Promise<string> =>
      timed('list_sync_runs', async () => {
        const [row] = await sql<
          { body: string }[]
        >`select api.list_sync_runs(p_limit => ${limit}::integer)::text as body`
        return row!.body
      }),

    /** Keeps which bulk operation was asked for, and how large its file is. */
    updateSyncPart: (
      runId: number,
      kind: SyncKind,
      part: { operationId?: string; fileBytes?: number; objectCount?: number },
    ): Promise<void> =>
      timed('update_sync_part', async () => {
        await sql`
          select from api.update_sync_part(
            p_run_id => ${runId}::bigint,
            p_kind => ${kind}::text,
            p_operation_id => ${part.operationId ?? null}::text,
            p_file_bytes => ${part.fileBytes ?? null}::bigint,
            p_object_count => ${part.objectCount ?? null}::bigint
          )`
      }),

    /** Copies lines into staged_records, and keeps in the same transaction where in the file they end. */
    stagePiece: (runId: number, kind: SyncKind, piece: StagedPiece): Promise<void> =>
      timed('update_sync_part', async () => {
        await sql.begin(async (transaction) => {
          // What a crash of the server takes back, it takes back as a whole.
          await transaction`set local synchronous_commit = off`
          if (piece.records.length > 0) {
            const copy = await transaction`
              copy onsale.staged_records (run_id, kind, line, id, parent_id, body, description) from stdin`.writable()
            // A COPY that the server refuses after its last row was sent would never end (postgres.js 3.4.9).
            const signal = AbortSignal.timeout(syncCopyMsMax)
            await pipeline(Readable.from(rowsOf(runId, piece.records)), copy, { signal })
          }
          await transaction`
            select from api.update_sync_part(
              p_run_id => ${runId}::bigint,
              p_kind => ${kind}::text,
              p_bytes => ${piece.bytes}::bigint,
              p_lines => ${piece.lines}::bigint,
              p_records => ${piece.records.length}::bigint,
              p_faults => ${JSON.stringify(piece.faults)}::text::jsonb,
              p_is_loaded => ${piece.isLast}::boolean
            )`
        })
      }),

    /**
     * Applies the next records of a lane of a file (from 1); null: there are no more. Refuses with class 22 or 23 where one of them is poison; `fault`
     * passes them over.
     */
    applyStagedFacts: (
      runId: number,
      kind: SyncKind,
      { lane, limit, fault = null }: { lane: number; limit: number; fault?: string | null },
    ): Promise<{ line: number; records: number } | null> =>
      timed('apply_staged_facts', async () => {
        const [row] = await sql.begin(async (transaction) => {
          await transaction`set local synchronous_commit = off`
          return await transaction<{ line: number; records: number }[]>`
            select r.applied_line::float8 as line, r.record_count as records
            from api.apply_staged_facts(
              p_run_id => ${runId}::bigint, p_kind => ${kind}::text, p_limit => ${limit}::integer, p_fault => ${fault}::text,
              p_lane => ${lane}::integer
            ) r`
        })
        return row ?? null
      }),

    /** Keeps what was sold before the first known order; answers how many of the variants are known. */
    applySoldBefore: (figures: readonly SoldBefore[]): Promise<number> =>
      timed('apply_sold_before', async () => {
        const [row] = await sql<{ known: number }[]>`
          select count(*) filter (where s.outcome = 'applied')::integer as known
          from api.apply_sold_before(
            p_variant_ids => ${`{${figures.map(({ variantId }) => variantId).join(',')}}`}::text::bigint[],
            p_units => ${`{${figures.map(({ units }) => units).join(',')}}`}::text::integer[]
          ) s`
        return row!.known
      }),

    /**
     * Tells the planner what is there now: the mirror may have been empty. `isRough`: by a tenth of the rows that it would
     * look at, which is enough to tell a small table from a large one.
     */
    analyzeMirror: ({ isRough }: { isRough: boolean }): Promise<void> =>
      timed('analyze', async () => {
        await sql.begin(async (tx) => {
          if (isRough) await tx`set local default_statistics_target = 10`
          await tx`
            analyze onsale.events, onsale.tickets, onsale.stock, onsale.event_revisions, onsale.shopify_products,
              onsale.shopify_variants, onsale.inventory_items, onsale.inventory_levels, onsale.shopify_orders,
              onsale.shopify_order_lines`
        })
      }),

    /** What the snapshot has, and what the mirror has of it. */
    listSyncCounts: (runId: number): Promise<SyncCount[]> =>
      timed('list_sync_counts', async () => {
        const rows = await sql<SyncCount[]>`
          select c.kind, c.there::float8 as there, c.here::float8 as here, c.missing::float8 as missing, c.surplus::float8 as surplus
          from api.list_sync_counts(p_run_id => ${runId}::bigint) c`
        return [...rows]
      }),

    /** Ends a snapshot, with its report or as failed. */
    completeSyncRun: (
      id: number,
      { report, reason = null }: { report: SyncReport | null; reason?: string | null },
    ): Promise<void> =>
      timed('complete_sync_run', async () => {
        await sql`
          select from api.complete_sync_run(
            p_id => ${id}::bigint,
            p_report => ${report === null ? null : JSON.stringify(report)}::text::jsonb,
            p_reason => ${reason}::text
          )`
      }),
  }
}

export type SyncCalls = ReturnType<typeof createSyncCalls>

/** A sync that somebody asked for. `failed`: its process did not come back too often; it is given up. */
export type WantedSync = {
  outcome: 'claimed' | 'failed'
  /** Counts from 1, and names what was claimed. */
  attempt: number
  /** Null: as usual. */
  ordersDays: number | null
  wantedBy: string
}

export type WantedSyncCalls = ReturnType<typeof createWantedSyncCalls>

/** The SQL functions of the sync that an admin asks for: which process is at it, and how it comes out. */
export function createWantedSyncCalls(sql: Session, metrics: Pick<Metrics, 'queryTime'>) {
  const timed = callTimer(metrics)
  return {
    /** Asks for a sync; where one waits already, nothing changes. */
    placeWantedSync: ({ actor, ordersDays }: { actor: string; ordersDays: number | null }): Promise<void> =>
      timed('place_wanted_sync', async () => {
        await sql`
          select from api.place_wanted_sync(p_actor => ${actor}::text, p_orders_days => ${ordersDays}::integer)`
      }),

    /** Leases the sync that is wanted to this process; null: none is due. */
    claimWantedSync: (options: { attemptsMax: number; leaseS: number }): Promise<WantedSync | null> =>
      timed('claim_wanted_sync', async () => {
        const [row] = await sql<WantedSync[]>`
          select w.outcome, w.attempt, w.orders_days as "ordersDays", w.wanted_by as "wantedBy"
          from api.claim_wanted_sync(
            p_attempts_max => ${options.attemptsMax}::integer,
            p_lease => make_interval(secs => ${options.leaseS}::float8)
          ) w`
        return row ?? null
      }),

    /** Extends the lease of this attempt; false: another process has it. */
    updateWantedSyncLease: (attempt: number, { leaseS }: { leaseS: number }): Promise<boolean> =>
      timed('update_wanted_sync_lease', async () => {
        const [row] = await sql<{ isHeld: boolean }[]>`
          select api.update_wanted_sync_lease(
            p_attempt => ${attempt}::integer, p_lease => make_interval(secs => ${leaseS}::float8)
          ) as "isHeld"`
        return row!.isHeld
      }),

    /** Gives this attempt back, uncounted. */
    updateWantedSyncDue: (attempt: number, dueAt: Date): Promise<void> =>
      timed('update_wanted_sync_due', async () => {
        await sql`
          select from api.update_wanted_sync_due(
            p_attempt => ${attempt}::integer, p_due_at => ${dueAt.toISOString()}::text::timestamptz
          )`
      }),

    /** Ends the sync that was wanted. */
    completeWantedSync: (attempt: number): Promise<void> =>
      timed('complete_wanted_sync', async () => {
        await sql`select from api.complete_wanted_sync(p_attempt => ${attempt}::integer)`
      }),

    /** Ends this attempt, which broke off; `retryAt` null: the sync is given up. */
    failWantedSync: (
      attempt: number,
      { reason, retryAt }: { reason: string; retryAt: Date | null },
    ): Promise<void> =>
      timed('fail_wanted_sync', async () => {
        await sql`
          select from api.fail_wanted_sync(
            p_attempt => ${attempt}::integer,
            p_reason => ${reason}::text,
            p_retry_at => ${retryAt === null ? null : retryAt.toISOString()}::text::timestamptz
          )`
      }),
  }
}

// As large as the driver sends without copying much.
const copyChars = 64 * 1024

/** COPY's text format, in pieces. */
function* rowsOf(runId: number, records: readonly StagedRecord[]): Generator<string> {
  let text = ''
  for (const { kind, line, id, parentId, body, description } of records) {
    const fields = [String(runId), kind, String(line), id, parentId, JSON.stringify(body), description]
    text += `${fields.map((field) => (field === null ? '\\N' : escaped(field))).join('\t')}\n`
    if (text.length < copyChars) continue
    yield text
    text = ''
  }
  if (text !== '') yield text
}

function escaped(field: string): string {
  return /[\\\t\n\r]/.test(field)
    ? field.replace(/[\\\t\n\r]/g, (character) => escapes[character] ?? '')
    : field
}

const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' }
