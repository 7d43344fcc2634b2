import { expect } from 'bun:test'
import {
  auditOf,
  deleteEvent,
  makeEvent,
  makeShopifyEvent,
  makeTicket,
  revisionsOf,
  shownEvent,
} from '../../admin.ts'
import { countersOf, ticketsOf } from '../../sales.ts'
import { scratchTests, sqlStateOf } from '../../scratch.ts'

const check = scratchTests()
const vip = { name: 'VIP', sku: 'VIP-1', price_cents: 9000, capacity: 20 }

check('a ticket is added behind the others, with its counters, and every cache hears of it', async (sql) => {
  const event = await makeEvent(sql)
  const [first = 0] = await ticketsOf(sql, event)
  const [revision, catalogue] = await revisionsOf(sql, event)
  const { outcome, id } = await makeTicket(sql, event, vip)
  expect(outcome).toBe('applied')
  expect(await countersOf(sql, event)).toEqual({ [first]: [0, 0, 10], [id!]: [0, 0, 20] })
  expect(await shownEvent(sql, event)).toMatchObject({
    capacity: 30,
    version: 1,
    tickets: [{ id: first }, { id, name: 'VIP', sku: 'VIP-1', price_cents: 9000, position: 2, version: 1 }],
  })
  expect(await revisionsOf(sql, event)).toEqual([revision + 1, catalogue + 1])
  expect(await auditOf(sql, `ticket ${id}`)).toMatchObject([
    { actor: 'user 7', action: 'ticket.create', after: { event_id: event, name: 'VIP', capacity: 20 } },
  ])
})

check('no ticket is added to an event of Shopify, a deleted one, or none', async (sql) => {
  const shopify = await makeShopifyEvent(sql)
  const deleted = await makeEvent(sql)
  await deleteEvent(sql, deleted)
  const before = await revisionsOf(sql, shopify)
  expect(await makeTicket(sql, shopify, vip)).toEqual({ outcome: 'not_direct', id: null })
  expect(await makeTicket(sql, deleted, vip)).toEqual({ outcome: 'not_found', id: null })
  expect(await makeTicket(sql, 999_999, vip)).toEqual({ outcome: 'not_found', id: null })
  expect((await ticketsOf(sql, shopify)).length).toBe(1)
  expect(await revisionsOf(sql, shopify)).toEqual(before)
})

check('a second call adds a second ticket; an impossible one is refused by the table', async (sql) => {
  const event = await makeEvent(sql)
  const first = await makeTicket(sql, event, vip)
  expect((await makeTicket(sql, event, vip)).id).not.toBe(first.id)
  expect(await sqlStateOf(sql, (sql) => makeTicket(sql, event, { ...vip, price_cents: -1 }))).toBe('23514')
  expect(await sqlStateOf(sql, (sql) => makeTicket(sql, event, { ...vip, capacity: -1 }))).toBe('23514')
  expect((await ticketsOf(sql, event)).length).toBe(3)
})
