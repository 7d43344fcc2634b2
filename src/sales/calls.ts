import { type Sql, textArray } from '../platform/database.ts'
import { callTimer, type Metrics } from '../platform/metrics.ts'

/** What somebody asks for: units of tickets of one event. `clientToken` names the request: it makes one order. */
export type OrderRequest = {
  userId: number
  clientToken: string
  items: readonly { ticketId: number; quantity: number }[]
}

/** The words of `api.place_orders`, which says what each means. */
export type PlaceOutcome =
  | 'placed'
  | 'replayed'
  | 'conflict'
  | 'unknown_ticket'
  | 'sales_paused'
  | 'not_on_sale'
  | 'limit_reached'
  | 'held_by_others'
  | 'sold_out'

/** `body`: the order as JSON text where there is one. `detail`: what the outcome's error says beside its code. */
export type PlaceResult = {
  outcome: PlaceOutcome
  body: string | null
  detail: Record<string, number> | null
}

/** Who changes an order: its buyer, or an admin, who may change anybody's. */
export type StatusRequest = {
  orderId: number
  /** Null: anybody's order. */
  userId: number | null
  status: string
  /** Null: whatever version it is at. */
  version: number | null
}

export type StatusOutcome = 'updated' | 'unchanged' | 'not_found' | 'version_conflict' | 'bad_transition'

/** `body`: the order as it is now, as JSON text; null where it is not found. */
export type StatusResult = { outcome: StatusOutcome; body: string | null }

/** Every status that an order can have. */
export const orderStatuses = [
  'PENDING',
  'PAID',
  'CANCELLED',
  'EXPIRED',
  'FAILED',
  'REFUND_DUE',
  'REFUNDED',
] as const

/** How an item names its ticket: by id, by sku, or by the event that has only one. */
export type ItemName = { ticketId: number | null; sku: string | null; eventId: number | null }

/** Nulls: nothing fits. `matchCount` over 1: it has to be named more closely. */
export type NamedTicket = { eventId: number | null; ticketId: number | null; matchCount: number }

/** A code at the door. `code`: a UUID. `actor`: who lets in (`key 3`, `user 7`). */
export type Checkin = { code: string; actor: string }

/** The words of `api.apply_checkins`, which says what each means. */
export const checkinOutcomes = ['admitted', 'already_admitted', 'unknown', 'not_paid'] as const

/** The ids are null where the code is unknown. `checkedInAt`: RFC 3339, when it was used; null where it was not. */
export type CheckinResult = {
  outcome: (typeof checkinOutcomes)[number]
  eventId: number | null
  ticketId: number | null
  orderId: number | null
  checkedInAt: string | null
}

/** What `api.get_order_tickets` tells of an order. `tickets`: null unless it is PAID; of the page that was asked for. */
export type OrderTickets = {
  order_id: number
  status: (typeof orderStatuses)[number]
  expires_at: string | null
  title: string
  starts_at: string | null
  venue_name: string | null
  venue_city: string | null
  venue_timezone: string | null
  tickets:
    | { nth: number; name: string; code: string; is_void: boolean; checked_in_at: string | null }[]
    | null
  total: number
  pages: number
}

/** `userId` null: orders of all. `q`: an id, or part of an address, a sku or a title. */
export type OrderQuery = {
  userId: number | null
  status: string | null
  q: string | null
  page: number
  limit: number
}

