import { Elysia } from 'elysia'
import type { Accounts, UserPrincipal as User } from '../accounts/accounts.ts'
import { AppError, type ErrorCode, refusalOfFaults } from '../errors.ts'
import { ordersPerUserMax, ticketsPerPage } from '../limits.ts'
import { pagePolicyOf, secretPage, uncached } from '../platform/answer.ts'
import { idempotencyKeyHeader, idempotencyKeyOf } from '../platform/client_token.ts'
import { idParams, noQuery } from '../platform/fields.ts'
import { noStoreHeader, operation } from '../platform/operation.ts'
import { rateLimitHeaders } from '../rate_limits/model.ts'
import type { RateLimits } from '../rate_limits/rate_limits.ts'
import type { NamedTicket, OrderRequest, PlaceOutcome, PlaceResult, StatusResult } from './calls.ts'
import {
  bookingAnswer,
  bookingBody,
  bookingListAnswer,
  bookingListQuery,
  checkinAnswer,
  checkinBody,
  orderAnswer,
  orderBody,
  orderListAnswer,
  orderListQuery,
  statusBody,
  ticketsQuery,
} from './model.ts'
import type { Sales } from './sales.ts'
import type { TicketLinks } from './ticket_links.ts'
import { noTicketsPage, type Page, ticketPage } from './ticket_page.ts'

export type SalesRoutesDeps = {
  sales: Sales
  ticketLinks: TicketLinks
  accounts: Pick<Accounts, 'requireUser' | 'requireRole' | 'requireScope'>
  rateLimits: Pick<RateLimits, 'placing'>
}

const pageAnswer = { contentType: 'text/html; charset=utf-8', example: '<!doctype html>…' }
const pagePolicy = {
  description: 'The page loads nothing, runs nothing and stands in no frame',
  example: pagePolicyOf(),
}
const refusals: readonly ErrorCode[] = [
  'unknown_ticket',
  'sold_out',
  'held_by_others',
  'limit_reached',
  'not_on_sale',
  'sales_paused',
  'idempotency_conflict',
  'rate_limited',
  'busy',
  'unavailable',
]
const tokenHeader = idempotencyKeyHeader('Stands for `client_token`')

/** An order that there is now. `body`: its JSON. */
type Placed = { outcome: PlaceOutcome; body: string }

