import { Type } from '@sinclair/typebox'
import { t } from 'elysia'
import { checkinCodeCharsMax, orderItemsMax, orderUnitsMax } from '../limits.ts'
import { checkinOutcomes } from './calls.ts'

const closed = { additionalProperties: false } as const
// Elysia's own numbers also take text.
const id = Type.Integer({ minimum: 1, maximum: 999_999_999_999_999 })
const instant = t.String({ format: 'date-time' })
const orNull = <Schema extends ReturnType<typeof t.Integer> | typeof instant>(schema: Schema) =>
  t.Union([schema, t.Null()])

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
const status = t.Union(orderStatuses.map((word) => t.Literal(word)))

/** The buyer's name for a request: sent again it is the same order. */
export const clientToken = t.String({
  minLength: 1,
  maxLength: 128,
  pattern: '^[\\x21-\\x7e]+$',
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

/** An id in a path: as text, because a number would take `1e3`. */
export const orderParams = t.Object({
  id: t.String({ pattern: '^[1-9]\\d{0,14}$', description: 'Our id', error: 'Expected a whole number' }),
})

const pageNumber = t.String({
  pattern: '^[1-9]\\d{0,5}$',
  error: 'Expected a whole number from 1 to 999999',
  default: '1',
})
const pageLimit = t.String({
  pattern: '^([1-9]\\d?|100)$',
  error: 'Expected a whole number from 1 to 100',
  default: '20',
})

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

export const orderAnswer = t.Object(
  {
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
      t.Array(
        t.Object({ ticket_id: id, nth: t.Integer(), code: t.String(), checked_in_at: orNull(instant) }),
      ),
    ]),
    expires_at: orNull(instant),
    created_at: instant,
    updated_at: instant,
  },
  {
    examples: [
      {
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
      },
    ],
  },
)

const page = { total: t.Integer(), page: t.Integer(), limit: t.Integer(), pages: t.Integer() }

const examplePage = { total: 1, page: 1, limit: 20, pages: 1 }

export const orderListAnswer = t.Object(
  { orders: t.Array(orderAnswer), ...page },
  { examples: [{ orders: orderAnswer.examples, ...examplePage }] },
)

export const bookingAnswer = t.Object(
  {
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
  },
  {
    examples: [
      {
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
      },
    ],
  },
)

export const bookingListAnswer = t.Object(
  {
    bookings: t.Array(
      t.Composite([
        bookingAnswer,
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
            ...bookingAnswer.examples[0],
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
