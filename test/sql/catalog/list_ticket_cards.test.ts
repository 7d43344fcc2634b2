import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { addEvent, addTicket } from '../../catalog.ts'
import { apply, delivery, product, variant } from '../../deliveries.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

async function cardsOf(
  sql: TransactionSql,
  eventId: number,
  { withHidden = false } = {},
): Promise<Record<string, unknown>[]> {
  const rows = await sql<{ card: Record<string, unknown> }[]>`
    select c.card from api.list_ticket_cards(p_event_id => ${eventId}, p_with_hidden => ${withHidden}) c
    order by c.ticket_position, c.ticket_id`
  return rows.map(({ card }) => card)
}

check('a ticket tells its price, its window and its counters', async (sql) => {
  const id = await addEvent(sql, { tickets: [] })
  const ticketId = await addTicket(sql, id, {
    name: 'Balcony',
    price: 4200,
    position: 3,
    direct: { capacity: 9, sold: 4, held: 2 },
    saleStartsAt: '2026-11-01T10:00:00+01:00',
  })
  const counts = { capacity: 9, sold: 4, held: 2, available: 3 }
  expect((await cardsOf(sql, id))[0]).toMatchObject({
    id: ticketId,
    event_id: id,
    shopify_variant_id: null,
    name: 'Balcony',
    price_cents: 4200,
    compare_at_price_cents: null,
    currency: 'EUR',
    is_visible: true,
    position: 3,
    sale_starts_at: '2026-11-01T09:00:00.000Z',
    sale_ends_at: null,
    features: [],
    restrictions: {},
    ...counts,
    channels: { shopify: null, direct: counts },
    oversell_allowed: false,
    checkout_url: null,
    version: 1,
  })
})

check('a ticket of Shopify can be checked out there, and its ids are strings', async (sql) => {
  await apply(
    sql,
    delivery(
      'products/create',
      product({
        variants: [
          variant({ title: 'Default Title', option1: 'Default Title', inventory_policy: 'continue' }),
        ],
      }),
    ),
  )
  const [row] = await sql<{ id: number }[]>`select id::integer from onsale.events`
  expect((await cardsOf(sql, row!.id))[0]).toMatchObject({
    shopify_variant_id: '11',
    name: 'Rock Night',
    sku: 'SKU-11',
    oversell_allowed: true,
    checkout_url: 'https://demo.myshopify.com/cart/11:1',
  })
})

check(
  'a Shopify ticket of no known shop has no checkout',
  async (sql) => {
    await apply(sql, delivery('products/create', product()))
    const [row] = await sql<{ id: number }[]>`update onsale.events set shop = '' returning id::integer`
    expect((await cardsOf(sql, row!.id))[0]!.checkout_url).toBeNull()
  },
  { isVerified: false },
)

check('hidden and removed tickets have no card, but hidden ones where they are asked for', async (sql) => {
  const id = await addEvent(sql, { tickets: [{ name: 'Secret', isVisible: false }, { isRemoved: true }] })
  expect(await cardsOf(sql, id)).toEqual([])
  expect(await cardsOf(sql, id, { withHidden: true })).toMatchObject([{ name: 'Secret', is_visible: false }])
})
