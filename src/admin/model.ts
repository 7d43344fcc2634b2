import { Type } from '@sinclair/typebox'
import { type TSchema, t } from 'elysia'
import { eventStatuses } from '../catalog/calls.ts'
import { eventDetails, eventExample, ticket, ticketExample } from '../catalog/model.ts'
import {
  capacityMax,
  descriptionCharsMax,
  eventImagesMax,
  eventTicketsMax,
  eventTitleCharsMax,
  lineCharsMax,
  perUserLimitMax,
  positionMax,
  priceCentsMax,
  urlCharsMax,
} from '../limits.ts'
import { closed, instant, orNull } from '../platform/fields.ts'

// Type.Integer and Type.Boolean where `t` has its own: those take text for a number, which is for queries.

const optional = <T extends TSchema>(schema: T) => t.Optional(schema)
/** Absent stays or is empty, null clears. */
const clearable = <T extends TSchema>(schema: T) => t.Optional(orNull(schema))

// What PostgreSQL cannot keep as text: NUL, and halves of surrogate pairs.
const storable = '(?:[^\\u0000\\ud800-\\udfff]|[\\ud800-\\udbff][\\udc00-\\udfff])'
const text = (maxLength: number) =>
  t.String({
    maxLength,
    pattern: `^${storable}*$`,
    error: `Expected text of at most ${maxLength} characters`,
  })
const line = (maxLength: number) =>
  t.String({
    minLength: 1,
    maxLength,
    pattern: `^(?=[^]*\\S)${storable}+$`,
    error: `Expected text of 1 to ${maxLength} characters`,
  })

const writtenInstant = t.String({
  pattern:
    '^(19|2[0-9])[0-9]{2}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})$',
  error: 'Expected a time like 2026-12-01T19:00:00Z',
  description: 'RFC 3339, to the millisecond',
  examples: ['2026-12-01T19:00:00.000Z'],
})
const version = Type.Integer({
  minimum: 1,
  maximum: 2_147_483_647,
  description: 'The one that was looked at: 409 `version_conflict` where it was changed since',
})
const cents = Type.Integer({ minimum: 0, maximum: priceCentsMax })
const capacity = orNull(Type.Integer({ minimum: 0, maximum: capacityMax }), 'Null: unlimited')

const locationId = optional(
  orNull(
    t.String({
      pattern: '^[1-9][0-9]{0,17}$',
      error: 'Expected the id of a location in Shopify, as text',
      examples: ['655441491'],
    }),
    'Where Shopify keeps the units; default: its only location. Not for the direct channel',
  ),
)

const ticketFields = {
  sku: clearable(line(lineCharsMax)),
  ticket_type: clearable(line(lineCharsMax)),
  compare_at_price_cents: clearable(cents),
  sale_starts_at: clearable(writtenInstant),
  sale_ends_at: clearable(writtenInstant),
  is_visible: optional(Type.Boolean()),
  position: optional(Type.Integer({ minimum: 1, maximum: positionMax })),
}

const newTicket = t.Object(
  { name: line(lineCharsMax), price_cents: cents, capacity, ...ticketFields },
  { ...closed, examples: [{ name: 'General', sku: 'GA-1', price_cents: 2500, capacity: 200 }] },
)

const eventFields = {
  subtitle: clearable(line(eventTitleCharsMax)),
  description: clearable({
    ...text(descriptionCharsMax),
    description: 'HTML; of its tags a small set is kept',
  }),
  category: clearable({ ...line(lineCharsMax), description: 'Kept in lower case' }),
  starts_at: clearable(writtenInstant),
  ends_at: clearable(writtenInstant),
  venue: clearable(
    t.Object({ name: clearable(line(lineCharsMax)), city: clearable(line(lineCharsMax)) }, closed),
  ),
  images: clearable(
    t.Array(
      t.Object(
        {
          url: t.String({
            maxLength: urlCharsMax,
            pattern: '^https?://[\\x21-\\x7e]+$',
            error: 'Expected an address that begins with https:// or http://',
          }),
          alt: clearable(line(lineCharsMax)),
        },
        closed,
      ),
      { maxItems: eventImagesMax },
    ),
  ),
  per_user_limit: clearable(
    Type.Integer({ minimum: 1, maximum: perUserLimitMax, description: 'Absent: 2; null: no limit' }),
  ),
}

