import { expect } from 'bun:test'
import {
  auditOf,
  deleteEvent,
  editEvent,
  makeEvent,
  makeShopifyEvent,
  revisionsOf,
  shownEvent,
} from '../../admin.ts'
import { addUser, place, ticketsOf } from '../../sales.ts'
import { scratchTests, sqlStateOf } from '../../scratch.ts'

const check = scratchTests()

check('what is named changes, null clears, the rest stays', async (sql) => {
  const event = await makeEvent(sql, {
    subtitle: 'Late set',
    category: 'concert',
    venue: { name: 'Harbour Hall', city: 'Hamburg' },
    starts_at: '2098-06-01T19:00:00.123456Z',
  })
  const [revision, catalogue] = await revisionsOf(sql, event)
  expect(
    await editEvent(sql, event, 1, { title: 'Jazz Night', subtitle: null, venue: null, category: 'Talk' }),
  ).toEqual({ outcome: 'updated', version: 2 })
  expect(await shownEvent(sql, event)).toMatchObject({
    title: 'Jazz Night',
    subtitle: null,
    venue: null,
    category: 'talk',
    status: 'active',
    per_user_limit: 2,
    version: 2,
    updated_at: '2026-11-01T12:05:00.000Z',
  })
  const [row] = await sql`
    select starts_at = '2098-06-01T19:00:00.123456Z' as is_same, venue is null as is_null from onsale.events where id = ${event}`
  expect(row).toEqual({ is_same: true, is_null: true })
  expect(await revisionsOf(sql, event)).toEqual([revision + 1, catalogue + 1])
  expect((await auditOf(sql, `event ${event}`)).slice(1)).toEqual([
    {
      actor: 'user 7',
      action: 'event.update',
      before: {
        title: 'Rock Night',
        subtitle: 'Late set',
        category: 'concert',
        venue: { name: 'Harbour Hall', city: 'Hamburg' },
      },
      after: { title: 'Jazz Night', subtitle: null, category: 'talk', venue: null },
    },
  ])
})

check('every field that may be edited is', async (sql) => {
  const event = await makeEvent(sql)
  const changes = {
    description: '<p>New</p>',
    starts_at: '2099-01-01T19:00:00Z',
    ends_at: '2099-01-01T22:00:00Z',
    images: [{ url: 'https://example.com/b.jpg', alt: 'B' }],
    per_user_limit: null,
  }
  await editEvent(sql, event, 1, changes)
  expect(await shownEvent(sql, event)).toMatchObject({
    ...changes,
    starts_at: '2099-01-01T19:00:00.000Z',
    ends_at: '2099-01-01T22:00:00.000Z',
  })
  await editEvent(sql, event, 2, { images: null })
  expect(await shownEvent(sql, event)).toMatchObject({ images: [], version: 3 })
})

check('a stale version changes nothing and tells the newest: so does the same request twice', async (sql) => {
  const event = await makeEvent(sql)
  await editEvent(sql, event, 1, { title: 'First' })
  const before = await revisionsOf(sql, event)
  expect(await editEvent(sql, event, 1, { title: 'First' })).toEqual({
    outcome: 'version_conflict',
    version: 2,
  })
  expect(await editEvent(sql, event, 1, { title: 'Second' })).toEqual({
    outcome: 'version_conflict',
    version: 2,
  })
  expect(await editEvent(sql, event, 3, { title: 'Third' })).toEqual({
    outcome: 'version_conflict',
    version: 2,
  })
  expect(await shownEvent(sql, event)).toMatchObject({ title: 'First' })
  expect(await revisionsOf(sql, event)).toEqual(before)
  expect((await auditOf(sql, `event ${event}`)).length).toBe(2)
})

check('what is so already writes nothing', async (sql) => {
  const event = await makeEvent(sql)
  const before = await revisionsOf(sql, event)
  expect(await editEvent(sql, event, 1, { title: 'Rock Night' })).toEqual({ outcome: 'updated', version: 1 })
  expect(await editEvent(sql, event, 1, {})).toEqual({ outcome: 'updated', version: 1 })
  expect(await revisionsOf(sql, event)).toEqual(before)
  expect((await auditOf(sql, `event ${event}`)).length).toBe(1)
})

check('what is no field of an edit is left alone', async (sql) => {
  const event = await makeEvent(sql)
  expect(await editEvent(sql, event, 1, { status: 'draft', currency: 'USD', version: 9, id: 1 })).toEqual({
    outcome: 'updated',
    version: 1,
  })
  expect(await shownEvent(sql, event)).toMatchObject({ id: event, status: 'active', currency: 'EUR' })
})

check('a pause stops the sale of an event, of Shopify too, and its end resumes it', async (sql) => {
  for (const event of [await makeEvent(sql), await makeShopifyEvent(sql)]) {
    const [ticket = 0] = await ticketsOf(sql, event)
    const user = await addUser(sql)
    const buy = async () => (await place(sql, event, [{ user, items: [[ticket, 1]] }]))[0]!.outcome
    expect(await editEvent(sql, event, 1, { is_sales_paused: true })).toEqual({
      outcome: 'updated',
      version: 2,
    })
    expect(await buy()).toBe('sales_paused')
    expect(await editEvent(sql, event, 2, { is_sales_paused: false })).toEqual({
      outcome: 'updated',
      version: 3,
    })
    expect(await buy()).toBe('placed')
  }
})

check('nothing else of an event of Shopify is edited here', async (sql) => {
  const event = await makeShopifyEvent(sql)
  expect(await editEvent(sql, event, 1, { title: 'X' })).toEqual({ outcome: 'not_direct', version: 1 })
  expect(await editEvent(sql, event, 1, { title: 'X', is_sales_paused: true })).toEqual({
    outcome: 'not_direct',
    version: 1,
  })
  const [row] = await sql`select title, is_sales_paused from onsale.events where id = ${event}`
  expect(row).toEqual({ title: 'Rock Night', is_sales_paused: false })
})

check('an event that is not there, or no more, is not found', async (sql) => {
  const event = await makeEvent(sql)
  await deleteEvent(sql, event)
  expect(await editEvent(sql, event, 2, { title: 'X' })).toEqual({ outcome: 'not_found', version: null })
  expect(await editEvent(sql, 999_999, 1, { title: 'X' })).toEqual({ outcome: 'not_found', version: null })
})

check('what no event can be is refused by the table, and leaves no trace', async (sql) => {
  const event = await makeEvent(sql)
  const refused = (changes: Record<string, unknown>) =>
    sqlStateOf(sql, (sql) => editEvent(sql, event, 1, changes))
  expect(await refused({ title: null })).toBe('23502')
  expect(await refused({ is_sales_paused: null })).toBe('23502')
  expect(await refused({ per_user_limit: 0 })).toBe('23514')
  expect(await refused({ starts_at: 'soon' })).toBe('22007')
  expect(await shownEvent(sql, event)).toMatchObject({ version: 1 })
  expect((await auditOf(sql, `event ${event}`)).length).toBe(1)
})

check('an edited title is searched by', async (sql) => {
  const event = await makeEvent(sql)
  await editEvent(sql, event, 1, { title: 'Zwölftonnacht' })
  const words = await sql`select word from onsale.search_words where word = 'zwolftonnacht'`
  expect(words.length).toBe(1)
  const [change] = await sql`select edit_count from onsale.search_changes where event_id = ${event}`
  expect(change).toBeDefined()
})
