import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { addEvent, type TestTicket, tell } from '../../catalog.ts'
import { apply, delivery, level, product, variant } from '../../deliveries.ts'
import { backCounters } from '../../sales.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

type Card = Record<string, unknown> & { id: number; sold_out: boolean }

async function cardsOf(sql: TransactionSql, ids: number[]): Promise<Card[]> {
  const rows = await sql<{ card: Card }[]>`
    select row_to_json(c) as card from api.list_event_cards(p_event_ids => ${`{${ids}}`}::text::bigint[]) c`
  return rows.map(({ card }) => card)
}

async function cardOf(sql: TransactionSql, tickets: TestTicket[]): Promise<Card> {
  const [card] = await cardsOf(sql, [await addEvent(sql, { tickets })])
  return card!
}

const left = (count: number): TestTicket => ({ direct: { capacity: count + 5, sold: 5 } })
const unlimited: TestTicket = { direct: { capacity: null, sold: 2 } }
const held: TestTicket = { direct: { capacity: 5, sold: 3, held: 2 } }
const oversell = (ticket: TestTicket): TestTicket => ({ ...ticket, isOversellAllowed: true })

check('a card sums the visible tickets and names the lowest price', async (sql) => {
  const card = await cardOf(sql, [
    { direct: { capacity: 100, sold: 40, held: 10 }, price: 3000 },
    { direct: { capacity: 20, sold: 1 }, price: 1500 },
    { direct: { capacity: 500, sold: 5 }, price: 100, isVisible: false },
    { direct: { capacity: 500, sold: 5 }, price: 200, isRemoved: true },
  ])
  expect(card).toMatchObject({
    title: 'Rock Night',
    category: 'concert',
    status: 'active',
    starts_at: '2098-06-01T19:00:00.000Z',
    ends_at: null,
    venue: { name: 'Harbour Hall', city: 'Hamburg' },
    images: [],
    currency: 'EUR',
    price_from_cents: 1500,
    capacity: 120,
    sold: 41,
    available: 69,
    sold_out: false,
    channels: { shopify: null, direct: { available: 69 } },
    version: 1,
    revision: 1,
  })
})

for (const [what, tickets, isSoldOut] of [
  ['something is left of one ticket', [left(0), left(1)], false],
  ['nothing is left of any ticket', [left(0), left(0)], true],
  ['what is left is held by others', [held], true],
  ['one ticket is unlimited', [left(0), unlimited], false],
  ['the only ticket is unlimited', [unlimited], false],
  ['one ticket may be oversold', [left(0), oversell(left(0))], false],
  ['the ticket that may be oversold is hidden', [left(0), { ...oversell(left(0)), isVisible: false }], true],
  ['the ticket with something left is hidden', [left(0), { ...left(9), isVisible: false }], true],
  ['a ticket was never put on sale in any channel', [{ direct: null }], true],
  ['no ticket is visible', [{ ...left(0), isVisible: false }], false],
  ['there is no ticket', [], false],
] as [string, TestTicket[], boolean][]) {
  check(`${isSoldOut ? 'sold out' : 'not sold out'} where ${what}`, async (sql) => {
    expect((await cardOf(sql, tickets)).sold_out).toBe(isSoldOut)
  })
}

check('one unlimited ticket makes the sums unlimited, but not what is sold', async (sql) => {
  expect(await cardOf(sql, [left(3), unlimited])).toMatchObject({
    available: null,
    capacity: null,
    sold: 7,
    channels: { shopify: null, direct: { available: null } },
  })
})

check('without a visible ticket there is nothing, and no price', async (sql) => {
  expect(await cardOf(sql, [])).toMatchObject({
    available: 0,
    capacity: 0,
    sold: 0,
    price_from_cents: null,
    channels: { shopify: null, direct: null },
  })
})

check('a ticket that is oversold takes nothing from the others', async (sql) => {
  await apply(
    sql,
    delivery('products/create', product({ variants: [variant(), variant({ id: 12 })] })),
    delivery('inventory_levels/update', level(-30)),
    delivery('inventory_levels/update', level(8, { inventory_item_id: 1012 })),
  )
  const [row] = await sql<{ id: number }[]>`select id::integer from onsale.events`
  expect((await cardsOf(sql, [row!.id]))[0]).toMatchObject({
    shopify_product_id: '1',
    available: 8,
    sold_out: false,
    channels: { shopify: { available: 8 }, direct: null },
  })
  await apply(
    sql,
    delivery(
      'inventory_levels/update',
      level(-1, { inventory_item_id: 1012, updated_at: '2026-11-02T11:00:00+01:00' }),
    ),
  )
  expect((await cardsOf(sql, [row!.id]))[0]).toMatchObject({ available: 0, sold_out: true })
})

check('each channel tells what is left in it, and one unlimited does not hide the other', async (sql) => {
  await apply(sql, delivery('products/create', product()), delivery('inventory_levels/update', level(20)))
  const [row] = await sql<{ id: number }[]>`select id::integer from onsale.events`
  await sql`
    insert into onsale.stock (event_id, ticket_id, channel, capacity, sold)
    select t.event_id, t.id, 'direct', null, 3 from onsale.tickets t`
  await backCounters(sql)
  const cards = await cardsOf(sql, [row!.id])
  expect(cards[0]).toMatchObject({
    available: null,
    sold_out: false,
    channels: { shopify: { available: 20 }, direct: { available: null } },
  })
  await sql`update onsale.stock set capacity = 10 where channel = 'direct'`
  expect((await cardsOf(sql, [row!.id]))[0]).toMatchObject({
    available: 27,
    capacity: 30,
    channels: { shopify: { available: 20 }, direct: { available: 7 } },
  })
})

check('whoever calls decides what is public: cards are made of any event that there is', async (sql) => {
  const ids = [await addEvent(sql, { status: 'draft' }), await addEvent(sql, { deletedAt: '2026-01-01' })]
  expect((await cardsOf(sql, [...ids, 4_711_000])).map(({ id }) => id).sort()).toEqual(ids)
  expect(await cardsOf(sql, [])).toEqual([])
})

check('a card tells the newest revision', async (sql) => {
  const id = await addEvent(sql)
  await tell(sql, { changed: [id] })
  await tell(sql, { changed: [id] })
  expect((await cardsOf(sql, [id]))[0]!.revision).toBe(3)
})

for (const [venue, shown] of [
  [
    { name: 'Hall', city: 'Köln', country: 'DE' },
    { name: 'Hall', city: 'Köln' },
  ],
  [{ city: 'Köln' }, { name: null, city: 'Köln' }],
  ['Hall', null],
  [['Hall'], null],
] as const) {
  check(`the venue ${JSON.stringify(venue)} is shown as ${JSON.stringify(shown)}`, async (sql) => {
    const [card] = await cardsOf(sql, [await addEvent(sql, { venue })])
    expect(card!.venue).toEqual(shown)
  })
}
