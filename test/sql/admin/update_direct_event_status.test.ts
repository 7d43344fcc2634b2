import { expect } from 'bun:test'
import {
  auditOf,
  deleteEvent,
  makeEvent,
  makeShopifyEvent,
  revisionsOf,
  setStatus,
  shownEvent,
} from '../../admin.ts'
import { addUser, countersOf, place, ticketsOf } from '../../sales.ts'
import { scratchTests, sqlStateOf } from '../../scratch.ts'

const check = scratchTests()

check(
  'a draft is published, taken back and put away, each a version, a revision and a line in the log',
  async (sql) => {
    const event = await makeEvent(sql, { status: 'draft' })
    const [revision, catalogue] = await revisionsOf(sql, event)
    expect(await shownEvent(sql, event)).toBeNull()
    expect(await setStatus(sql, event, 1, 'active')).toEqual({ outcome: 'updated', version: 2 })
    expect(await shownEvent(sql, event)).toMatchObject({
      status: 'active',
      version: 2,
      updated_at: '2026-11-01T12:05:00.000Z',
    })
    expect(await setStatus(sql, event, 2, 'draft')).toEqual({ outcome: 'updated', version: 3 })
    expect(await shownEvent(sql, event)).toBeNull()
    expect(await setStatus(sql, event, 3, 'unlisted')).toEqual({ outcome: 'updated', version: 4 })
    expect(await setStatus(sql, event, 4, 'archived')).toEqual({ outcome: 'updated', version: 5 })
    expect(await revisionsOf(sql, event)).toEqual([revision + 4, catalogue + 4])
    expect((await auditOf(sql, `event ${event}`)).slice(1)).toEqual([
      { actor: 'user 7', action: 'event.publish', before: { status: 'draft' }, after: { status: 'active' } },
      {
        actor: 'user 7',
        action: 'event.unpublish',
        before: { status: 'active' },
        after: { status: 'draft' },
      },
      {
        actor: 'user 7',
        action: 'event.publish',
        before: { status: 'draft' },
        after: { status: 'unlisted' },
      },
      {
        actor: 'user 7',
        action: 'event.archive',
        before: { status: 'unlisted' },
        after: { status: 'archived' },
      },
    ])
  },
)

check(
  'a stale version changes nothing; without one it is published whatever version it is at',
  async (sql) => {
    const event = await makeEvent(sql, { status: 'draft' })
    expect(await setStatus(sql, event, 7, 'active')).toEqual({ outcome: 'version_conflict', version: 1 })
    expect(await setStatus(sql, event, null, 'active')).toEqual({ outcome: 'updated', version: 2 })
  },
)

check('a second call finds it so and writes nothing', async (sql) => {
  const event = await makeEvent(sql)
  const before = await revisionsOf(sql, event)
  expect(await setStatus(sql, event, null, 'active')).toEqual({ outcome: 'updated', version: 1 })
  expect(await revisionsOf(sql, event)).toEqual(before)
  expect((await auditOf(sql, `event ${event}`)).length).toBe(1)
})

check('orders of an event that is taken back stay, and no new one is placed', async (sql) => {
  const event = await makeEvent(sql)
  const [ticket = 0] = await ticketsOf(sql, event)
  const user = await addUser(sql)
  await place(sql, event, [{ user, items: [[ticket, 1]] }])
  expect((await setStatus(sql, event, 1, 'draft')).outcome).toBe('updated')
  expect((await place(sql, event, [{ user, items: [[ticket, 1]] }]))[0]!.outcome).toBe('unknown_ticket')
  expect(await countersOf(sql, event)).toEqual({ [ticket]: [1, 0, 9] })
})

check('an event of Shopify, a deleted one and none are left alone', async (sql) => {
  const shopify = await makeShopifyEvent(sql)
  const deleted = await makeEvent(sql)
  await deleteEvent(sql, deleted)
  expect(await setStatus(sql, shopify, 1, 'draft')).toEqual({ outcome: 'not_direct', version: 1 })
  expect(await setStatus(sql, deleted, null, 'active')).toEqual({ outcome: 'not_found', version: null })
  expect(await setStatus(sql, 999_999, null, 'active')).toEqual({ outcome: 'not_found', version: null })
})

check('a status that there is not is refused', async (sql) => {
  const event = await makeEvent(sql)
  expect(await sqlStateOf(sql, (sql) => setStatus(sql, event, 1, 'sold'))).toBe('22P02')
})
