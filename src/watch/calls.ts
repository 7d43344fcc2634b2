import { type Session, textArray } from '../platform/database.ts'
import { callTimer, type Metrics } from '../platform/metrics.ts'

/** Whether this process is to look at the subscriptions, where they should lead, and how the newest look came out. */
export type SubscriptionClaim = {
  isClaimed: boolean
  /** Null: the shop was told nothing. */
  url: string | null
  faultCount: number | null
}

export type WatchCalls = ReturnType<typeof createWatchCalls>

/** The SQL functions of the watch; each call is timed under its function's name. */
export function createWatchCalls(sql: Session, metrics: Pick<Metrics, 'queryTime'>) {
  const timed = callTimer(metrics)
  return {
    /** Takes over whether the shop can be asked. */
    updateConnection: (isConnected: boolean): Promise<void> =>
      timed('update_connection', async () => {
        await sql`select from api.update_connection(p_is_connected => ${isConnected}::boolean)`
      }),

    /** Where the shop was told to send its webhooks, or null. */
    getSubscriptionUrl: (): Promise<string | null> =>
      timed('get_subscription_url', async () => {
        const [row] = await sql<{ url: string | null }[]>`select api.get_subscription_url() as url`
        return row!.url
      }),

    /** Takes over where the shop was told to send its webhooks; null: nowhere. */
    updateSubscriptionWatch: (url: string | null): Promise<void> =>
      timed('update_subscription_watch', async () => {
        await sql`select from api.update_subscription_watch(p_url => ${url}::text)`
      }),

    /** Whether this process is to look at the subscriptions now. */
    claimSubscriptionWatch: (everyMs: number): Promise<SubscriptionClaim> =>
      timed('claim_subscription_watch', async () => {
        const [row] = await sql<SubscriptionClaim[]>`
          select w.is_claimed as "isClaimed", w.url, w.fault_count as "faultCount"
          from api.claim_subscription_watch(p_every => make_interval(secs => ${everyMs / 1_000}::float8)) w`
        return row!
      }),

    /** Keeps how a claimed look at the subscriptions came out. */
    completeSubscriptionWatch: (faultCount: number): Promise<void> =>
      timed('complete_subscription_watch', async () => {
        await sql`select from api.complete_subscription_watch(p_fault_count => ${faultCount}::integer)`
      }),

    /** Queues a look at items whose newest level is missing; how many. */
    placeLevelLooks: (limit: number): Promise<number> =>
      timed('place_level_looks', async () => {
        const [row] = await sql<{ count: number }[]>`
          select api.place_level_looks(p_limit => ${limit}::integer) as count`
        return row!.count
      }),

    /** Forgets looks that were done so long ago; how many. */
    reapLooks: ({ keptHours, limit }: { keptHours: number; limit: number }): Promise<number> =>
      timed('reap_looks', async () => {
        const [row] = await sql<{ count: number }[]>`
          select api.reap_looks(
            p_before => clock_timestamp() - make_interval(hours => ${keptHours}::integer),
            p_limit => ${limit}::integer
          ) as count`
        return row!.count
      }),

    /** The newest reconciliations as JSON text, with the first differences of the newest that ended. */
    listReconciliations: (options: { limit: number; differencesMax: number }): Promise<string> =>
      timed('list_reconciliations', async () => {
        const [row] = await sql<{ body: string }[]>`
          select api.list_reconciliations(
            p_limit => ${options.limit}::integer, p_differences_max => ${options.differencesMax}::integer
          )::text as body`
        return row!.body
      }),

    /** The reconciliation that is wanted, or due by the schedule (`everyHours`, null: there is none); null: none is. */
    claimReconciliation: (everyHours: number | null): Promise<WantedReconciliation | null> =>
      timed('claim_reconciliation', async () => {
        const [row] = await sql<WantedReconciliation[]>`
          select r.wanted_by as actor, r.is_dry_run as "isDryRun", r.repairs_max as "repairsMax"
          from api.claim_reconciliation(p_every => make_interval(hours => ${everyHours}::integer)) r`
        return row ?? null
      }),

    /** Asks for a reconciliation. */
    updateReconcileWanted: ({ actor, isDryRun, repairsMax }: WantedReconciliation): Promise<void> =>
      timed('update_reconcile_wanted', async () => {
        await sql`
          select from api.update_reconcile_wanted(
            p_actor => ${actor}::text, p_is_dry_run => ${isDryRun}::boolean, p_repairs_max => ${repairsMax}::integer
          )`
      }),
  }
}

