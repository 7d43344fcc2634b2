import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { addEvent } from '../../catalog.ts'
import { apply, delivery, level, order, product } from '../../deliveries.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

async function cardsOf(sql: TransactionSql): Promise<string[]> {
  const rows = await sql<{ card: string }[]>`
    select api.get_stock_card(s)::text as card from onsale.stock s order by s.ticket_id`
  return rows.map(({ card }) => card)
}

check('a channel has four counters, in the order of the contract', async (sql) => {
  await addEvent(sql, { tickets: [{ direct: { capacity: 9, sold: 4, held: 2 } }] })
  expect(await cardsOf(sql)).toEqual(['{"capacity":9,"sold":4,"held":2,"available":3}'])
})

check('a channel that does not sell the ticket is null', async (sql) => {
  const rows = await sql`
    select api.get_stock_card(s) as card
    from (select) o
    left join onsale.stock s on false
    union all
    select api.get_stock_card(null)`
  expect([...rows]).toEqual([{ card: null }, { card: null }])
})

check('null is unlimited, and not 0', async (sql) => {
  await addEvent(sql, { tickets: [{ direct: { capacity: null, sold: 4 } }] })
  expect(await cardsOf(sql)).toEqual(['{"capacity":null,"sold":4,"held":0,"available":null}'])
})

check('what Shopify oversold shows as 0 left', async (sql) => {
  await apply(
    sql,
    delivery('products/create', product()),
    delivery('inventory_levels/update', level(-3)),
    delivery('orders/create', order({ created_at: '2026-11-01T09:00:00Z' })),
  )
  expect(await cardsOf(sql)).toEqual(['{"capacity":-2,"sold":1,"held":0,"available":0}'])
})
