import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { addEvent } from '../../catalog.ts'
import { addUser, change, place, ticketsOf } from '../../sales.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

type Page = {
  orders: { id: number; status: string }[]
  total: number
  page: number
  limit: number
  pages: number
}

async function listed(
  sql: TransactionSql,
  {
    user = null,
    status = null,
    q = null,
    page = 1,
    limit = 20,
    now = '2026-11-01T12:05:00Z',
  }: {
    user?: number | null
    status?: string | null
    q?: string | null
    page?: number
    limit?: number
    now?: string
  } = {},
): Promise<Page> {
  const [row] = await sql<{ page: Page }[]>`
    select api.list_orders(
      p_user_id => ${user}::bigint, p_status => ${status}::text, p_query => ${q}::text, p_page => ${page}::integer,
      p_limit => ${limit}::integer, p_now => ${now}::text::timestamptz
    ) as page`
  return row!.page
}
const ids = ({ orders }: Page) => orders.map(({ id }) => id)

/** Two users, two events, an order of each user in each: [ann rock, ann jazz, bob rock, bob jazz]. */
async function fill(sql: TransactionSql) {
  const ann = await addUser(sql, 'ann@example.com')
  const bob = await addUser(sql, 'bob_1@example.com')
  const orders: number[] = []
  const events: number[] = []
  for (const title of ['Rock Night', 'Jazz 100%']) {
    const event = await addEvent(sql, { title, tickets: [{ name: title }] })
    await sql`update onsale.tickets set sku = ${title.slice(0, 4).toUpperCase()} where event_id = ${event}`
    events.push(event)
  }
  for (const user of [ann, bob]) {
    for (const event of events) {
      const [ticket = 0] = await ticketsOf(sql, event)
      const [placed] = await place(sql, event, [{ user, items: [[ticket, 1]] }])
      orders.push(placed!.body.id)
    }
  }
  return { ann, bob, orders, events }
}

check('a user has his own, newest first, page by page', async (sql) => {
  const { ann, orders } = await fill(sql)
  const [first = 0, second = 0] = orders
  expect(await listed(sql, { user: ann })).toMatchObject({ total: 2, page: 1, limit: 20, pages: 1 })
  expect(ids(await listed(sql, { user: ann }))).toEqual([second, first])
  expect(await listed(sql, { user: ann, limit: 1, page: 2 })).toMatchObject({
    total: 2,
    pages: 2,
    orders: [{ id: first }],
  })
  expect(await listed(sql, { user: ann, page: 3 })).toMatchObject({ total: 2, orders: [] })
  expect(await listed(sql, { user: await addUser(sql) })).toEqual({
    orders: [],
    total: 0,
    page: 1,
    limit: 20,
    pages: 0,
  })
})

check('all are found by id, address, sku and title, whatever signs are in it', async (sql) => {
  const { orders } = await fill(sql)
  const [annRock = 0, annJazz = 0, bobRock = 0, bobJazz = 0] = orders
  expect(ids(await listed(sql))).toEqual([bobJazz, bobRock, annJazz, annRock])
  expect(ids(await listed(sql, { q: String(bobRock) }))).toEqual([bobRock])
  expect(ids(await listed(sql, { q: 'ANN@' }))).toEqual([annJazz, annRock])
  expect(ids(await listed(sql, { q: 'rock' }))).toEqual([bobRock, annRock])
  expect(ids(await listed(sql, { q: '100%' }))).toEqual([bobJazz, annJazz])
  expect(ids(await listed(sql, { q: 'b_1' }))).toEqual([bobJazz, bobRock])
  expect(ids(await listed(sql, { q: "'; drop table onsale.orders; --" }))).toEqual([])
})

check('a user does not find others by their address', async (sql) => {
  const { ann } = await fill(sql)
  expect(ids(await listed(sql, { user: ann, q: 'example.com' }))).toEqual([])
})

check('a status is told as it is, also of what is over and not tidied yet', async (sql) => {
  const { orders, events } = await fill(sql)
  const [annRock = 0, annJazz = 0] = orders
  await change(sql, events[0]!, [{ order: annRock, status: 'PAID' }], { actor: 'admin' })
  expect(ids(await listed(sql, { status: 'PAID' }))).toEqual([annRock])
  expect((await listed(sql, { status: 'PENDING' })).total).toBe(3)
  const late = await listed(sql, { status: 'EXPIRED', now: '2026-11-01T12:10:00Z' })
  expect(late.total).toBe(3)
  expect(ids(late)).toContain(annJazz)
})