/** The SQL functions of the sales; each call is timed under its function's name. */
export function createSalesCalls(metrics: Pick<Metrics, 'queryTime'>) {
  const timed = callTimer(metrics)
  return {
    /** One result per request, in order. All are of one event. */
    placeOrders: (
      sql: Sql,
      eventId: number,
      requests: readonly OrderRequest[],
      { holdS }: { holdS: number },
    ): Promise<PlaceResult[]> =>
      timed('place_orders', async () => {
        const items = requests.flatMap(({ items }, index) =>
          items.map(
            ({ ticketId, quantity }) => [String(index + 1), String(ticketId), String(quantity)] as const,
          ),
        )
        const rows = await sql<PlaceResult[]>`
          select r.outcome, r.body::text, r.detail
          from api.place_orders(
            p_event_id => ${eventId}::bigint,
            p_user_ids => ${textArray(requests.map(({ userId }) => String(userId)))}::text[]::bigint[],
            p_client_tokens => ${textArray(requests.map(({ clientToken }) => clientToken))}::text[],
            p_item_requests => ${textArray(items.map(([request]) => request))}::text[]::integer[],
            p_item_ticket_ids => ${textArray(items.map(([, ticketId]) => ticketId))}::text[]::bigint[],
            p_item_quantities => ${textArray(items.map(([, , quantity]) => quantity))}::text[]::integer[],
            p_hold_seconds => ${holdS}::integer
          ) r
          order by r.ordinal`
        return [...rows]
      }),

    /** One result per request, in order. All are of one event, and asked for by one kind of actor. */
    updateOrderStatuses: (
      sql: Sql,
      eventId: number,
      requests: readonly StatusRequest[],
      { actor, actorName }: { actor: 'buyer' | 'admin'; actorName: string },
    ): Promise<StatusResult[]> =>
      timed('update_order_statuses', async () => {
        const list = (get: (request: StatusRequest) => string | number | null) =>
          textArray(requests.map((request) => get(request)?.toString() ?? null))
        const rows = await sql<StatusResult[]>`
          select r.outcome, r.body::text
          from api.update_order_statuses(
            p_event_id => ${eventId}::bigint,
            p_order_ids => ${list(({ orderId }) => orderId)}::text[]::bigint[],
            p_user_ids => ${list(({ userId }) => userId)}::text[]::bigint[],
            p_statuses => ${list(({ status }) => status)}::text[],
            p_versions => ${list(({ version }) => version)}::text[]::integer[],
            p_actor => ${actor}::text,
            p_actor_name => ${actorName}::text
          ) r
          order by r.ordinal`
        return [...rows]
      }),

    /** One row per item, in order: the ticket it names, and how many fit it. */
    listOrderTickets: (sql: Sql, items: readonly ItemName[]): Promise<NamedTicket[]> =>
      timed('list_order_tickets', async () => {
        const list = (get: (item: ItemName) => string | number | null) =>
          textArray(items.map((item) => get(item)?.toString() ?? null))
        const rows = await sql<NamedTicket[]>`
          select
            r.event_id::float8 as "eventId", r.ticket_id::float8 as "ticketId", r.match_count as "matchCount"
          from api.list_order_tickets(
            p_ticket_ids => ${list(({ ticketId }) => ticketId)}::text[]::bigint[],
            p_skus => ${list(({ sku }) => sku)}::text[],
            p_event_ids => ${list(({ eventId }) => eventId)}::text[]::bigint[]
          ) r
          order by r.ordinal`
        return [...rows]
      }),

    /** An order as JSON text, and its event; null where there is none, or not of the user (null: anybody's). */
    getOrder: (
      sql: Sql,
      { orderId, userId }: { orderId: number; userId: number | null },
    ): Promise<{ eventId: number; body: string } | null> =>
      timed('get_order', async () => {
        const [row] = await sql<{ eventId: number; body: string }[]>`
          select r.event_id::float8 as "eventId", r.body::text
          from api.get_order(p_order_id => ${orderId}::bigint, p_user_id => ${userId}::bigint) r`
        return row ?? null
      }),

    /** The event of each order, in order; null where there is no such order. */
    listOrderEvents: (sql: Sql, orderIds: readonly number[]): Promise<(number | null)[]> =>
      timed('list_order_events', async () => {
        const rows = await sql<{ eventId: number | null }[]>`
          select r.event_id::float8 as "eventId"
          from api.list_order_events(p_order_ids => ${textArray(orderIds.map(String))}::text[]::bigint[]) r
          order by r.ordinal`
        return rows.map(({ eventId }) => eventId)
      }),

    /** An order with a page of its tickets; null where there is none. Whose it is is not asked. */
    getOrderTickets: (
      sql: Sql,
      { orderId, page, limit }: { orderId: number; page: number; limit: number },
    ): Promise<OrderTickets | null> =>
      timed('get_order_tickets', async () => {
        const [row] = await sql<{ body: OrderTickets | null }[]>`
          select api.get_order_tickets(
            p_order_id => ${orderId}::bigint, p_page => ${page}::integer, p_limit => ${limit}::integer
          ) as body`
        return row!.body
      }),

    /** A page of orders as JSON text. */
    listOrders: (sql: Sql, query: OrderQuery): Promise<string> =>
      timed('list_orders', async () => {
        const [row] = await sql<{ body: string }[]>`
          select api.list_orders(
            p_user_id => ${query.userId}::bigint,
            p_status => ${query.status}::text,
            p_query => ${query.q}::text,
            p_page => ${query.page}::integer,
            p_limit => ${query.limit}::integer
          )::text as body`
        return row!.body
      }),

    /** A page of a user's bookings with their events, as JSON text. */
    listBookings: (
      sql: Sql,
      { userId, page, limit }: { userId: number; page: number; limit: number },
    ): Promise<string> =>
      timed('list_bookings', async () => {
        const [row] = await sql<{ body: string }[]>`
          select api.list_bookings(
            p_user_id => ${userId}::bigint, p_page => ${page}::integer, p_limit => ${limit}::integer
          )::text as body`
        return row!.body
      }),

    /** One result per code, in order. */
    applyCheckins: (sql: Sql, checkins: readonly Checkin[]): Promise<CheckinResult[]> =>
      timed('apply_checkins', async () => {
        const rows = await sql<CheckinResult[]>`
          select
            r.outcome, r.event_id::float8 as "eventId", r.ticket_id::float8 as "ticketId",
            r.order_id::float8 as "orderId", r.checked_in_at as "checkedInAt"
          from api.apply_checkins(
            p_codes => ${textArray(checkins.map(({ code }) => code))}::text[]::uuid[],
            p_actors => ${textArray(checkins.map(({ actor }) => actor))}::text[]
          ) r
          order by r.ordinal`
        return [...rows]
      }),

    /** Events with unpaid orders whose time is over. */
    listExpiredSales: (sql: Sql, { limit }: { limit: number }): Promise<number[]> =>
      timed('list_expired_sales', async () => {
        const rows = await sql<{ event_id: number }[]>`
          select r.event_id::float8 as event_id from api.list_expired_sales(p_limit => ${limit}::integer) r`
        return rows.map(({ event_id }) => event_id)
      }),

    /** Expires the unpaid orders of an event whose time is over; answers how many. */
    expireOrders: (sql: Sql, eventId: number): Promise<number> =>
      timed('expire_orders', async () => {
        const [row] = await sql<{ count: number }[]>`
          select api.expire_orders(p_event_id => ${eventId}::bigint) as count`
        return row!.count
      }),
  }
}
