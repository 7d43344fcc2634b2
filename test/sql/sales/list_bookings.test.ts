import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { addEvent } from '../../catalog.ts'
import { addUser, place, ticketsOf } from '../../sales.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

async function listed(
  sql: TransactionSql,
  user: number,
  { page = 1, limit = 20, now = '2026-11-01T12:05:00Z' } = {},
) {
  const [row] = await sql`
    select api.list_bookings(
      p_user_id => ${user}::bigint, p_page => ${page}::integer, p_limit => ${limit}::integer,
      p_now => ${now}::text::timestamptz
    ) as page`
  return row!.page
}

check("a user's orders of one ticket kind are his bookings, newest first, with their events", async (sql) => {
  const event = await addEvent(sql, { title: 'Rock', tickets: [{}, { price: 0 }] })
  await sql`update onsale.events set per_user_limit = null where id = ${event}`
  const [priced = 0, free = 0] = await ticketsOf(sql, event)
  const user = await addUser(sql)
  const placed = await place(sql, event, [
    { user, items: [[priced, 2]] },
    {
      user,
      items: [
        [priced, 1],
        [free, 1],
      ],
    },
    { user, items: [[free, 1]] },
    { user: await addUser(sql), items: [[free, 1]] },
  ])
  const page = await listed(sql, user)
  expect(page).toMatchObject({
    bookings: [
      {
        id: placed[2]!.body.id,
        event_id: event,
        ticket_id: free,
        quantity: 1,
        status: 'PAID',
        event: { id: event, title: 'Rock' },
      },
      {
        id: placed[0]!.body.id,
        ticket_id: priced,
        quantity: 2,
        status: 'PENDING',
        total_cents: 5000,
        currency: 'EUR',
      },
    ],
    total: 2,
    page: 1,
    limit: 20,
    pages: 1,
  })
  expect(await listed(sql, user, { limit: 1, page: 2 })).toMatchObject({
    bookings: [{ id: placed[0]!.body.id }],
    pages: 2,
  })
})

check('what is over is EXPIRED from that instant on, and nobody has none', async (sql) => {
  const event = await addEvent(sql)
  const [ticket = 0] = await ticketsOf(sql, event)
  const user = await addUser(sql)
  await place(sql, event, [{ user, items: [[ticket, 1]] }])
  expect((await listed(sql, user, { now: '2026-11-01T12:10:00Z' })).bookings[0]).toMatchObject({
    status: 'EXPIRED',
  })
  expect(await listed(sql, await addUser(sql))).toEqual({
    bookings: [],
    total: 0,
    page: 1,
    limit: 20,
    pages: 0,
  })
})
