import { Type } from '@sinclair/typebox'
import { t } from 'elysia'
import { checkinCodeCharsMax, orderItemsMax, orderUnitsMax } from '../limits.ts'
import { clientTokenCharsMax, clientTokenPattern } from '../platform/client_token.ts'
import { closed, id, instant, orNull, pageLimit, pageNumber } from '../platform/fields.ts'
import { checkinOutcomes, orderStatuses } from './calls.ts'

const status = t.Union(orderStatuses.map((word) => t.Literal(word)))

/** The buyer's name for a request: sent again it is the same order. */
export const clientToken = t.String({
  minLength: 1,
  maxLength: clientTokenCharsMax,
  pattern: clientTokenPattern,
  description:
    'Names the request: sent again with the same items it answers the same order. Unique per user and event',
})

const quantity = Type.Integer({ minimum: 1, maximum: orderUnitsMax })

export const orderBody = t.Object(
  {
    items: t.Array(
      t.Object(
        {
          // No text of PostgreSQL holds a NUL.
          sku: t.Optional(t.String({ minLength: 1, maxLength: 255, pattern: '^[^\\u0000]+$' })),
          ticket_id: t.Optional(id),
          qty: quantity,
        },
        closed,
      ),
      { minItems: 1, maxItems: orderItemsMax },
    ),
    client_token: t.Optional(clientToken),
    event_id: t.Optional(id),
  },
  { ...closed, examples: [{ items: [{ ticket_id: 7, qty: 2 }], client_token: '3f6c1a52' }] },
)

export const bookingBody = t.Object(
  { event_id: id, ticket_id: t.Optional(id), quantity, client_token: t.Optional(clientToken) },
  { ...closed, examples: [{ event_id: 42, quantity: 2 }] },
)

export const statusBody = t.Object(
  { status, version: Type.Integer({ minimum: 1, maximum: 2_147_483_647 }) },
  { ...closed, examples: [{ status: 'PAID', version: 1 }] },
)

export const ticketsQuery = t.Object(
  {
    key: t.Optional(t.String({ description: "The link's own. Without it there is nothing" })),
    page: t.Optional(pageNumber),
  },
  closed,
)

export const orderListQuery = t.Object(
  {
    status: t.Optional(status),
    q: t.Optional(
      t.String({
        minLength: 1,
        maxLength: 200,
        description: "An order's id, or part of a sku or an event's title",
      }),
    ),
    page: t.Optional(pageNumber),
    limit: t.Optional(pageLimit),
  },
  closed,
)

export const bookingListQuery = t.Object(
  { page: t.Optional(pageNumber), limit: t.Optional(pageLimit) },
  closed,
)

const ticketsUrl = t.String({
  description:
    'Where its tickets are, to be shown or printed, for whoever has the link: the same from the start, so that who comes back from ' +
    'paying finds there how it stands',
})

const exampleTicketsUrl = '/orders/9/tickets?key=4nJm0b1kq3uU0o9cW2d5r8yT6vXzA7eFhGiJlKpQsDw'

const orderFields = {
  id,
  event_id: id,
  channel: t.Literal('direct'),
  status,
  total_cents: t.Integer(),
  currency: t.String(),
  version: t.Integer(),
  client_token: t.String(),
  items: t.Array(
    t.Object({
      ticket_id: id,
      sku: t.Union([t.String(), t.Null()]),
      name: t.String(),
      qty: t.Integer(),
      price_cents: t.Integer(),
    }),
  ),
  units: t.Union([
    t.Null(),
    t.Array(t.Object({ ticket_id: id, nth: t.Integer(), code: t.String(), checked_in_at: orNull(instant) })),
  ]),
  expires_at: orNull(instant),
  created_at: instant,
  updated_at: instant,
}

const exampleOrder = {
  id: 9,
  event_id: 42,
  channel: 'direct',
  status: 'PENDING',
  total_cents: 5000,
  currency: 'EUR',
  version: 1,
  client_token: '3f6c1a52',
  items: [{ ticket_id: 7, sku: 'GA-1', name: 'General', qty: 2, price_cents: 2500 }],
  units: null,
  expires_at: '2026-11-20T09:10:00.000Z',
  created_at: '2026-11-20T09:00:00.000Z',
  updated_at: '2026-11-20T09:00:00.000Z',
}

export const orderAnswer = t.Object(
  { ...orderFields, tickets_url: ticketsUrl },
  { examples: [{ ...exampleOrder, tickets_url: exampleTicketsUrl }] },
)

const page = { total: t.Integer(), page: t.Integer(), limit: t.Integer(), pages: t.Integer() }

const examplePage = { total: 1, page: 1, limit: 20, pages: 1 }

export const orderListAnswer = t.Object(
  { orders: t.Array(t.Object(orderFields)), ...page },
  { examples: [{ orders: [exampleOrder], ...examplePage }] },
)

const bookingFields = {
  id,
  event_id: id,
  ticket_id: id,
  quantity: t.Integer(),
  status,
  total_cents: t.Integer(),
  currency: t.String(),
  version: t.Integer(),
  expires_at: orNull(instant),
  created_at: instant,
  updated_at: instant,
}

const exampleBooking = {
  id: 9,
  event_id: 42,
  ticket_id: 7,
  quantity: 2,
  status: 'PAID',
  total_cents: 0,
  currency: 'EUR',
  version: 1,
  expires_at: null,
  created_at: '2026-11-20T09:00:00.000Z',
  updated_at: '2026-11-20T09:00:00.000Z',
}

export const bookingAnswer = t.Object(
  { ...bookingFields, tickets_url: ticketsUrl },
  { examples: [{ ...exampleBooking, tickets_url: exampleTicketsUrl }] },
)

export const bookingListAnswer = t.Object(
  {
    bookings: t.Array(
      t.Composite([
        t.Object(bookingFields),
        t.Object({
          event: t.Object({
            id,
            title: t.String(),
            starts_at: orNull(instant),
            ends_at: orNull(instant),
            venue: t.Unknown(),
          }),
        }),
      ]),
    ),
    ...page,
  },
  {
    examples: [
      {
        bookings: [
          {
            ...exampleBooking,
            event: {
              id: 42,
              title: 'Rock Night',
              starts_at: '2026-12-01T19:00:00.000Z',
              ends_at: null,
              venue: { name: 'Harbour Hall', city: 'Hamburg' },
            },
          },
        ],
        ...examplePage,
      },
    ],
  },
)

export const checkinBody = t.Object(
  {
    code: t.String({
      minLength: 1,
      maxLength: checkinCodeCharsMax,
      description: 'What was scanned. What is no code of ours is `unknown`',
    }),
  },
  { ...closed, examples: [{ code: '6f1c2a9e0b7d4c35a8e1f2b3c4d5e6f7' }] },
)

export const checkinAnswer = t.Object(
  {
    outcome: t.UnionEnum([...checkinOutcomes], {
      description: '`not_paid`: its order was cancelled or is to be given back',
    }),
    event_id: orNull(id),
    ticket_id: orNull(id),
    order_id: orNull(id),
    checked_in_at: orNull(instant),
  },
  {
    examples: [
      {
        outcome: 'admitted',
        event_id: 42,
        ticket_id: 7,
        order_id: 9,
        checked_in_at: '2026-12-01T19:00:00.000Z',
      },
    ],
  },
)
