import { t } from 'elysia'
import { listLimitDefault, listLimitMax, searchCharsMax } from '../limits.ts'
import { orNull } from '../platform/fields.ts'
import { eventStatuses, sorts } from './calls.ts'

// What SQL builds (sql/functions/catalog/list_event_cards.sql and its neighbours), for the API's documentation; the
// contract tests hold both together.

const instant = t.String({
  format: 'date-time',
  description: 'RFC 3339, UTC',
  examples: ['2026-12-01T19:00:00.000Z'],
})
const cents = t.Integer({ description: 'Minor units of the currency', examples: [2500] })
const currency = t.String({ pattern: '^[A-Z]{3}$', description: 'ISO 4217', examples: ['EUR'] })
const unlimited = 'Null: not tracked, unlimited'

/** The counters of a ticket in one channel. */
const stock = t.Object({
  capacity: orNull(t.Integer(), unlimited),
  sold: t.Integer(),
  held: t.Integer(),
  available: orNull(t.Integer({ minimum: 0 }), unlimited),
})

const venue = t.Object({ name: orNull(t.String()), city: orNull(t.String()) })

const image = t.Object({
  url: orNull(t.String()),
  alt: orNull(t.String()),
  width: t.Optional(orNull(t.Integer())),
  height: t.Optional(orNull(t.Integer())),
})

const left = t.Object({ available: orNull(t.Integer({ minimum: 0 }), unlimited) })

export const eventFields = {
  id: t.Integer({ examples: [42] }),
  shopify_product_id: orNull(
    t.String({ examples: ['632910392'] }),
    'Null: an event of the direct channel alone',
  ),
  title: t.String(),
  subtitle: orNull(t.String()),
  category: orNull(t.String({ examples: ['concert'] })),
  status: t.UnionEnum(['active', 'unlisted'], { description: '`unlisted` can be opened, and is in no list' }),
  starts_at: orNull(instant),
  ends_at: orNull(instant),
  venue: orNull(venue),
  images: t.Array(image),
  currency,
  price_from_cents: orNull(cents, 'The lowest price of a visible ticket'),
  available: orNull(
    t.Integer({ minimum: 0 }),
    'Over all visible tickets; null where one of them is not tracked',
  ),
  sold: t.Integer(),
  capacity: orNull(t.Integer(), 'Over all visible tickets; null where one of them is not tracked'),
  sold_out: t.Boolean({ description: 'No visible ticket has anything left or may be oversold' }),
  channels: t.Object({ shopify: orNull(left), direct: orNull(left) }),
  version: t.Integer({ description: 'Counts edits of the catalogue' }),
  revision: t.Integer({ description: 'Counts every visible change, counts included' }),
  updated_at: instant,
}

/** A kind of ticket of an event. */
export const ticket = t.Object(
  {
    id: t.Integer({ examples: [7] }),
    event_id: t.Integer({ examples: [42] }),
    shopify_variant_id: orNull(t.String({ examples: ['808950810'] })),
    sku: orNull(t.String({ examples: ['GA-1'] })),
    name: t.String({ examples: ['General'] }),
    ticket_type: orNull(t.String({ examples: ['general'] })),
    price_cents: cents,
    compare_at_price_cents: orNull(cents),
    currency,
    is_visible: t.Boolean(),
    position: t.Integer(),
    sale_starts_at: orNull(instant),
    sale_ends_at: orNull(instant),
    features: t.Any(),
    restrictions: t.Any(),
    capacity: orNull(t.Integer(), unlimited),
    sold: t.Integer(),
    held: t.Integer(),
    available: orNull(t.Integer({ minimum: 0 }), unlimited),
    channels: t.Object({ shopify: orNull(stock), direct: orNull(stock) }),
    oversell_allowed: t.Boolean({ description: 'Shopify may sell more than there is: never `sold_out`' }),
    checkout_url: orNull(t.String({ examples: ['https://demo.myshopify.com/cart/808950810:1'] })),
    version: t.Integer(),
    updated_at: instant,
  },
  { description: 'The four counts are the sums of the channels' },
)

export const ticketExample = {
  id: 7,
  event_id: 42,
  shopify_variant_id: '808950810',
  sku: 'GA-1',
  name: 'General',
  ticket_type: 'general',
  price_cents: 2500,
  compare_at_price_cents: null,
  currency: 'EUR',
  is_visible: true,
  position: 1,
  sale_starts_at: null,
  sale_ends_at: null,
  features: [],
  restrictions: {},
  capacity: 200,
  sold: 80,
  held: 0,
  available: 120,
  channels: { shopify: { capacity: 200, sold: 80, held: 0, available: 120 }, direct: null },
  oversell_allowed: false,
  checkout_url: 'https://demo.myshopify.com/cart/808950810:1',
  version: 3,
  updated_at: '2026-11-20T09:00:00.000Z',
}

export const eventExample = {
  id: 42,
  shopify_product_id: '632910392',
  title: 'The Velvet Foxes: Midnight Tour',
  subtitle: null,
  category: 'concert',
  status: 'active',
  starts_at: '2026-12-01T19:00:00.000Z',
  ends_at: null,
  venue: { name: 'Harbour Hall', city: 'Hamburg' },
  images: [{ url: 'https://cdn.shopify.com/s/files/1/foxes.jpg', alt: 'The Velvet Foxes on stage' }],
  currency: 'EUR',
  price_from_cents: 2500,
  available: 120,
  sold: 80,
  capacity: 200,
  sold_out: false,
  channels: { shopify: { available: 120 }, direct: null },
  version: 7,
  revision: 1311,
  updated_at: '2026-11-20T09:00:00.000Z',
}

