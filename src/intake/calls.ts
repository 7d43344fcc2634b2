import { isUtf8 } from 'node:buffer'
import type { Config } from '../config.ts'
import { type Session, textArray } from '../platform/database.ts'
import { callTimer, type Metrics } from '../platform/metrics.ts'
import { excerptOf } from './excerpt.ts'
import type { Delivery, DeliveryResult, Outcome } from './model.ts'

/** A batch holds bytes that are no UTF-8: found here, because as text they would lose their length. */
export class NotTextError extends Error {
  override name = 'NotTextError'

  constructor() {
    super('Body is not UTF-8 text')
  }
}

/** The SQL functions of the intake; each call is timed under its function's name. */
export function createIntakeCalls(sql: Session, metrics: Pick<Metrics, 'queryTime'>) {
  const timed = callTimer(metrics)
  let keepsBodies = false

  return {
    /**
     * One result per delivery, in order. Refuses with class 22 or 23, or a NotTextError, where a body is poison.
     */
    applyDeliveries: async (
      deliveries: readonly Delivery[],
      { isReplay = false, on = sql }: { isReplay?: boolean; on?: Session } = {},
    ): Promise<DeliveryResult[]> => {
      if (!deliveries.every((delivery) => isUtf8(delivery.body))) throw new NotTextError()
      if (!keepsBodies) {
        const excerpts = deliveries.map((delivery) => excerptOf(delivery))
        if (excerpts.some((excerpt) => excerpt !== null)) {
          const results = await send(deliveries, excerpts, { isReplay, on })
          if (results.length > 0) return results
          // The settings say that bodies are kept, and they hold until some process starts with others.
          keepsBodies = true
        }
      }
      return await send(deliveries, null, { isReplay, on })
    },

    /** Keeps deliveries that could not be applied, each with its reason. */
    failDeliveries: (
      failures: readonly { delivery: Delivery; sqlstate: string | null; reason: string }[],
    ): Promise<void> =>
      timed('fail_deliveries', async () => {
        const deliveries = failures.map((failure) => failure.delivery)
        await sql`
          select from api.fail_deliveries(
            p_shops => ${list(deliveries, (delivery) => delivery.shop)}::text[],
            p_delivery_ids => ${list(deliveries, (delivery) => delivery.deliveryId)}::text[],
            p_topics => ${list(deliveries, (delivery) => delivery.topic)}::text[],
            p_triggered_ns => ${list(deliveries, (delivery) => delivery.triggeredNs)}::text[]::bigint[],
            p_event_ids => ${list(deliveries, (delivery) => delivery.eventId)}::text[],
            p_api_versions => ${list(deliveries, (delivery) => delivery.apiVersion)}::text[],
            p_bodies => ${list(deliveries, (delivery) => Buffer.from(delivery.body).toString('base64'))}::text[],
            p_sqlstates => ${list(failures, (failure) => failure.sqlstate)}::text[],
            p_reasons => ${list(failures, (failure) => failure.reason)}::text[]
          )`
      }),

    /** Leases failed deliveries that are due for another attempt. */
    claimFailedDeliveries: (limit: number): Promise<StoredDelivery[]> =>
      timed('claim_failed_deliveries', async () => {
        return await sql<StoredDelivery[]>`
          select
            d.shop, d.delivery_id as "deliveryId", d.topic, d.triggered_ns as "triggeredNs",
            d.event_id as "eventId", d.api_version as "apiVersion", d.body as "bodyBase64"
          from api.claim_failed_deliveries(p_limit => ${limit}::integer) d`
      }),

    /** Failed deliveries without their bodies, oldest first. */
    listFailedDeliveries: (limit: number, offset = 0): Promise<FailedDelivery[]> =>
      timed('list_failed_deliveries', async () => {
        return await sql<FailedDelivery[]>`
          select
            d.shop, d.delivery_id as "deliveryId", d.topic, d.sqlstate, d.reason, d.attempts, d.state,
            d.failed_at as "failedAt", d.next_attempt_at as "nextAttemptAt", d.body_bytes as "bodyBytes"
          from api.list_failed_deliveries(p_limit => ${limit}::integer, p_offset => ${offset}::integer) d`
      }),

    /** A delivery whose bytes are kept, or null. */
    getStoredDelivery: (
      deliveryId: string,
    ): Promise<
      (StoredDelivery & { outcome: string; reason: string | null; attempts: number | null }) | null
    > =>
      timed('get_stored_delivery', async () => {
        const [row] = await sql<
          (StoredDelivery & { outcome: string; reason: string | null; attempts: number | null })[]
        >`
          select
            d.shop, d.delivery_id as "deliveryId", d.topic, d.triggered_ns as "triggeredNs",
            d.event_id as "eventId", d.api_version as "apiVersion", d.body as "bodyBase64",
            d.outcome, d.reason, d.attempts
          from api.get_stored_delivery(p_delivery_id => ${deliveryId}::text) d`
        return row ?? null
      }),

    /** Discards a failed delivery; false: there was none. */
    cancelFailedDelivery: (shop: string, deliveryId: string): Promise<boolean> =>
      timed('cancel_failed_delivery', async () => {
        const [row] = await sql<{ found: boolean }[]>`
          select api.cancel_failed_delivery(p_shop => ${shop}::text, p_delivery_id => ${deliveryId}::text) as found`
        return row?.found ?? false
      }),

    /** Deletes at most `limit` rows of each kind that are older than their bound; returns the largest count. */
    reapDeliveries: (bounds: {
      idsKeptHours: number
      failedKeptHours: number
      limit: number
    }): Promise<number> =>
      timed('reap_deliveries', async () => {
        const [row] = await sql<{ count: number }[]>`
          select greatest(r.id_count, r.body_count, r.failed_count)::integer as count
          from api.reap_deliveries(
            p_ids_before => clock_timestamp() - make_interval(hours => ${bounds.idsKeptHours}::integer),
            p_failed_before => clock_timestamp() - make_interval(hours => ${bounds.failedKeptHours}::integer),
            p_limit => ${bounds.limit}::integer
          ) r`
        return row?.count ?? 0
      }),

    /** What differs between the counters and the facts; empty: exact. Seconds at a million events. */
    verify: (): Promise<Drift[]> =>
      timed('verify', async () => {
        return await sql<Drift[]>`select d.kind, d.key, d.field, d.expected, d.actual from api.verify() d`
      }),

    /** Whether this process is to verify now, and how the newest scheduled verification came out; nulls: none has ended. */
    claimVerification: (everyMs: number): Promise<VerificationClaim> =>
      timed('claim_verification', async () => {
        const [row] = await sql<VerificationClaim[]>`
          select v.is_claimed as "isClaimed", v.completed_at as "completedAt", v.drift_count as "driftCount"
          from api.claim_verification(p_every => make_interval(secs => ${everyMs / 1_000}::float8)) v`
        return row as VerificationClaim
      }),

    /** Keeps how a claimed verification came out. */
    completeVerification: (driftCount: number): Promise<void> =>
      timed('complete_verification', async () => {
        await sql`select from api.complete_verification(p_drift_count => ${driftCount}::integer)`
      }),

    /** Counters by name: of these tickets, or (null) of those that the transaction `on` has written. */
    listStock: (ticketIds: readonly string[] | null, on: Session = sql): Promise<NamedStock[]> =>
      timed('list_stock', async () => {
        return await on<NamedStock[]>`
          select s.ticket_id::text as "ticketId", s.event, s.ticket, s.capacity, s.sold, s.available
          from api.list_stock(
            p_ticket_ids => ${ticketIds === null ? null : list(ticketIds, (id) => id)}::text[]::bigint[]
          ) s`
      }),

    /** Sets every counter and derived column from the facts; how many rows of each kind differed. */
    updateStock: (): Promise<{ kind: string; count: number }[]> =>
      timed('update_stock', async () => {
        return await sql<{ kind: string; count: number }[]>`
          select r.kind, r.row_count::integer as count from api.update_stock() r`
      }),

    /** Takes over the deployment's decisions about the shop; OS001 where the currency would change. */
    updateSettings: (settings: ShopSettings): Promise<void> =>
      timed('update_settings', async () => {
        await sql`
          select from api.update_settings(
            p_currency => ${settings.shopifyCurrency}::text,
            p_event_tag => ${settings.shopifyEventTag}::text,
            p_event_type => ${settings.shopifyEventType}::text,
            p_counts_test_orders => ${settings.shopifyTestOrders === 'count'}::boolean,
            p_keep_bodies_hours => ${settings.keepBodiesHours}::integer
          )`
      }),

    /** Failed deliveries by state, and since when the app is uninstalled. */
    getIntakeState: (): Promise<IntakeState> =>
      timed('get_intake_state', async () => {
        const [row] = await sql<IntakeState[]>`
          select
            s.waiting_count::integer as "waitingCount", s.dead_count::integer as "deadCount",
            s.uninstalled_at as "uninstalledAt"
          from api.get_intake_state() s`
        return row as IntakeState
      }),
  }

  /** Sends excerpts in place of bodies, null where a body has none; no result: nothing was done, send the bodies. */
  function send(
    deliveries: readonly Delivery[],
    excerpts: readonly (string | null)[] | null,
    { isReplay, on }: { isReplay: boolean; on: Session },
  ): Promise<DeliveryResult[]> {
    const bodies = deliveries.map(({ body }, nth) => excerpts?.[nth] ?? textOf(body))
    // An excerpt is ASCII: as many bytes as characters.
    const lengths = deliveries.map(({ body }, nth) => excerpts?.[nth]?.length ?? body.length)
    return timed('apply_deliveries', async () => {
      const rows = await on<{ outcome: Outcome; reason: string | null }[]>`
        select r.outcome, r.reason
        from api.apply_deliveries(
          p_shops => ${list(deliveries, (delivery) => delivery.shop)}::text[],
          p_delivery_ids => ${list(deliveries, (delivery) => delivery.deliveryId)}::text[],
          p_topics => ${list(deliveries, (delivery) => delivery.topic)}::text[],
          p_triggered_ns => ${list(deliveries, (delivery) => delivery.triggeredNs)}::text[]::bigint[],
          p_event_ids => ${list(deliveries, (delivery) => delivery.eventId)}::text[],
          p_api_versions => ${list(deliveries, (delivery) => delivery.apiVersion)}::text[],
          p_bodies => ${bodies.join('')}::text,
          p_body_lengths => ${list(lengths, String)}::text[]::integer[],
          p_descriptions => ${list(deliveries, (delivery) => delivery.description)}::text[],
          p_is_replay => ${isReplay}::boolean,
          p_is_whole => ${excerpts === null}::boolean
        ) r`
      return rows.map(({ outcome, reason }) => ({ outcome, reason }))
    })
  }

  function list<T>(items: readonly T[], get: (item: T) => string | null): string {
    return textArray(items.map(get))
  }
}

function textOf(body: Uint8Array): string {
  return Buffer.from(body.buffer, body.byteOffset, body.length).toString()
}

/** A delivery as it is kept: what is needed to apply it again. */
export type StoredDelivery = Omit<Delivery, 'body' | 'description'> & { bodyBase64: string }

export type FailedDelivery = {
  shop: string
  deliveryId: string
  topic: string
  sqlstate: string | null
  reason: string
  attempts: number
  state: 'waiting' | 'dead'
  failedAt: Date
  nextAttemptAt: Date | null
  bodyBytes: number
}

/** One value that is not what the facts say. */
export type Drift = {
  kind: string
  key: string
  field: string
  expected: string | null
  actual: string | null
}

export type VerificationClaim = {
  isClaimed: boolean
  completedAt: Date | null
  driftCount: number | null
}

export type NamedStock = {
  ticketId: string
  event: string
  ticket: string
  capacity: string
  sold: string
  available: string
}

export type ShopSettings = Pick<
  Config,
  'shopifyCurrency' | 'shopifyEventTag' | 'shopifyEventType' | 'shopifyTestOrders' | 'keepBodiesHours'
>

export type IntakeState = { waitingCount: number; deadCount: number; uninstalledAt: Date | null }
