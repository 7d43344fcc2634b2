import { expect } from 'bun:test'
import {
  auditOf,
  deleteEvent,
  deleteTicket,
  makeEvent,
  makeShopifyEvent,
  revisionsOf,
  shownEvent,
} from '../../admin.ts'
import { addUser, change, countersOf, place, ticketsOf } from '../../sales.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()
const tickets = [
  { name: 'General', price_cents: 2500, capacity: 10 },
  { name: 'VIP', price_cents: 9000, capacity: 5 },
]

check('a ticket that is taken out is neither shown nor sold, the others are', async (sql) => {
  const event = await makeEvent(sql, { tickets })
  const [general = 0, vip = 0] = await ticketsOf(sql, event)
  const [revision, catalogue] = await revisionsOf(sql, event)
  expect(await deleteTicket(sql, vip, { version: 1 })).toEqual({ outcome: 'cancelled', version: 2 })
  expect(await shownEvent(sql, event)).toMatchObject({ capacity: 10, tickets: [{ id: general }] })
  const user = await addUser(sql)
  const placed = await place(sql, event, [
    { user, items: [[vip, 1]] },
    { user, items: [[general, 1]] },
  ])
  expect(placed.map(({ outcome }) => outcome)).toEqual(['unknown_ticket', 'placed'])
  // The order that was placed counts too.
  expect(await revisionsOf(sql, event)).toEqual([revision + 2, catalogue + 1])
  expect((await auditOf(sql, `ticket ${vip}`)).slice(1)).toEqual([
    { actor: 'user 7', action: 'ticket.delete', before: { is_removed: false }, after: { is_removed: true } },
  ])
})

check(
  'a second call finds nothing; neither does one for a ticket of a deleted event, or none',
  async (sql) => {
    const [ticket = 0] = await ticketsOf(sql, await makeEvent(sql))
    const event = await makeEvent(sql)
    const [orphan = 0] = await ticketsOf(sql, event)
    await deleteTicket(sql, ticket)
    await deleteEvent(sql, event)
    for (const id of [ticket, orphan, 999_999]) {
      expect(await deleteTicket(sql, id)).toEqual({ outcome: 'not_found', version: null })
    }
  },
)

check('a stale version takes nothing out, and nothing of Shopify is taken out here', async (sql) => {
  const [ticket = 0] = await ticketsOf(sql, await makeEvent(sql))
  const [shopify = 0] = await ticketsOf(sql, await makeShopifyEvent(sql))
  expect(await deleteTicket(sql, ticket, { version: 2 })).toEqual({ outcome: 'version_conflict', version: 1 })
  expect(await deleteTicket(sql, shopify)).toEqual({ outcome: 'not_direct', version: 1 })
})

check('a ticket stays while somebody holds or has bought it; orders of another do not count', async (sql) => {
  const event = await makeEvent(sql, { tickets })
  const [general = 0, vip = 0] = await ticketsOf(sql, event)
  const [held, bought] = await place(sql, event, [
    { user: await addUser(sql), items: [[general, 1]] },
    { user: await addUser(sql), items: [[general, 1]] },
  ])
  await change(sql, event, [{ order: bought!.body.id, status: 'PAID' }], { actor: 'admin' })
  expect((await deleteTicket(sql, vip)).outcome).toBe('cancelled')
  expect(await deleteTicket(sql, general)).toEqual({ outcome: 'has_live_orders', version: 1 })
  await change(sql, event, [{ order: held!.body.id, status: 'CANCELLED' }], { actor: 'admin' })
  expect((await deleteTicket(sql, general)).outcome).toBe('has_live_orders')
  await change(sql, event, [{ order: bought!.body.id, status: 'REFUND_DUE' }], { actor: 'admin' })
  expect((await deleteTicket(sql, general)).outcome).toBe('cancelled')
})

check('an unpaid order whose time is over keeps no ticket', async (sql) => {
  const event = await makeEvent(sql)
  const [ticket = 0] = await ticketsOf(sql, event)
  await place(sql, event, [{ user: await addUser(sql), items: [[ticket, 1]] }])
  expect((await deleteTicket(sql, ticket, { now: '2026-11-01T12:10:00Z' })).outcome).toBe('cancelled')
  expect(await countersOf(sql, event)).toEqual({ [ticket]: [0, 0, 10] })
})
