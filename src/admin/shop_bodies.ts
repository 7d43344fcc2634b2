import { type AppError, type Fault, refusalOfFaults } from '../errors.ts'
import type { EventChanges, NewEvent, NewTicket, TicketChanges } from './calls.ts'

// Bodies as Shopify can take them. What a product or a variant has no place for is refused by name, and at once: the job would
// come to the same, when nobody looks any more. What the intake reads of a product's body is the other half of this
// (sql/functions/intake/apply_shopify_products.sql, apply_shopify_variants.sql), as is what the jobs write.

/** The shop that writes go to. `eventType`: what its products must be of to be events; null: any. */
export type Shop = { currency: string; eventType: string | null }

/** A new event as a job keeps it. Refuses as `validation_failed`. */
export function eventForShop(event: NewEvent, shop: Shop): Record<string, unknown> {
  const { currency, tickets = [], status = 'draft', ...fields } = event
  const faults = [
    ...faultsOfEvent({ ...fields, category: fields.category ?? undefined }, shop),
    ...(currency === undefined || currency === shop.currency
      ? []
      : [{ path: '/currency', message: `Expected ${shop.currency}: the shop has one currency` }]),
    ...(tickets.length > 0
      ? []
      : [{ path: '/tickets', message: 'Expected at least one ticket: Shopify has no event without' }]),
    ...tickets.flatMap((ticket, nth) => [
      ...faultsOfNewTicket(ticket, `/tickets/${nth}`),
      ...(tickets.findIndex(({ name }) => name === ticket.name) < nth
        ? [{ path: `/tickets/${nth}/name`, message: 'Expected a name that no other ticket of the event has' }]
        : []),
    ]),
  ]
  refuse(faults)
  return { ...fields, status, tickets: tickets.map(ticketOf) }
}

/** Changes of an event as a job keeps them. Refuses as `validation_failed`. */
export function eventChangesForShop(changes: EventChanges, shop: Shop): EventChanges {
  refuse([
    ...faultsOfEvent(changes, shop),
    ...(changes.images === undefined ? [] : [{ path: '/images', message: 'Images are changed in Shopify' }]),
    ...(changes.sales_paused === undefined
      ? []
      : [
          {
            path: '/sales_paused',
            message: 'Expected it alone: it is not for Shopify, and changes at once',
          },
        ]),
  ])
  return changes
}

/** A new ticket as a job keeps it. Refuses as `validation_failed`. */
export function ticketForShop(ticket: NewTicket): Record<string, unknown> {
  refuse([
    ...faultsOfNewTicket(ticket),
    ...(ticket.position == null
      ? []
      : [{ path: '/position', message: 'Shopify puts a new ticket behind the others' }]),
  ])
  return ticketOf(ticket)
}

/** Changes of a ticket as a job keeps them. Refuses as `validation_failed`. */
export function ticketChangesForShop(changes: TicketChanges): TicketChanges {
  const { ticket_type, position, sale_starts_at: _, sale_ends_at: __, is_visible: ___, ...fields } = changes
  refuse([
    ...faultsOfTicket(changes),
    ...(ticket_type === undefined || ticket_type === changes.name ? [] : [typeIsName('/ticket_type')]),
    ...(position === undefined
      ? []
      : [{ path: '/position', message: 'The order of tickets is changed in Shopify' }]),
  ])
  if (Object.keys(fields).length === 0) refuse([{ path: '/', message: 'Expected a field to change' }])
  return fields
}

/** What is answered where a location is named for what is of the direct channel alone. */
export function noLocation(): AppError {
  const message = 'Expected none: what is of the direct channel alone is at no location'
  return refusalOfFaults('validation_failed', [{ path: '/location_id', message }])
}

type Marked = { category?: string | null | undefined; per_user_limit?: number | null }

function faultsOfEvent({ category, per_user_limit }: Marked, { eventType }: Shop): Fault[] {
  const isMarked =
    category === undefined || eventType === null || category?.toLowerCase() === eventType.toLowerCase()
  return [
    ...(isMarked
      ? []
      : [{ path: '/category', message: `Expected ${eventType}: it makes a product of this shop an event` }]),
    ...(per_user_limit === null
      ? [{ path: '/per_user_limit', message: 'Expected a number: in Shopify none means 2' }]
      : []),
  ]
}

function faultsOfNewTicket(ticket: NewTicket, path = ''): Fault[] {
  const { ticket_type } = ticket
  return [
    ...faultsOfTicket(ticket, path),
    ...(ticket_type == null || ticket_type === ticket.name ? [] : [typeIsName(`${path}/ticket_type`)]),
  ]
}

function faultsOfTicket(ticket: TicketChanges, path = ''): Fault[] {
  const { sale_starts_at, sale_ends_at, is_visible } = ticket
  return [
    ...Object.entries({ sale_starts_at, sale_ends_at }).flatMap(([field, time]) =>
      time == null ? [] : [{ path: `${path}/${field}`, message: 'When a ticket is sold is said in Shopify' }],
    ),
    ...(is_visible === false
      ? [{ path: `${path}/is_visible`, message: 'Shopify has no ticket that is hidden' }]
      : []),
  ]
}

function typeIsName(path: string): Fault {
  return { path, message: 'Expected what its name is: in Shopify they are one' }
}

function ticketOf({ name, sku, price_cents, compare_at_price_cents, capacity, position }: NewTicket) {
  return {
    name,
    sku,
    price_cents,
    compare_at_price_cents,
    capacity: capacity ?? null,
    position: position ?? undefined,
  }
}

function refuse(faults: Fault[]): void {
  if (faults.length > 0) throw refusalOfFaults('validation_failed', faults)
}
