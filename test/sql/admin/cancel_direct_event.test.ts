import { expect } from 'bun:test'
import { auditOf, deleteEvent, makeEvent, makeShopifyEvent, revisionsOf, shownEvent } from '../../admin.ts'
import { addUser, change, countersOf, place, ticketsOf } from '../../sales.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

check('a deleted event is gone for visitors and buyers, and the log tells who did it', async (sql) => {
  const event = await makeEvent(sql)
  const [ticket = 0] = await ticketsOf(sql, event)
  const [revision, catalogue] = await revisionsOf(sql, event)
  expect(await deleteEvent(sql, event, { version: 1 })).toEqual({ outcome: 'cancelled', version: 2 })
  expect(await shownEvent(sql, event)).toBeNull()
  const [placed] = await place(sql, event, [{ user: await addUser(sql), items: [[ticket, 1]] }])
  expect(placed!.outcome).toBe('unknown_ticket')
  expect(await revisionsOf(sql, event)).toEqual([revision + 1, catalogue + 1])
  expect((await auditOf(sql, `event ${event}`)).slice(1)).toEqual([
    {
      actor: 'user 7',
      action: 'event.delete',
      before: { deleted_at: null },
      after: { deleted_at: expect.stringContaining('2026-11-01T') },
    },
  ])
})

check('a second call finds nothing, nor does one for an event that never was', async (sql) => {
  const event = await makeEvent(sql)
  await deleteEvent(sql, event)
  const before = await revisionsOf(sql, event)
  expect(await deleteEvent(sql, event)).toEqual({ outcome: 'not_found', version: null })
  expect(await deleteEvent(sql, 999_999)).toEqual({ outcome: 'not_found', version: null })
  expect(await revisionsOf(sql, event)).toEqual(before)
})

check('a stale version deletes nothing', async (sql) => {
  const event = await makeEvent(sql)
  expect(await deleteEvent(sql, event, { version: 2 })).toEqual({ outcome: 'version_conflict', version: 1 })
  expect(await shownEvent(sql, event)).not.toBeNull()
})

check('an event of Shopify is not deleted here', async (sql) => {
  const event = await makeShopifyEvent(sql)
  expect(await deleteEvent(sql, event)).toEqual({ outcome: 'not_direct', version: 1 })
})

check('an event of which somebody holds units stays until they are free', async (sql) => {
  const event = await makeEvent(sql)
  const [ticket = 0] = await ticketsOf(sql, event)
  await place(sql, event, [{ user: await addUser(sql), items: [[ticket, 2]] }])
  expect(await deleteEvent(sql, event, { now: '2026-11-01T12:09:59Z' })).toEqual({
    outcome: 'has_live_orders',
    version: 1,
  })
  expect(await shownEvent(sql, event)).not.toBeNull()
  expect(await deleteEvent(sql, event, { now: '2026-11-01T12:10:00Z' })).toEqual({
    outcome: 'cancelled',
    version: 2,
  })
  expect(await countersOf(sql, event)).toEqual({ [ticket]: [0, 0, 10] })
})

check('an event of which somebody has bought units stays until they are given back', async (sql) => {
  const event = await makeEvent(sql)
  const [ticket = 0] = await ticketsOf(sql, event)
  const [placed] = await place(sql, event, [{ user: await addUser(sql), items: [[ticket, 2]] }])
  const order = placed!.body.id
  await change(sql, event, [{ order, status: 'PAID' }], { actor: 'admin' })
  expect((await deleteEvent(sql, event)).outcome).toBe('has_live_orders')
  await change(sql, event, [{ order, status: 'REFUND_DUE' }], { actor: 'admin' })
  expect((await deleteEvent(sql, event)).outcome).toBe('cancelled')
})
