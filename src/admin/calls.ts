import type { EventName, EventStatus, ListQuery } from '../catalog/calls.ts'
import type { Sql } from '../platform/database.ts'
import { callTimer, type Metrics } from '../platform/metrics.ts'

/** A ticket as it is made. Times are RFC 3339. */
export type NewTicket = {
  name: string
  sku?: string | null
  ticket_type?: string | null
  price_cents: number
  compare_at_price_cents?: number | null
  /** Null or absent: unbounded. */
  capacity?: number | null
  /** Absent: behind the others. */
  position?: number | null
  sale_starts_at?: string | null
  sale_ends_at?: string | null
  is_visible?: boolean | null
}

/** What of a ticket may be edited: absent stays, null clears. */
export type TicketChanges = Partial<Omit<NewTicket, 'capacity'>>

/** What of an event may be edited: absent stays, null clears. `description` is clean HTML already. */
export type EventChanges = {
  title?: string
  subtitle?: string | null
  description?: string | null
  category?: string | null
  starts_at?: string | null
  ends_at?: string | null
  venue?: Record<string, unknown> | null
  images?: readonly { url: string; alt?: string | null }[] | null
  /** Null: no limit. */
  per_user_limit?: number | null
  sales_paused?: boolean
}

/** An event as it is made, with its tickets. Absent: a draft in the shop's currency. */
export type NewEvent = Omit<EventChanges, 'title' | 'sales_paused'> & {
  title: string
  status?: EventStatus
  currency?: string
  tickets?: readonly NewTicket[]
}

/** The words that every edit shares; each function says what it means by them. */
type Refusal = 'not_found' | 'not_direct' | 'version_conflict'

/** `version`: the one it is at now; null where it is not found. */
type Edited<Outcome> = { outcome: Outcome; version: number | null }

export type UpdateResult = Edited<'updated' | Refusal>
export type CancelResult = Edited<'cancelled' | 'has_live_orders' | Refusal>
/** `capacityMin`: what is sold or held, fewer there cannot be; null where it came not so far. */
export type CapacityResult = Edited<'updated' | 'capacity_below_sold' | Refusal> & {
  capacityMin: number | null
}
export type NewTicketResult = { outcome: 'applied' | 'not_found' | 'not_direct'; ticketId: number | null }

/** What of an event or ticket is changed in Shopify: the kinds of its jobs. */
export type ShopifyWriteKind =
  | 'update_event'
  | 'publish_event'
  | 'unpublish_event'
  | 'delete_event'
  | 'create_ticket'
  | 'update_ticket'
  | 'delete_ticket'
  | 'update_capacity'

/** `eventId` or `ticketId`: what it changes. `version`: the one that the caller has seen; null: any. */
export type ShopifyWrite = {
  kind: ShopifyWriteKind
  eventId?: number
  ticketId?: number
  version: number | null
  /** What the job's request adds to the ids; it is checked. */
  details: Record<string, unknown>
}

/** Who asks, and by which token, for a request of which digest; null: each is a new one. */
export type Asker = { actor: string; token: string | null; digest: string | null }

type Queued = 'queued' | 'replayed' | 'conflict'
export type ShopifyEventResult = { outcome: Queued; jobId: number }
/** `jobId`: null where nothing is queued. */
export type ShopifyWriteResult = {
  outcome:
    | Queued
    | 'not_found'
    | 'not_shopify'
    | 'version_conflict'
    | 'has_live_orders'
    | 'capacity_below_sold'
  jobId: number | null
  version: number | null
  capacityMin: number | null
}

/** As `ShopifyWriteResult`; what Shopify does not count has no units to move. */
export type AllotmentResult = Omit<ShopifyWriteResult, 'outcome'> & {
  outcome: Exclude<ShopifyWriteResult['outcome'], 'has_live_orders'> | 'not_tracked'
}

/** Who edits, for the audit log: `user 7`, `key 3`. `version`: the one that the caller has seen. */
type By = { actor: string; version: number }
/** Null: whatever version it is at. */
type ByAny = { actor: string; version: number | null }

/** A row of the table of an event's orders. Times are RFC 3339, UTC. */
export type EventOrder = {
  id: number
  userId: number
  email: string | null
  status: string
  items: string
  unitCount: number
  totalCents: number
  paidCents: number
  currency: string
  expiresAt: string | null
  createdAt: string
  updatedAt: string
}

