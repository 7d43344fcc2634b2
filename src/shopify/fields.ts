import type { Metafield, NewEvent, NewEventTicket, NewTicket, TicketChange } from './documents.ts'
import { decimalText } from './money.ts'

// What an admin says of events and tickets, as jobs keep it, and what Shopify calls it. What sql/functions/intake reads of a
// product's body is the other half of this.

export type TicketRequest = {
  name: string
  sku?: string | null
  ticket_type?: string | null
  price_cents: number
  compare_at_price_cents?: number | null
  /** Null: it is not counted. */
  capacity: number | null
  position?: number
}

export type EventRequest = EventChanges & {
  title: string
  status: 'draft' | 'active' | 'archived' | 'unlisted'
  images?: readonly { url: string; alt?: string | null }[] | null
  tickets: readonly TicketRequest[]
}

/** What is left out stays, null takes away. */
export type EventChanges = {
  title?: string
  subtitle?: string | null
  description?: string | null
  category?: string | null
  starts_at?: string | null
  ends_at?: string | null
  venue?: { name?: string | null; city?: string | null } | null
  per_user_limit?: number | null
}

export type TicketChanges = {
  name?: string
  sku?: string | null
  price_cents?: number
  compare_at_price_cents?: number | null
}

/** What makes a product of the shop an event: the settings SHOPIFY_EVENT_TAG and SHOPIFY_EVENT_TYPE. */
export type EventMarks = { eventTag: string | null; eventType: string | null }

/** The name of the choice between the tickets of an event that is made here. */
const ticketOption = 'Ticket'

/** A product with all of its variants; the tickets in the order of their places. */
export function newEventOf(
  event: EventRequest,
  {
    handle,
    currency,
    locationId,
    marks,
  }: { handle: string; currency: string; locationId: string | null; marks: EventMarks },
): NewEvent {
  const tickets = [...event.tickets].sort((one, other) => placeOf(one) - placeOf(other))
  const images = event.images ?? []
  return {
    handle,
    title: event.title,
    descriptionHtml: event.description ?? '',
    productType: marks.eventType ?? event.category ?? '',
    tags: marks.eventTag === null ? [] : [marks.eventTag],
    status: statuses[event.status],
    metafields: metafieldsOf(event).set,
    ...(images.length === 0 ? {} : { files: images.map(imageOf) }),
    productOptions: [{ name: ticketOption, position: 1, values: tickets.map(({ name }) => ({ name })) }],
    variants: tickets.map((ticket, nth) => ({
      ...ticketOf(ticket, { currency, optionName: ticketOption }),
      position: nth + 1,
      ...(ticket.capacity === null || locationId === null
        ? {}
        : { inventoryQuantities: [{ locationId, name: 'available', quantity: ticket.capacity }] }),
    })),
  }
}

/** A variant that is added to a product whose choice has that name. */
export function newTicketOf(
  ticket: TicketRequest,
  { currency, locationId, optionName }: { currency: string; locationId: string | null; optionName: string },
): NewTicket {
  return {
    ...ticketOf(ticket, { currency, optionName }),
    ...(ticket.capacity === null || locationId === null
      ? {}
      : { inventoryQuantities: [{ locationId, availableQuantity: ticket.capacity }] }),
  }
}

/** What of a variant is changed. */
export function ticketChangeOf(
  changes: TicketChanges,
  { id, currency, optionName }: { id: string; currency: string; optionName: string },
): TicketChange {
  const { name, sku, price_cents: price, compare_at_price_cents: compareAtPrice } = changes
  return {
    id,
    ...(name === undefined ? {} : { optionValues: [{ optionName, name }] }),
    ...(price === undefined ? {} : { price: decimalText(price, currency) }),
    ...(compareAtPrice === undefined
      ? {}
      : { compareAtPrice: compareAtPrice === null ? null : decimalText(compareAtPrice, currency) }),
    ...(sku === undefined ? {} : { inventoryItem: { sku: sku ?? '' } }),
  }
}

/** What of a product is changed, and the keys of metafields that go. */
export function eventChangeOf(changes: EventChanges, marks: EventMarks) {
  const { title, description, category } = changes
  const { set, gone } = metafieldsOf(changes)
  return {
    fields: {
      ...(title === undefined ? {} : { title }),
      ...(description === undefined ? {} : { descriptionHtml: description ?? '' }),
      ...(category === undefined ? {} : { productType: marks.eventType ?? category ?? '' }),
      ...(set.length === 0 ? {} : { metafields: set }),
    },
    gone,
  }
}

/** The namespace of the metafields that the intake reads. */
export const metafieldNamespace = 'onsale'

function metafieldsOf(event: EventChanges): { set: Metafield[]; gone: string[] } {
  const values = {
    subtitle: ['single_line_text_field', event.subtitle],
    starts_at: ['date_time', event.starts_at && secondOf(event.starts_at)],
    ends_at: ['date_time', event.ends_at && secondOf(event.ends_at)],
    venue: ['json', event.venue && JSON.stringify(event.venue)],
    per_user_limit: ['number_integer', event.per_user_limit?.toString() ?? event.per_user_limit],
  } as const
  const given = Object.entries(values)
  return {
    set: given.flatMap(([key, [type, value]]) =>
      typeof value === 'string' ? [{ namespace: metafieldNamespace, key, type, value }] : [],
    ),
    gone: given.flatMap(([key, [, value]]) => (value === null ? [key] : [])),
  }
}

/** Shopify keeps instants in UTC, without fractions. */
function secondOf(instant: string): string {
  return `${new Date(instant).toISOString().slice(0, 19)}Z`
}

function ticketOf(
  { name, sku, price_cents, compare_at_price_cents: compareAtPrice, capacity }: TicketRequest,
  { currency, optionName }: { currency: string; optionName: string },
): Pick<NewEventTicket, 'optionValues' | 'price' | 'compareAtPrice' | 'inventoryPolicy' | 'inventoryItem'> {
  return {
    optionValues: [{ optionName, name }],
    price: decimalText(price_cents, currency),
    ...(compareAtPrice == null ? {} : { compareAtPrice: decimalText(compareAtPrice, currency) }),
    inventoryPolicy: 'DENY',
    // Nothing is sent by post.
    inventoryItem: { sku: sku ?? '', tracked: capacity !== null, requiresShipping: false },
  }
}

function imageOf({ url, alt }: { url: string; alt?: string | null }) {
  return { originalSource: url, contentType: 'IMAGE' as const, ...(alt == null ? {} : { alt }) }
}

function placeOf({ position }: TicketRequest): number {
  return position ?? Number.MAX_SAFE_INTEGER
}

const statuses = { draft: 'DRAFT', active: 'ACTIVE', archived: 'ARCHIVED', unlisted: 'UNLISTED' } as const
