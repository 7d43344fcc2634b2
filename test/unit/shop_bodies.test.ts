import { expect, test } from 'bun:test'
import {
  eventChangesForShop,
  eventForShop,
  ticketChangesForShop,
  ticketForShop,
} from '../../src/admin/shop_bodies.ts'
import { AppError } from '../../src/errors.ts'

// Over HTTP, and with a shop whose products are of any type: test/http/shopify_writes.test.ts.

const shop = { currency: 'EUR', eventType: 'Concert' }
const general = { name: 'General', price_cents: 2500, capacity: 10 }

/** Where a body is refused; empty: it is not. */
function pathsOf(work: () => unknown): string[] {
  try {
    work()
    return []
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return (error.errors ?? []).map(({ path }) => path)
  }
}

test('where a type makes a product an event, an event has no other category', () => {
  const made = (category?: string | null) => () =>
    eventForShop({ title: 'A', tickets: [general], ...(category === undefined ? {} : { category }) }, shop)
  const changed = (category: string | null) => () => eventChangesForShop({ category }, shop)
  for (const right of [made(), made(null), made('Concert'), made('concert'), changed('CONCERT')]) {
    expect(pathsOf(right)).toEqual([])
  }
  for (const wrong of [made('talk'), changed('talk'), changed(null)]) {
    expect(pathsOf(wrong)).toEqual(['/category'])
  }
  expect(pathsOf(() => eventChangesForShop({ category: null }, { ...shop, eventType: null }))).toEqual([])
})

test('of a ticket stays what Shopify keeps, and what says nothing new is passed over', () => {
  const said = { ticket_type: 'General', is_visible: true, sale_starts_at: null, sale_ends_at: null }
  expect(ticketForShop({ ...general, ...said, sku: 'GA', compare_at_price_cents: 3000 })).toEqual({
    ...general,
    sku: 'GA',
    compare_at_price_cents: 3000,
    position: undefined,
  })
  expect(ticketChangesForShop({ name: 'VIP', ticket_type: 'VIP', sku: null, is_visible: true })).toEqual({
    name: 'VIP',
    sku: null,
  })
})

test('a type that is not the name cannot be said alone', () => {
  expect(pathsOf(() => ticketChangesForShop({ ticket_type: 'VIP' }))).toEqual(['/ticket_type'])
  expect(pathsOf(() => ticketChangesForShop({ name: 'VIP', ticket_type: null }))).toEqual(['/ticket_type'])
})