/** Who wants a reconciliation, and what it may do; `repairsMax` null: as usual. */
export type WantedReconciliation = { actor: string; isDryRun: boolean; repairsMax: number | null }

/** A difference as the webhook that would have told it. */
export type Repair = {
  id: string
  kind: 'product' | 'item' | 'level' | 'order'
  key: string
  isAbsent: boolean
  shop: string
  topic: string
  triggeredNs: string
  body: string
  description: string | null
}

export type RepairOutcome = 'repaired' | 'overtaken' | 'failed'

/** What a reconciliation found, counted. */
export type ReconciliationCard = {
  id: number
  started_by: string
  dry_run: boolean
  started_at: string
  ended_at: string | null
  reason: string | null
  compared: number
  counts: { kind: string; cause: 'late' | 'lost' | 'ours' | 'theirs'; count: number; repaired: number }[]
}

export type ReconcileCalls = ReturnType<typeof createReconcileCalls>

/** What a reconciliation does with a snapshot. As staging, it is the owner's: `sql` must log in as him. */
export function createReconcileCalls(sql: Session, metrics: Pick<Metrics, 'queryTime'>) {
  const timed = callTimer(metrics)
  return {
    /** Begins it, or begins it anew; answers its id. */
    placeReconciliation: (options: {
      runId: number
      isDryRun: boolean
      repairsMax: number
      graceS: number
      actor: string
    }): Promise<number> =>
      timed('place_reconciliation', async () => {
        const [row] = await sql<{ id: number }[]>`
          select api.place_reconciliation(
            p_run_id => ${options.runId}::bigint,
            p_is_dry_run => ${options.isDryRun}::boolean,
            p_repairs_max => ${options.repairsMax}::integer,
            p_grace => make_interval(secs => ${options.graceS}::float8),
            p_actor => ${options.actor}::text
          )::float8 as id`
        return row!.id
      }),

    /** Compares the next records of a file; null: there are no more. */
    applyComparison: (
      id: number,
      { part, afterLine, limit }: { part: string; afterLine: number; limit: number },
    ): Promise<{ line: number; count: number } | null> =>
      timed('apply_comparison', async () => {
        const [row] = await sql<{ line: number; count: number }[]>`
          select c.last_line::float8 as line, c.compared_count as count
          from api.apply_comparison(
            p_reconciliation_id => ${id}::bigint, p_part => ${part}::text, p_after_line => ${afterLine}::bigint,
            p_limit => ${limit}::integer
          ) c`
        return row ?? null
      }),

    /** Finds what the shop has no more; how much. */
    applyAbsences: (id: number): Promise<number> =>
      timed('apply_absences', async () => {
        const [row] = await sql<{ count: number }[]>`
          select api.apply_absences(p_reconciliation_id => ${id}::bigint) as count`
        return row!.count
      }),

    /** What is to be repaired next. */
    listRepairs: (id: number, limit: number): Promise<Repair[]> =>
      timed('list_repairs', async () => {
        const rows = await sql<Repair[]>`
          select
            r.id::text as id, r.kind, r.key, r.is_absent as "isAbsent", r.shop, r.topic,
            r.triggered_ns::text as "triggeredNs", r.body, r.description
          from api.list_repairs(p_reconciliation_id => ${id}::bigint, p_limit => ${limit}::integer) r`
        return [...rows]
      }),

    /** Keeps what became of repairs. */
    completeRepairs: (repairs: readonly { id: string; outcome: RepairOutcome }[]): Promise<void> =>
      timed('complete_repairs', async () => {
        await sql`
          select from api.complete_repairs(
            p_ids => ${textArray(repairs.map(({ id }) => id))}::text[]::bigint[],
            p_outcomes => ${textArray(repairs.map(({ outcome }) => outcome))}::text[]
          )`
      }),

    /** Ends it; `reason`: before its end. */
    completeReconciliation: (id: number, reason: string | null): Promise<void> =>
      timed('complete_reconciliation', async () => {
        await sql`select from api.complete_reconciliation(p_id => ${id}::bigint, p_reason => ${reason}::text)`
      }),
  }
}
