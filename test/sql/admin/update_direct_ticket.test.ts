import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import {
  auditOf,
  deleteEvent,
  deleteTicket,
  editTicket,
  makeEvent,
  makeShopifyEvent,
  revisionsOf,
  shownEvent,
} from '../../admin.ts'
import { addUser, place, ticketsOf } from '../../sales.ts'
import { scratchTests, sqlStateOf } from '../../scratch.ts'

const check = scratchTests()

async function ticketed(sql: TransactionSql) {
  const event = await makeEvent(sql)
  const [ticket = 0] = await ticketsOf(sql, event)
  return { event, ticket }
}
const shownTicket = async (sql: TransactionSql, event: number) =>
  (await shownEvent(sql, event))!.tickets as Record<string, unknown>[]

check('what is named changes, null clears, the rest stays', async (sql) => {
  const { event, ticket } = await ticketed(sql)
  const [revision, catalogue] = await revisionsOf(sql, event)
  const changes = {
    name: 'Stalls',
    sku: 'ST-1',
    ticket_type: 'seat',
    price_cents: 3000,
    compare_at_price_cents: 3500,
    position: 4,
    sale_starts_at: '2026-11-01T00:00:00.000Z',
    sale_ends_at: '2098-05-01T00:00:00.000Z',
  }
  expect(await editTicket(sql, ticket, 1, changes)).toEqual({ outcome: 'updated', version: 2 })
  expect(await shownTicket(sql, event)).toMatchObject([
    { ...changes, id: ticket, capacity: 10, version: 2, updated_at: '2026-11-01T12:05:00.000Z' },
  ])
  expect(await editTicket(sql, ticket, 2, { sku: null, compare_at_price_cents: null })).toEqual({
    outcome: 'updated',
    version: 3,
  })
  expect(await shownTicket(sql, event)).toMatchObject([
    { name: 'Stalls', sku: null, compare_at_price_cents: null, price_cents: 3000 },
  ])
  expect(await revisionsOf(sql, event)).toEqual([revision + 2, catalogue + 2])
  expect((await auditOf(sql, `ticket ${ticket}`)).slice(2)).toEqual([
    {
      actor: 'user 7',
      action: 'ticket.update',
      before: { sku: 'ST-1', compare_at_price_cents: 3500 },
      after: { sku: null, compare_at_price_cents: null },
    },
  ])
})

check('a price counts for the orders that come, not for those that were placed', async (sql) => {
  const { event, ticket } = await ticketed(sql)
  const buy = async () =>
    (await place(sql, event, [{ user: await addUser(sql), items: [[ticket, 1]] }]))[0]!.body.total_cents
  expect(await buy()).toBe(2500)
  await editTicket(sql, ticket, 1, { price_cents: 3000 })
  expect(await buy()).toBe(3000)
})

check('a hidden ticket is neither shown nor sold', async (sql) => {
  const { event, ticket } = await ticketed(sql)
  await editTicket(sql, ticket, 1, { is_visible: false })
  expect(await shownTicket(sql, event)).toEqual([])
  const [placed] = await place(sql, event, [{ user: await addUser(sql), items: [[ticket, 1]] }])
  expect(placed!.outcome).toBe('unknown_ticket')
})

check('a stale version changes nothing and tells the newest: so does the same request twice', async (sql) => {
  const { event, ticket } = await ticketed(sql)
  await editTicket(sql, ticket, 1, { name: 'First' })
  const before = await revisionsOf(sql, event)
  const stale = { outcome: 'version_conflict', version: 2 }
  expect(await editTicket(sql, ticket, 1, { name: 'First' })).toEqual(stale)
  expect(await editTicket(sql, ticket, 1, { name: 'Second' })).toEqual(stale)
  expect(await shownTicket(sql, event)).toMatchObject([{ name: 'First' }])
  expect(await revisionsOf(sql, event)).toEqual(before)
})

check('what is so already, and what is no field of an edit, writes nothing', async (sql) => {
  const { event, ticket } = await ticketed(sql)
  const before = await revisionsOf(sql, event)
  const unchanged = { outcome: 'updated', version: 1 }
  expect(await editTicket(sql, ticket, 1, { name: 'General', price_cents: 2500 })).toEqual(unchanged)
  expect(await editTicket(sql, ticket, 1, { event_id: 1, is_removed: true, capacity: 1 })).toEqual(unchanged)
  expect(await revisionsOf(sql, event)).toEqual(before)
  expect((await auditOf(sql, `ticket ${ticket}`)).length).toBe(1)
})

check('a ticket of Shopify, one that is gone and none are left alone', async (sql) => {
  const [shopify = 0] = await ticketsOf(sql, await makeShopifyEvent(sql))
  const { ticket: removed } = await ticketed(sql)
  await deleteTicket(sql, removed)
  const { event, ticket: orphan } = await ticketed(sql)
  await deleteEvent(sql, event)
  expect(await editTicket(sql, shopify, 1, { name: 'X' })).toEqual({ outcome: 'not_direct', version: 1 })
  for (const ticket of [removed, orphan, 999_999]) {
    expect(await editTicket(sql, ticket, 2, { name: 'X' })).toEqual({ outcome: 'not_found', version: null })
  }
})

check('what no ticket can be is refused by the table', async (sql) => {
  const { ticket } = await ticketed(sql)
  const refused = (changes: Record<string, unknown>) =>
    sqlStateOf(sql, (sql) => editTicket(sql, ticket, 1, changes))
  expect(await refused({ price_cents: -1 })).toBe('23514')
  expect(await refused({ price_cents: null })).toBe('23502')
  expect(await refused({ is_visible: null })).toBe('23502')
  expect(await refused({ compare_at_price_cents: -1 })).toBe('23514')
  expect((await auditOf(sql, `ticket ${ticket}`)).length).toBe(1)
})
