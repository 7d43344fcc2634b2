import { expect } from 'bun:test'
import { auditOf, makeEvent, revisionsOf, shownEvent } from '../../admin.ts'
import { addUser, countersOf, place, ticketsOf } from '../../sales.ts'
import { scratchTests, sqlStateOf } from '../../scratch.ts'

const check = scratchTests()

const full = {
  channel: 'direct',
  title: 'Jazz im Hafen',
  subtitle: 'Late set',
  description: '<p>Long</p>',
  category: 'Concert',
  status: 'active',
  starts_at: '2098-06-01T19:00:00.123456Z',
  ends_at: '2098-06-01T23:00:00Z',
  venue: { name: 'Harbour Hall', city: 'Hamburg' },
  images: [{ url: 'https://example.com/a.jpg', alt: null }],
  currency: 'JPY',
  per_user_limit: 4,
  tickets: [
    { name: 'General', sku: 'GA-1', ticket_type: 'general', price_cents: 2500, capacity: 200 },
    { name: 'Free', price_cents: 0, capacity: null, compare_at_price_cents: 900, is_visible: true },
  ],
}

check('an event with its tickets is shown as it was told, and can be bought', async (sql) => {
  const event = await makeEvent(sql, full)
  const [first = 0, second = 0] = await ticketsOf(sql, event)
  expect(await shownEvent(sql, event)).toMatchObject({
    id: event,
    shopify_product_id: null,
    title: 'Jazz im Hafen',
    subtitle: 'Late set',
    description: '<p>Long</p>',
    category: 'concert',
    status: 'active',
    starts_at: '2098-06-01T19:00:00.123Z',
    ends_at: '2098-06-01T23:00:00.000Z',
    venue: { name: 'Harbour Hall', city: 'Hamburg' },
    images: [{ url: 'https://example.com/a.jpg', alt: null }],
    currency: 'JPY',
    per_user_limit: 4,
    capacity: null,
    version: 1,
    revision: 1,
    updated_at: '2026-11-01T12:05:00.000Z',
    tickets: [
      { id: first, sku: 'GA-1', price_cents: 2500, capacity: 200, position: 1, channels: { shopify: null } },
      { id: second, name: 'Free', compare_at_price_cents: 900, capacity: null, position: 2 },
    ],
  })
  const [placed] = await place(sql, event, [{ user: await addUser(sql), items: [[first, 4]] }])
  expect(placed).toMatchObject({ outcome: 'placed', body: { currency: 'JPY', total_cents: 10_000 } })
  expect(await countersOf(sql, event)).toMatchObject({ [first]: [4, 0, 196] })
})

check(
  'what is left out: a draft in the currency of the shop, with the usual limit and no tickets',
  async (sql) => {
    await sql`update onsale.settings set currency = 'SEK'`
    const event = await makeEvent(sql, { status: undefined, tickets: undefined, starts_at: undefined })
    const [row] = await sql`
    select status, currency, per_user_limit, starts_at, images, venue, is_sales_paused from onsale.events where id = ${event}`
    expect(row).toEqual({
      status: 'draft',
      currency: 'SEK',
      per_user_limit: 2,
      starts_at: null,
      images: [],
      venue: null,
      is_sales_paused: false,
    })
    expect(await ticketsOf(sql, event)).toEqual([])
    expect(await shownEvent(sql, event)).toBeNull()
  },
)

check('null is said: no limit, no venue, no images', async (sql) => {
  const event = await makeEvent(sql, { per_user_limit: null, venue: null, images: null, tickets: null })
  const [row] = await sql`select per_user_limit, venue, images from onsale.events where id = ${event}`
  expect(row).toEqual({ per_user_limit: null, venue: null, images: [] })
})

check('the audit log names who made it and of what', async (sql) => {
  const event = await makeEvent(sql, { subtitle: null })
  expect(await auditOf(sql, `event ${event}`)).toMatchObject([
    {
      actor: 'user 7',
      action: 'event.create',
      before: null,
      after: { title: 'Rock Night', status: 'active' },
    },
  ])
  const [entry] = await auditOf(sql, `event ${event}`)
  expect(Object.keys(entry!.after as object).toSorted()).toEqual([
    'currency',
    'images',
    'is_sales_paused',
    'metafields',
    'per_user_limit',
    'shop',
    'starts_at',
    'status',
    'title',
  ])
  const [ticket = 0] = await ticketsOf(sql, event)
  expect(await auditOf(sql, `ticket ${ticket}`)).toMatchObject([{ action: 'ticket.create' }])
})

check('lists hear of it', async (sql) => {
  const [, before] = await revisionsOf(sql, await makeEvent(sql))
  expect(await revisionsOf(sql, await makeEvent(sql))).toEqual([1, before + 1])
})

check('a second call makes a second event', async (sql) => {
  const first = await makeEvent(sql, full)
  expect(await makeEvent(sql, full)).toBeGreaterThan(first)
})

check('what no event can be is refused by the table, and nothing is made', async (sql) => {
  const refused = (body: Record<string, unknown>) => sqlStateOf(sql, (sql) => makeEvent(sql, body))
  expect(await refused({ title: null })).toBe('23502')
  expect(await refused({ currency: 'euro' })).toBe('23514')
  expect(await refused({ per_user_limit: 0 })).toBe('23514')
  expect(await refused({ status: 'sold' })).toBe('22P02')
  expect(await refused({ starts_at: 'soon' })).toBe('22007')
  expect(await refused({ tickets: [{ name: 'A', price_cents: -1, capacity: 1 }] })).toBe('23514')
  expect(await refused({ tickets: [{ name: 'A', price_cents: 1, capacity: -1 }] })).toBe('23514')
  const [row] = await sql`select count(*)::integer from onsale.events`
  expect(row).toEqual({ count: 0 })
})