/** `/orders`, `/bookings` and `/checkin`: what a user buys by ourselves, and how he gets in. */
export function salesRoutes({ sales, ticketLinks, accounts, rateLimits }: SalesRoutesDeps) {
  return new Elysia({ name: 'sales' }).use(own()).use(tickets()).use(admin()).use(door())

  /** For whoever is logged in; an admin sees everybody's. */
  function own() {
    // Who asks is found out before the body is looked at: a stranger is told 401, not what a body should look like.
    return new Elysia({ name: 'sales own' })
      .derive(async ({ request }) => ({ user: await accounts.requireUser(request.headers) }))
      .post(
        '/orders',
        async ({ user, body, request, set }) => {
          await rateLimits.placing({ request, set }, user.userId)
          const result = await placeOrder(user, body, request.headers)
          return placedAnswer(result, linked(result.body))
        },
        {
          query: noQuery,
          body: orderBody,
          detail: operation({
            access: 'user',
            tags: ['Orders'],
            summary: 'Order tickets',
            description:
              'Of one event, whole or not at all. What costs something is held until `expires_at`; what is free is PAID at once. ' +
              'The same `client_token` and items again answer 200 with the same order and `Idempotent-Replayed: true`. ' +
              `A user may order or book ${ordersPerUserMax} times a minute, refusals and repetitions included.`,
            parameters: [tokenHeader],
            answers: {
              200: { schema: orderAnswer, description: 'The same request was placed before' },
              201: { schema: orderAnswer, description: 'Placed' },
            },
            errors: [...refusals, 'one_event_per_order', 'ambiguous_sku'],
            headers: { ...noStoreHeader, ...rateLimitHeaders },
          }),
        },
      )
      .get(
        '/orders',
        async ({ user, query }) =>
          uncached(await sales.listOrders({ ...queryOf(query), userId: scopeOf(user) })),
        {
          query: orderListQuery,
          detail: operation({
            access: 'user',
            tags: ['Orders'],
            summary: 'List orders',
            description:
              "Newest first: one's own; all of them for an admin, who also finds them by the buyer's address.",
            answers: { 200: { schema: orderListAnswer } },
            errors: ['unavailable'],
            headers: noStoreHeader,
          }),
        },
      )
      .get(
        '/orders/:id',
        async ({ user, params }) => {
          const found = await sales.getOrder({ orderId: Number(params.id), userId: scopeOf(user) })
          if (found === null) throw noOrder()
          return uncached(linked(found.body))
        },
        {
          query: noQuery,
          params: idParams,
          detail: operation({
            access: 'user',
            tags: ['Orders'],
            summary: 'Look at an order',
            description: "Somebody else's is 404. Once it is PAID it has the codes of its tickets.",
            answers: { 200: { schema: orderAnswer } },
            errors: ['not_found', 'unavailable'],
            headers: noStoreHeader,
          }),
        },
      )
      .post(
        '/orders/:id/cancel',
        async ({ user, params }) => uncached(linked(await cancel(user, params.id))),
        {
          query: noQuery,
          params: idParams,
          detail: operation({
            access: 'user',
            tags: ['Orders'],
            summary: 'Cancel an order',
            description:
              'Where nothing was paid. Its units are free at once. A second call answers the same.',
            answers: { 200: { schema: orderAnswer } },
            errors: ['not_found', 'bad_transition', 'unavailable'],
            headers: noStoreHeader,
          }),
        },
      )
      .post(
        '/bookings',
        async ({ user, body, request, set }) => {
          await rateLimits.placing({ request, set }, user.userId)
          const result = await placeBooking(user, body, request.headers)
          return placedAnswer(result, bookingOf(linked(result.body)))
        },
        {
          query: noQuery,
          body: bookingBody,
          detail: operation({
            access: 'user',
            tags: ['Bookings'],
            summary: 'Book tickets of one kind',
            description:
              'An order of one ticket kind, under the same id. `ticket_id` is needed where the event has several. What costs something comes back PENDING. Counted with the orders for the limit of a minute.',
            parameters: [tokenHeader],
            answers: {
              200: { schema: bookingAnswer, description: 'The same request was placed before' },
              201: { schema: bookingAnswer, description: 'Booked' },
            },
            errors: [...refusals, 'ticket_required'],
            headers: { ...noStoreHeader, ...rateLimitHeaders },
          }),
        },
      )
      .get(
        '/bookings',
        async ({ user, query }) =>
          uncached(await sales.listBookings({ userId: user.userId, ...pageOf(query) })),
        {
          query: bookingListQuery,
          detail: operation({
            access: 'user',
            tags: ['Bookings'],
            summary: "List one's bookings",
            description: 'With their events, newest first.',
            answers: { 200: { schema: bookingListAnswer } },
            errors: ['unavailable'],
            headers: noStoreHeader,
          }),
        },
      )
      .delete(
        '/bookings/:id',
        async ({ user, params }) => uncached(bookingOf(linked(await cancel(user, params.id)))),
        {
          query: noQuery,
          params: idParams,
          detail: operation({
            access: 'user',
            tags: ['Bookings'],
            summary: 'Cancel a booking',
            description: 'As its order is cancelled.',
            answers: { 200: { schema: bookingAnswer } },
            errors: ['not_found', 'bad_transition', 'unavailable'],
            headers: noStoreHeader,
          }),
        },
      )
  }

  /** For whoever has the link: a buyer opens it on his phone, or passes it on. */
  function tickets() {
    return new Elysia({ name: 'sales tickets' }).get(
      '/orders/:id/tickets',
      async ({ params, query }) => {
        const { html, status } = await ticketsOf(Number(params.id), query.key ?? '', Number(query.page ?? 1))
        return secretPage(html, { status })
      },
      {
        query: ticketsQuery,
        params: idParams,
        detail: operation({
          access: 'link',
          tags: ['Orders'],
          summary: 'Show the tickets of an order',
          description:
            "A page to be shown or printed, with a QR code a ticket that holds what `POST /checkin` takes as `code`. It is for whoever has the order's " +
            `\`tickets_url\`, without a login. ${ticketsPerPage} tickets a page.`,
          answers: {
            200: { ...pageAnswer, description: 'The tickets' },
            402: { ...pageAnswer, description: 'It is not paid: a page that says until when it is held' },
            404: { ...pageAnswer, description: 'There is no such order, or the key is not its own' },
            410: { ...pageAnswer, description: 'It expired, or was cancelled or paid back' },
          },
          errors: ['unavailable'],
          headers: { ...noStoreHeader, 'Content-Security-Policy': pagePolicy },
        }),
      },
    )
  }

  async function ticketsOf(orderId: number, key: string, page: number): Promise<Page> {
    // Nothing is looked up before the key fits, so that its time does not tell either which orders there are.
    if (!ticketLinks.isKey(orderId, key)) return noTicketsPage()
    const order = await sales.getOrderTickets({ orderId, page })
    if (order === null) return noTicketsPage()
    const link = ticketLinks.pathOf(orderId)
    return await ticketPage(order, { page, pathOf: (other) => `${link}&page=${other}` })
  }

  function admin() {
    return new Elysia({ name: 'sales admin' })
      .derive(async ({ request }) => ({ admin: await accounts.requireRole(request.headers, 'ADMIN') }))
      .patch(
        '/orders/:id/status',
        async ({ admin, params, body }) => {
          const orderId = Number(params.id)
          const eventId = await sales.findEvent(orderId)
          if (eventId === null) throw noOrder()
          const request = { orderId, userId: null, status: body.status, version: body.version }
          const by = { actor: 'admin' as const, actorName: admin.name }
          return uncached(linked(changed(await sales.updateOrderStatus(eventId, request, by))))
        },
        {
          query: noQuery,
          params: idParams,
          body: statusBody,
          detail: operation({
            access: 'admin',
            tags: ['Orders'],
            summary: 'Give an order another status',
            description:
              'For an admin. `version` is the one that was looked at; which changes there are is a table.',
            answers: { 200: { schema: orderAnswer } },
            errors: ['not_found', 'version_conflict', 'bad_transition', 'unavailable'],
            headers: noStoreHeader,
          }),
        },
      )
  }

  /** For those at the door. */
  function door() {
    return new Elysia({ name: 'sales door' })
      .derive(async ({ request }) => ({
        doorkeeper: await accounts.requireScope(request.headers, 'checkin'),
      }))
      .post('/checkin', async ({ doorkeeper, body }) => uncached(await checkIn(body.code, doorkeeper.name)), {
        query: noQuery,
        body: checkinBody,
        detail: operation({
          access: 'doorkeeper',
          tags: ['Check-in'],
          summary: 'Admit the bearer of a code',
          description:
            'For an admin, or a key with the scope `checkin`. Each code admits once, however many doors it comes to at once.',
          answers: { 200: { schema: checkinAnswer } },
          errors: ['busy', 'unavailable'],
          headers: noStoreHeader,
        }),
      })
  }

  async function checkIn(code: string, actor: string): Promise<string> {
    const scanned = codePattern.test(code) ? await sales.checkIn({ code, actor }) : null
    return JSON.stringify({
      outcome: scanned?.outcome ?? 'unknown',
      event_id: scanned?.eventId ?? null,
      ticket_id: scanned?.ticketId ?? null,
      order_id: scanned?.orderId ?? null,
      checked_in_at: scanned?.checkedInAt ?? null,
    } satisfies typeof checkinAnswer.static)
  }

  async function placeOrder(user: User, body: typeof orderBody.static, given: Headers): Promise<Placed> {
    const token = tokenOf(body.client_token, given)
    if (token === null) {
      throw refusalOfFaults('validation_failed', [
        { path: '/client_token', message: 'Expected client_token, or the header Idempotency-Key' },
      ])
    }
    const faults = body.items.flatMap(({ sku, ticket_id }, index) =>
      (sku === undefined) === (ticket_id === undefined)
        ? [{ path: `/items/${index}`, message: 'Expected either sku or ticket_id' }]
        : [],
    )
    if (faults.length > 0) throw refusalOfFaults('validation_failed', faults)
    const found = await sales.findTickets(
      body.items.map(({ sku = null, ticket_id = null }) => ({
        sku,
        ticketId: ticket_id,
        eventId: body.event_id ?? null,
      })),
    )
    const named = found.map((ticket, index) => {
      if (ticket.matchCount > 1) {
        throw new AppError(
          'ambiguous_sku',
          `Several open events use the sku "${body.items[index]?.sku}": name event_id`,
        )
      }
      return ticketOf(ticket)
    })
    const [first] = named
    if (first === undefined || named.some(({ eventId }) => eventId !== first.eventId)) {
      throw new AppError('one_event_per_order', 'The items are of several events: order each of them apart')
    }
    const items = named.map(({ ticketId }, index) => ({ ticketId, quantity: body.items[index]?.qty ?? 0 }))
    return await place(first.eventId, { userId: user.userId, clientToken: token, items })
  }

  async function placeBooking(user: User, body: typeof bookingBody.static, given: Headers): Promise<Placed> {
    const { event_id: eventId, ticket_id = null, quantity } = body
    const [found] = await sales.findTickets([{ ticketId: ticket_id, sku: null, eventId }])
    if ((found?.matchCount ?? 0) > 1) {
      throw new AppError('ticket_required', 'The event has several kinds of ticket: name ticket_id')
    }
    const { ticketId } = ticketOf(found)
    const clientToken = tokenOf(body.client_token, given) ?? crypto.randomUUID()
    return await place(eventId, { userId: user.userId, clientToken, items: [{ ticketId, quantity }] })
  }

  async function place(eventId: number, request: OrderRequest): Promise<Placed> {
    const result = await sales.placeOrder(eventId, request)
    const { body } = result
    if (body === null) throw refusalOf(result)
    return { outcome: result.outcome, body }
  }

  /**
   * An order's JSON, whose first member is its id, with the link to its tickets, put before the last brace: 0.9 µs, nearly all of
   * it for the key. To read the order and write it again would take up to as much on top, and more with each item.
   */
  function linked(order: string): string {
    const orderId = Number.parseInt(order.slice('{"id":'.length), 10)
    return `${order.slice(0, -1)},"tickets_url":"${ticketLinks.pathOf(orderId)}"}`
  }

  async function cancel(user: User, id: string): Promise<string> {
    const orderId = Number(id)
    const userId = scopeOf(user)
    const eventId = await sales.findEvent(orderId)
    if (eventId === null) throw noOrder()
    const actor = user.role === 'ADMIN' ? 'admin' : 'buyer'
    const request = { orderId, userId, status: 'CANCELLED', version: null }
    return changed(await sales.updateOrderStatus(eventId, request, { actor, actorName: user.name }))
  }
}

