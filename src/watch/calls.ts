import type { Session } from '../platform/database.ts'
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
  }
}
