import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import {
  auditOf,
  deleteTicket,
  makeEvent,
  makeShopifyEvent,
  revisionsOf,
  setCapacity,
  shownEvent,
} from '../../admin.ts'
import { addUser, change, countersOf, place, ticketsOf } from '../../sales.ts'
import { scratchTests, sqlStateOf } from '../../scratch.ts'

const check = scratchTests()

/** An event with a ticket of 10 units, of which so many are sold and held. */
async function selling(sql: TransactionSql, { sold = 0, held = 0 } = {}) {
  const event = await makeEvent(sql, { per_user_limit: null })
  const [ticket = 0] = await ticketsOf(sql, event)
  for (const [quantity, isPaid] of [
    [sold, true],
    [held, false],
  ] as const) {
    if (quantity === 0) continue
    const [placed] = await place(sql, event, [{ user: await addUser(sql), items: [[ticket, quantity]] }])
    const order = placed!.body.id
    if (isPaid) await change(sql, event, [{ order, status: 'PAID' }], { actor: 'admin' })
  }
  return { event, ticket }
}

check('more units can be bought, fewer down to what is sold and held, and null is unbounded', async (sql) => {
  const { event, ticket } = await selling(sql, { sold: 3, held: 2 })
  expect(await setCapacity(sql, ticket, 1, 20)).toEqual({ outcome: 'updated', version: 2, min: 5 })
  expect(await countersOf(sql, event)).toEqual({ [ticket]: [2, 3, 15] })
  expect(await setCapacity(sql, ticket, 2, 5)).toEqual({ outcome: 'updated', version: 3, min: 5 })
  expect(await shownEvent(sql, event)).toMatchObject({
    sold_out: true,
    available: 0,
    capacity: 5,
    tickets: [{ version: 3, updated_at: '2026-11-01T12:05:00.000Z' }],
  })
  expect(await setCapacity(sql, ticket, 3, null)).toEqual({ outcome: 'updated', version: 4, min: 5 })
  expect(await shownEvent(sql, event)).toMatchObject({ sold_out: false, available: null, capacity: null })
  expect((await auditOf(sql, `ticket ${ticket}`)).slice(1)).toEqual([
    { actor: 'user 7', action: 'ticket.capacity', before: { capacity: 10 }, after: { capacity: 20 } },
    { actor: 'user 7', action: 'ticket.capacity', before: { capacity: 20 }, after: { capacity: 5 } },
    { actor: 'user 7', action: 'ticket.capacity', before: { capacity: 5 }, after: { capacity: null } },
  ])
})

check('fewer than are sold and held there cannot be, and the least is told', async (sql) => {
  const { event, ticket } = await selling(sql, { sold: 3, held: 2 })
  const before = await revisionsOf(sql, event)
  expect(await setCapacity(sql, ticket, 1, 4)).toEqual({ outcome: 'capacity_below_sold', version: 1, min: 5 })
  expect(await countersOf(sql, event)).toEqual({ [ticket]: [2, 3, 5] })
  expect(await revisionsOf(sql, event)).toEqual(before)
  expect((await auditOf(sql, `ticket ${ticket}`)).length).toBe(1)
})

check('what unpaid orders held until now is free to be taken away', async (sql) => {
  const { event, ticket } = await selling(sql, { sold: 3, held: 2 })
  const now = '2026-11-01T12:10:00Z'
  expect(await setCapacity(sql, ticket, 1, 2, { now })).toMatchObject({
    outcome: 'capacity_below_sold',
    min: 3,
  })
  expect(await setCapacity(sql, ticket, 1, 3, { now })).toMatchObject({ outcome: 'updated', version: 2 })
  expect(await countersOf(sql, event)).toEqual({ [ticket]: [0, 3, 0] })
})

check('a stale version changes nothing, and so does the same request twice', async (sql) => {
  const { event, ticket } = await selling(sql)
  await setCapacity(sql, ticket, 1, 20)
  expect(await setCapacity(sql, ticket, 1, 20)).toEqual({
    outcome: 'version_conflict',
    version: 2,
    min: null,
  })
  const before = await revisionsOf(sql, event)
  expect(await setCapacity(sql, ticket, 2, 20)).toEqual({ outcome: 'updated', version: 2, min: 0 })
  expect(await revisionsOf(sql, event)).toEqual(before)
  expect((await auditOf(sql, `ticket ${ticket}`)).length).toBe(2)
})

check('a flip from or to sold out is told as one, another count as a count', async (sql) => {
  const { event, ticket } = await selling(sql, { sold: 3 })
  const [revision, catalogue] = await revisionsOf(sql, event)
  await setCapacity(sql, ticket, 1, 8)
  await setCapacity(sql, ticket, 2, 3)
  await setCapacity(sql, ticket, 3, 4)
  await setCapacity(sql, ticket, 4, null)
  expect(await revisionsOf(sql, event)).toEqual([revision + 4, catalogue])
})

check('a ticket of Shopify, one that is gone and none are left alone', async (sql) => {
  const [shopify = 0] = await ticketsOf(sql, await makeShopifyEvent(sql))
  const { ticket: removed } = await selling(sql)
  await deleteTicket(sql, removed)
  expect(await setCapacity(sql, shopify, 1, 5)).toEqual({ outcome: 'not_direct', version: 1, min: null })
  expect(await setCapacity(sql, removed, 2, 5)).toEqual({ outcome: 'not_found', version: null, min: null })
  expect(await setCapacity(sql, 999_999, 1, 5)).toEqual({ outcome: 'not_found', version: null, min: null })
})

check('the table refuses a capacity below what is sold, whoever writes it', async (sql) => {
  const { ticket } = await selling(sql, { sold: 3 })
  const state = await sqlStateOf(
    sql,
    (sql) => sql`update onsale.stock set capacity = 2 where ticket_id = ${ticket}`,
  )
  expect(state).toBe('23514')
  expect(await setCapacity(sql, ticket, 1, -1)).toMatchObject({ outcome: 'capacity_below_sold', min: 3 })
})