// A UUID as orders show it, without hyphens, or with them.
const codePattern = /^[0-9a-f]{8}(-?)[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{12}$/i

/** Whose orders somebody sees: his own, an admin everybody's. */
function scopeOf({ role, userId }: User): number | null {
  return role === 'ADMIN' ? null : userId
}

function tokenOf(given: string | undefined, headers: Headers): string | null {
  return given ?? idempotencyKeyOf(headers)
}

function ticketOf(found: NamedTicket | undefined): { eventId: number; ticketId: number } {
  const { eventId, ticketId } = found ?? {}
  if (eventId == null || ticketId == null)
    throw new AppError('unknown_ticket', 'There is no such ticket of such an event')
  return { eventId, ticketId }
}

const sentences: Record<Exclude<PlaceOutcome, 'placed' | 'replayed'>, [ErrorCode, string]> = {
  conflict: ['idempotency_conflict', 'The same client_token was sent before with other items'],
  unknown_ticket: ['unknown_ticket', 'There is no such ticket of such an event'],
  sales_paused: ['sales_paused', 'The sale of this event is paused, try again later'],
  not_on_sale: ['not_on_sale', 'The event is over, or the sale of a ticket has not begun or has ended'],
  limit_reached: ['limit_reached', 'With these there would be more tickets of the event than one may have'],
  held_by_others: ['held_by_others', 'Others hold what is left and may not pay for it: try again'],
  sold_out: ['sold_out', 'Less is left than is asked for'],
}

function refusalOf({ outcome, detail }: PlaceResult): AppError {
  if (outcome === 'placed' || outcome === 'replayed')
    return new AppError('internal', 'An order without a body')
  const [code, sentence] = sentences[outcome]
  const retryAfterS = detail?.retry_after_seconds
  return new AppError(code, sentence, {
    ...(detail === null ? {} : { extra: detail }),
    ...(retryAfterS === undefined ? {} : { retryAfterS }),
  })
}

function changed({ outcome, body }: StatusResult): string {
  if (body === null) throw noOrder()
  if (outcome === 'updated' || outcome === 'unchanged') return body
  const { version, status } = JSON.parse(body) as { version: number; status: string }
  if (outcome === 'version_conflict') {
    throw new AppError('version_conflict', `The order is at version ${version}`, {
      extra: { current_version: version },
    })
  }
  throw new AppError('bad_transition', `An order that is ${status} cannot become that`, {
    extra: { current_status: status },
  })
}

function noOrder(): AppError {
  return new AppError('not_found', 'There is no such order')
}

function placedAnswer({ outcome }: Placed, body: string): Response {
  return outcome === 'replayed'
    ? uncached(body, { headers: { 'idempotent-replayed': 'true' } })
    : uncached(body, { status: 201 })
}

/** An order of one ticket kind by its other name. */
function bookingOf(order: string): string {
  const { items, ...rest } = JSON.parse(order) as typeof orderAnswer.static
  const { id, event_id, status, total_cents, currency, version, expires_at, created_at, updated_at } = rest
  const [item] = items
  return JSON.stringify({
    id,
    event_id,
    ticket_id: item?.ticket_id,
    quantity: item?.qty,
    status,
    total_cents,
    currency,
    version,
    expires_at,
    created_at,
    updated_at,
    tickets_url: rest.tickets_url,
  })
}

function queryOf({ status, q, ...page }: typeof orderListQuery.static) {
  return { status: status ?? null, q: q ?? null, ...pageOf(page) }
}

function pageOf({ page = '1', limit = '20' }: typeof bookingListQuery.static) {
  return { page: Number(page), limit: Number(limit) }
}