// As `jobStates` has them, but for those that are ended and changed nothing.
const pendingChange = t.Object(
  {
    job_id: t.Integer(),
    kind: t.String({ examples: ['update_event'] }),
    state: t.UnionEnum(['queued', 'running', 'waiting', 'done'], {
      description:
        'As of the last word about it: `queued` may have begun. `done`: Shopify has it, and has not told us yet',
    }),
    created_at: instant,
  },
  { description: 'A write that is on its way to Shopify or back: the event does not show it yet' },
)

/** One event with its tickets. */
export const eventDetails = t.Object(
  {
    ...eventFields,
    description: orNull(t.String(), 'Sanitised HTML'),
    metafields: t.Any({ description: "The product's other metafields, by `namespace.key`" }),
    per_user_limit: orNull(t.Integer(), 'Units one user may own in the direct channel; null: no limit'),
    pending_changes: t.Array(pendingChange),
    tickets: t.Array(ticket),
  },
  {
    examples: [
      {
        ...eventExample,
        description: '<p>An evening of songs.</p>',
        metafields: {},
        per_user_limit: 2,
        pending_changes: [],
        tickets: [ticketExample],
      },
    ],
  },
)

/** A page of events. */
export const eventList = t.Object(
  {
    events: t.Array(t.Object(eventFields)),
    page: orNull(t.Integer(), 'Null where a cursor was given'),
    limit: t.Integer(),
    total: orNull(t.Integer(), 'Exact up to 10,000; null where a cursor was given'),
    total_relation: orNull(t.UnionEnum(['eq', 'gte']), '`gte`: there are more than `total`'),
    pages: orNull(t.Integer()),
    next_cursor: orNull(t.String(), 'Null on the last page'),
  },
  {
    examples: [
      {
        events: [eventExample],
        page: 1,
        limit: 20,
        total: 1,
        total_relation: 'eq',
        pages: 1,
        next_cursor: null,
      },
    ],
  },
)

/** The visible tickets of an event. */
export const ticketList = t.Object(
  { event_id: t.Integer(), tickets: t.Array(ticket) },
  { examples: [{ event_id: 42, tickets: [ticketExample] }] },
)

/** What is left right now. */
export const availability = t.Object(
  {
    event_id: t.Integer(),
    as_of: instant,
    tickets: t.Array(
      t.Object({
        ticket_id: t.Integer(),
        shopify_variant_id: orNull(t.String()),
        ...stock.properties,
        state: t.UnionEnum(['available', 'held_by_others', 'sold_out', 'unlimited', 'not_on_sale'], {
          description: 'A ticket that may be oversold stays `available`',
        }),
      }),
    ),
  },
  {
    examples: [
      {
        event_id: 42,
        as_of: '2026-11-20T09:00:00.123Z',
        tickets: [
          {
            ticket_id: 7,
            shopify_variant_id: '808950810',
            capacity: 200,
            sold: 80,
            held: 0,
            available: 120,
            state: 'available',
          },
        ],
      },
    ],
  },
)

/** `{id}` of a path. */
export const eventName = t.String({
  pattern: '^([1-9][0-9]{0,14}|shopify:[1-9][0-9]{0,17})$',
  description: 'Our id, or `shopify:` and the id of the Shopify product',
  examples: ['42', 'shopify:632910392'],
})

/** The query of a list; any other parameter, and one given twice, is refused. */
export const listParameters = t.Object({
  page: t.Optional(
    t.Integer({
      minimum: 1,
      default: 1,
      description: 'Within the first 10,000 rows; past them use `cursor`',
    }),
  ),
  limit: t.Optional(t.Integer({ minimum: 1, maximum: listLimitMax, default: listLimitDefault })),
  cursor: t.Optional(
    t.String({
      description: 'A `next_cursor`, with the parameters it was given for; does not count the rest',
    }),
  ),
  category: t.Optional(t.String({ examples: ['concert'] })),
  search: t.Optional(
    t.String({
      maxLength: searchCharsMax,
      description:
        'All words must occur; each may be the beginning of one. Accents and case do not count; typos are forgiven where nothing is found',
      examples: ['velvet fox'],
    }),
  ),
  from: t.Optional(
    t.String({
      description:
        'Starts then or later, over or not: an instant, or a date in UTC. Without it: what has not ended',
      examples: ['2026-12-01'],
    }),
  ),
  to: t.Optional(
    t.String({ description: 'Starts then or earlier; a date includes its day', examples: ['2026-12-31'] }),
  ),
  sort: t.Optional(
    t.UnionEnum(sorts, { description: 'Default: `starts_at`, with `search` `relevance`. Ties go by id' }),
  ),
  // Not UnionEnum, which takes its first value for the default.
  status: t.Optional(
    t.Union(
      eventStatuses.map((word) => t.Literal(word)),
      {
        description:
          'For a login with the role ADMIN: events of this status, over or not, never cached; pages by `page`',
      },
    ),
  ),
})