/** The SQL functions of the admin's edits; each call is timed under its function's name. */
export function createAdminCalls(metrics: Pick<Metrics, 'queryTime'>) {
  const timed = callTimer(metrics)
  return {
    /** Makes an event of the direct channel alone; answers its id. Refuses with class 22 or 23 what no route lets through. */
    applyDirectEvent: (sql: Sql, event: NewEvent, { actor }: { actor: string }): Promise<number> =>
      timed('apply_direct_event', async () => {
        const [row] = await sql<{ id: number }[]>`
          select api.apply_direct_event(
            p_event => ${JSON.stringify(event)}::text::jsonb,
            p_actor => ${actor}::text
          )::float8 as id`
        return row!.id
      }),

    updateDirectEvent: (
      sql: Sql,
      eventId: number,
      changes: EventChanges,
      { actor, version }: By,
    ): Promise<UpdateResult> =>
      timed('update_direct_event', async () => {
        // Clients know it by another name than the column has; what is absent stays out of the JSON.
        const { sales_paused, ...others } = changes
        const columns = { ...others, is_sales_paused: sales_paused }
        const [row] = await sql<UpdateResult[]>`
          select r.outcome, r.current_version as version
          from api.update_direct_event(
            p_event_id => ${eventId}::bigint,
            p_version => ${version}::integer,
            p_changes => ${JSON.stringify(columns)}::text::jsonb,
            p_actor => ${actor}::text
          ) r`
        return row!
      }),

    updateDirectEventStatus: (
      sql: Sql,
      eventId: number,
      status: EventStatus,
      { actor, version }: ByAny,
    ): Promise<UpdateResult> =>
      timed('update_direct_event_status', async () => {
        const [row] = await sql<UpdateResult[]>`
          select r.outcome, r.current_version as version
          from api.update_direct_event_status(
            p_event_id => ${eventId}::bigint,
            p_version => ${version}::integer,
            p_status => ${status}::text,
            p_actor => ${actor}::text
          ) r`
        return row!
      }),

    cancelDirectEvent: (sql: Sql, eventId: number, { actor, version }: ByAny): Promise<CancelResult> =>
      timed('cancel_direct_event', async () => {
        const [row] = await sql<CancelResult[]>`
          select r.outcome, r.current_version as version
          from api.cancel_direct_event(
            p_event_id => ${eventId}::bigint,
            p_version => ${version}::integer,
            p_actor => ${actor}::text
          ) r`
        return row!
      }),

    applyDirectTicket: (
      sql: Sql,
      eventId: number,
      ticket: NewTicket,
      { actor }: { actor: string },
    ): Promise<NewTicketResult> =>
      timed('apply_direct_ticket', async () => {
        const [row] = await sql<NewTicketResult[]>`
          select r.outcome, r.ticket_id::float8 as "ticketId"
          from api.apply_direct_ticket(
            p_event_id => ${eventId}::bigint,
            p_ticket => ${JSON.stringify(ticket)}::text::jsonb,
            p_actor => ${actor}::text
          ) r`
        return row!
      }),

    updateDirectTicket: (
      sql: Sql,
      ticketId: number,
      changes: TicketChanges,
      { actor, version }: By,
    ): Promise<UpdateResult> =>
      timed('update_direct_ticket', async () => {
        const [row] = await sql<UpdateResult[]>`
          select r.outcome, r.current_version as version
          from api.update_direct_ticket(
            p_ticket_id => ${ticketId}::bigint,
            p_version => ${version}::integer,
            p_changes => ${JSON.stringify(changes)}::text::jsonb,
            p_actor => ${actor}::text
          ) r`
        return row!
      }),

    cancelDirectTicket: (sql: Sql, ticketId: number, { actor, version }: ByAny): Promise<CancelResult> =>
      timed('cancel_direct_ticket', async () => {
        const [row] = await sql<CancelResult[]>`
          select r.outcome, r.current_version as version
          from api.cancel_direct_ticket(
            p_ticket_id => ${ticketId}::bigint,
            p_version => ${version}::integer,
            p_actor => ${actor}::text
          ) r`
        return row!
      }),

    /** `capacity`: null is unbounded. */
    updateDirectCapacity: (
      sql: Sql,
      ticketId: number,
      capacity: number | null,
      { actor, version }: By,
    ): Promise<CapacityResult> =>
      timed('update_direct_capacity', async () => {
        const [row] = await sql<CapacityResult[]>`
          select r.outcome, r.current_version as version, r.capacity_min::float8 as "capacityMin"
          from api.update_direct_capacity(
            p_ticket_id => ${ticketId}::bigint,
            p_version => ${version}::integer,
            p_capacity => ${capacity}::bigint,
            p_actor => ${actor}::text
          ) r`
        return row!
      }),

    /** Queues the move of units of a ticket between Shopify and the direct channel, which is to have so many. */
    placeAllotment: (
      sql: Sql,
      ticketId: number,
      units: number,
      { locationId, version, actor, token, digest }: Asker & { locationId: string | null; version: number },
    ): Promise<AllotmentResult> =>
      timed('place_allotment', async () => {
        const [row] = await sql<AllotmentResult[]>`
          select
            r.outcome, r.job_id::float8 as "jobId", r.current_version as version, r.capacity_min::float8 as "capacityMin"
          from api.place_allotment(
            p_ticket_id => ${ticketId}::bigint,
            p_version => ${version}::integer,
            p_units => ${units}::bigint,
            p_location_id => ${locationId}::text::bigint,
            p_actor => ${actor}::text,
            p_client_token => ${token}::text,
            p_client_digest => ${digest}::text
          ) r`
        return row!
      }),

    /** Queues the making of an event with its tickets in Shopify. */
    placeShopifyEvent: (
      sql: Sql,
      event: Record<string, unknown>,
      { locationId, actor, token, digest }: Asker & { locationId: string | null },
    ): Promise<ShopifyEventResult> =>
      timed('place_shopify_event', async () => {
        const [row] = await sql<ShopifyEventResult[]>`
          select r.outcome, r.job_id::float8 as "jobId"
          from api.place_shopify_event(
            p_event => ${JSON.stringify(event)}::text::jsonb,
            p_location_id => ${locationId}::text,
            p_actor => ${actor}::text,
            p_client_token => ${token}::text,
            p_client_digest => ${digest}::text
          ) r`
        return row!
      }),

    /** Queues a change of an event of Shopify's or of one of its tickets. */
    placeShopifyWrite: (
      sql: Sql,
      { kind, eventId, ticketId, version, details }: ShopifyWrite,
      { actor, token, digest }: Asker,
    ): Promise<ShopifyWriteResult> =>
      timed('place_shopify_write', async () => {
        const [row] = await sql<ShopifyWriteResult[]>`
          select
            r.outcome, r.job_id::float8 as "jobId", r.current_version as version, r.capacity_min::float8 as "capacityMin"
          from api.place_shopify_write(
            p_kind => ${kind}::text,
            p_event_id => ${eventId ?? null}::bigint,
            p_ticket_id => ${ticketId ?? null}::bigint,
            p_version => ${version}::integer,
            p_details => ${JSON.stringify(details)}::text::jsonb,
            p_actor => ${actor}::text,
            p_client_token => ${token}::text,
            p_client_digest => ${digest}::text
          ) r`
        return row!
      }),

    /** An event in any status as JSON text, by its id or that of one of its tickets; null where there is none. */
    getDirectEvent: (
      sql: Sql,
      {
        eventId = null,
        productId = null,
        ticketId = null,
      }: Partial<EventName> & { ticketId?: number | null },
    ): Promise<string | null> =>
      timed('get_direct_event', async () => {
        const [row] = await sql<{ body: string | null }[]>`
          select api.get_direct_event(
            p_event_id => ${eventId}::bigint, p_ticket_id => ${ticketId}::bigint,
            p_shopify_product_id => ${productId}::bigint
          )::text as body`
        return row!.body
      }),

    /** A page of the events of one status as JSON text. */
    listEventsOfStatus: (
      sql: Sql,
      status: EventStatus,
      { sort, category, from, to, search, limit, offset }: Omit<ListQuery, 'after'>,
    ): Promise<string> =>
      timed('list_events_of_status', async () => {
        const [row] = await sql<{ body: string }[]>`
          select api.list_events_of_status(
            p_status => ${status}::text, p_sort => ${sort}::text, p_category => ${category}::text,
            p_from => ${from}::text::timestamptz, p_to => ${to}::text::timestamptz, p_search => ${search}::text,
            p_limit => ${limit}::integer, p_offset => ${offset ?? 0}::integer
          )::text as body`
        return row!.body
      }),

    /** As JSON text; null where there is no such event. */
    getEventStats: (sql: Sql, eventId: number): Promise<string | null> =>
      timed('get_event_stats', async () => {
        const [row] = await sql<{ body: string | null }[]>`
          select api.get_event_stats(p_event_id => ${eventId}::bigint)::text as body`
        return row!.body
      }),

    /** At most `limit` orders behind `afterId` (null: from the first), by id. */
    listEventOrders: (
      sql: Sql,
      eventId: number,
      { afterId, limit }: { afterId: number | null; limit: number },
    ): Promise<EventOrder[]> =>
      timed('list_event_orders', async () => {
        const rows = await sql<EventOrder[]>`
          select
            r.id::float8 as id, r.user_id::float8 as "userId", r.email, r.status, r.items, r.unit_count as "unitCount",
            r.total_cents::float8 as "totalCents", r.paid_cents::float8 as "paidCents", r.currency,
            r.expires_at as "expiresAt", r.created_at as "createdAt", r.updated_at as "updatedAt"
          from api.list_event_orders(
            p_event_id => ${eventId}::bigint,
            p_after_id => ${afterId}::bigint,
            p_limit => ${limit}::integer
          ) r
          order by r.id`
        return [...rows]
      }),
  }
}
