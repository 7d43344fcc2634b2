import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { addEvent, addTicket } from '../../catalog.ts'
import { apply, delivery, level, product, variant } from '../../deliveries.ts'
import { backCounters } from '../../sales.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

/** Capacity, sold, held and available of each, by id. */
async function countsOf(
  sql: TransactionSql,
  eventId: number,
  { withHidden = false } = {},
): Promise<(number | null)[][]> {
  const rows = await sql<{ counts: (number | null)[] }[]>`
    select json_build_array(v.capacity, v.sold, v.held, v.available) as counts
    from api.list_stocked_tickets(p_event_id => ${eventId}, p_with_hidden => ${withHidden}) v
    order by (v.ticket).id`
  return rows.map(({ counts }) => counts)
}

/** An event of Shopify with one ticket of which this many are left, and as many in the direct channel as are given. */
async function addShared(sql: TransactionSql, left: number, direct: number | null, sold = 0, held = 0) {
  await apply(sql, delivery('products/create', product()), delivery('inventory_levels/update', level(left)))
  const [row] = await sql<{ event_id: number }[]>`
    insert into onsale.stock (event_id, ticket_id, channel, capacity, sold, held)
    select t.event_id, t.id, 'direct', ${direct}, ${sold}, ${held} from onsale.tickets t
    returning event_id::integer`
  await backCounters(sql)
  return row!.event_id
}

check('both channels of a ticket are summed, and shown one by one', async (sql) => {
  const id = await addShared(sql, 20, 10, 3, 2)
  expect(await countsOf(sql, id)).toEqual([[30, 3, 2, 25]])
  const [row] = await sql`
    select (v.shopify).available::integer as shopify, (v.direct).available::integer as direct
    from api.list_stocked_tickets(p_event_id => ${id}, p_with_hidden => false) v`
  expect(row).toEqual({ shopify: 20, direct: 5 })
})

check('a channel that does not sell the ticket is null', async (sql) => {
  const id = await addEvent(sql)
  const [row] = await sql`
    select (v.shopify).ticket_id is null as has_no_shopify, (v.direct).ticket_id is null as has_no_direct
    from api.list_stocked_tickets(p_event_id => ${id}, p_with_hidden => false) v`
  expect(row).toEqual({ has_no_shopify: true, has_no_direct: false })
})

check('hidden and removed tickets, and those of other events, are left out', async (sql) => {
  const id = await addEvent(sql, { tickets: [{ isVisible: false }, { isRemoved: true }] })
  await addEvent(sql)
  expect(await countsOf(sql, id)).toEqual([])
  await addTicket(sql, id)
  expect(await countsOf(sql, id)).toEqual([[100, 0, 0, 100]])
  expect(await countsOf(sql, 4_711_000)).toEqual([])
})

check('hidden tickets are there where they are asked for, removed ones never', async (sql) => {
  const id = await addEvent(sql, {
    tickets: [{}, { isVisible: false, direct: { capacity: 7, sold: 2 } }, { isRemoved: true }],
  })
  expect(await countsOf(sql, id, { withHidden: true })).toEqual([
    [100, 0, 0, 100],
    [7, 2, 0, 5],
  ])
})

check('where one channel is not tracked the ticket is unlimited', async (sql) => {
  const id = await addShared(sql, 20, null, 3)
  expect(await countsOf(sql, id)).toEqual([[null, 3, 0, null]])
})

check('what Shopify oversold does not eat what is left in the direct channel', async (sql) => {
  const id = await addShared(sql, -7, 10, 4)
  expect(await countsOf(sql, id)).toEqual([[3, 4, 0, 6]])
})

check('a ticket without any counter has nothing left', async (sql) => {
  const id = await addEvent(sql, { tickets: [{ direct: null }] })
  expect(await countsOf(sql, id)).toEqual([[0, 0, 0, 0]])
})

check('a variant that the product no longer lists goes, and its sales stay in the books', async (sql) => {
  await apply(sql, delivery('products/create', product({ variants: [variant(), variant({ id: 12 })] })))
  await apply(
    sql,
    delivery('products/update', product({ variants: [variant()], updated_at: '2026-11-02T10:00:00Z' })),
  )
  const [row] = await sql<{ id: number }[]>`select id::integer from onsale.events`
  expect(await countsOf(sql, row!.id)).toHaveLength(1)
  expect(await sql`select from onsale.stock`).toHaveLength(2)
})