export const newEventBody = t.Object(
  {
    channel: optional(
      t.UnionEnum(['direct', 'shopify'], {
        default: 'shopify',
        description: 'Default: `shopify`. `direct`: of the direct channel alone',
      }),
    ),
    title: line(eventTitleCharsMax),
    ...eventFields,
    status: optional(
      t.UnionEnum(eventStatuses, {
        default: 'draft',
        description: 'Default: `draft`',
      }),
    ),
    currency: optional(
      t.String({
        pattern: '^[A-Z]{3}$',
        error: 'Expected an ISO 4217 code like EUR',
        description: "Default: the shop's",
      }),
    ),
    tickets: optional(t.Array(newTicket, { maxItems: eventTicketsMax })),
    location_id: locationId,
  },
  {
    ...closed,
    examples: [
      {
        channel: 'direct',
        title: 'The Velvet Foxes: Midnight Tour',
        starts_at: '2026-12-01T19:00:00Z',
        venue: { name: 'Harbour Hall', city: 'Hamburg' },
        tickets: newTicket.examples,
      },
    ],
  },
)

export const eventChangesBody = t.Object(
  {
    version,
    title: optional(line(eventTitleCharsMax)),
    ...eventFields,
    sales_paused: optional(Type.Boolean({ description: 'True: the direct channel takes no orders for now' })),
  },
  { ...closed, examples: [{ version: 7, title: 'The Velvet Foxes: Last Night of the Tour' }] },
)

export const newTicketBody = t.Object(
  { ...newTicket.properties, location_id: locationId },
  { ...closed, examples: newTicket.examples },
)

export const ticketChangesBody = t.Object(
  { version, name: optional(line(lineCharsMax)), price_cents: optional(cents), ...ticketFields },
  { ...closed, examples: [{ version: 3, price_cents: 2900 }] },
)

export const capacityBody = t.Object(
  { capacity, version, location_id: locationId },
  { ...closed, examples: [{ capacity: 250, version: 3 }] },
)

export const allotmentBody = t.Object(
  {
    units: Type.Integer({
      minimum: 0,
      maximum: capacityMax,
      description: 'How many the direct channel is to have',
    }),
    version,
    location_id: locationId,
  },
  { ...closed, examples: [{ units: 50, version: 3 }] },
)

const directTicketExample = {
  ...ticketExample,
  shopify_variant_id: null,
  channels: { shopify: null, direct: ticketExample.channels.shopify },
  checkout_url: null,
}

export const ticketAnswer = t.Object(ticket.properties, { examples: [directTicketExample] })

export const eventAnswer = t.Object(
  {
    ...eventDetails.properties,
    status: t.UnionEnum(eventStatuses),
    sales_paused: t.Boolean(),
    tickets: t.Array(ticket, { description: 'The hidden ones too' }),
  },
  {
    examples: [
      {
        ...eventExample,
        shopify_product_id: null,
        channels: { shopify: null, direct: { available: 120 } },
        description: '<p>An evening of songs.</p>',
        metafields: {},
        per_user_limit: 2,
        pending_changes: [],
        sales_paused: false,
        tickets: [directTicketExample],
      },
    ],
  },
)

export const queuedAnswer = t.Object(
  { job_id: t.Integer(), status: t.Literal('queued') },
  { examples: [{ job_id: 5, status: 'queued' }] },
)

const sums = { sold: t.Integer(), held: t.Integer(), revenue_cents: t.Integer() }

export const statsAnswer = t.Object(
  {
    event_id: t.Integer(),
    ...sums,
    currency: t.String(),
    tickets: t.Array(t.Object({ ticket_id: t.Integer(), name: t.String(), ...sums })),
    days: t.Array(
      t.Object({ day: t.String({ format: 'date' }), sold: t.Integer(), revenue_cents: t.Integer() }),
    ),
    top_minute: orNull(t.Object({ minute: instant, units: t.Integer() })),
  },
  {
    examples: [
      {
        event_id: 42,
        sold: 80,
        held: 2,
        revenue_cents: 200_000,
        currency: 'EUR',
        tickets: [{ ticket_id: 7, name: 'General', sold: 80, held: 2, revenue_cents: 200_000 }],
        days: [{ day: '2026-11-20', sold: 80, revenue_cents: 200_000 }],
        top_minute: { minute: '2026-11-20T09:00:00.000Z', units: 60 },
      },
    ],
  },
)
