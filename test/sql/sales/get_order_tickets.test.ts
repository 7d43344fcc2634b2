import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import type { OrderTickets } from '../../../src/sales/calls.ts'
import { addEvent } from '../../catalog.ts'
import { addUser, change, place, ticketsOf } from '../../sales.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

async function read(
  sql: TransactionSql,
  order: number,
  { page = 1, limit = 25, now = '2026-11-01T12:05:00Z' } = {},
): Promise<OrderTickets | null> {
  const [row] = await sql<{ body: OrderTickets | null }[]>`
    select api.get_order_tickets(
      p_order_id => ${order}::bigint, p_page => ${page}::integer, p_limit => ${limit}::integer,
      p_now => ${now}::text::timestamptz
    ) as body`
  return row!.body
}

/** A free order of two tickets of one kind and one of another, which is PAID at once. */
async function paidOrder(sql: TransactionSql) {
  const event = await addEvent(sql, {
    title: 'Rock Night',
    startsAt: '2026-12-01T19:00:00Z',
    venue: { name: 'Harbour Hall', city: 'Hamburg', timezone: 'Europe/Berlin' },
    tickets: [
      { name: 'Stalls', price: 0 },
      { name: 'Circle', price: 0 },
    ],
  })
  await sql`update onsale.events set per_user_limit = null where id = ${event}`
  const [stalls = 0, circle = 0] = await ticketsOf(sql, event)
  const items: [number, number][] = [
    [stalls, 2],
    [circle, 1],
  ]
  const [placed] = await place(sql, event, [{ user: await addUser(sql), items }])
  return { event, stalls, placed: placed!.body, codes: placed!.body.units!.map(({ code }) => code) }
}

check(
  'a paid order has a ticket for each unit, counted through, with the codes that it shows',
  async (sql) => {
    const { placed, codes } = await paidOrder(sql)
    const open = { is_void: false, checked_in_at: null }
    expect(await read(sql, placed.id)).toEqual({
      order_id: placed.id,
      status: 'PAID',
      expires_at: null,
      title: 'Rock Night',
      starts_at: '2026-12-01T19:00:00.000Z',
      venue_name: 'Harbour Hall',
      venue_city: 'Hamburg',
      venue_timezone: 'Europe/Berlin',
      tickets: [
        { nth: 1, name: 'Stalls', code: codes[0]!, ...open },
        { nth: 2, name: 'Stalls', code: codes[1]!, ...open },
        { nth: 3, name: 'Circle', code: codes[2]!, ...open },
      ],
      total: 3,
      pages: 1,
    })
  },
)

check('a page has its part of them, and one past the end none', async (sql) => {
  const { placed, codes } = await paidOrder(sql)
  const pageOf = async (page: number) => (await read(sql, placed.id, { page, limit: 2 }))!
  expect((await pageOf(1)).tickets!.map(({ code }) => code)).toEqual(codes.slice(0, 2))
  expect((await pageOf(2)).tickets).toMatchObject([{ nth: 3, name: 'Circle', code: codes[2]! }])
  expect(await pageOf(3)).toMatchObject({ tickets: [], total: 3, pages: 2 })
})

check('a ticket that is void or used says so', async (sql) => {
  const { event, placed, codes } = await paidOrder(sql)
  await sql`update onsale.ticket_units set is_void = true where code = ${codes[0]!}::text::uuid`
  await sql`
    select api.apply_checkins(
      p_codes => array[${codes[1]!}::text::uuid], p_actors => array['key 1'],
      p_now => '2026-12-01T18:30:00Z'::timestamptz
    )`
  expect((await read(sql, placed.id))!.tickets).toMatchObject([
    { is_void: true, checked_in_at: null },
    { is_void: false, checked_in_at: '2026-12-01T18:30:00.000Z' },
    { is_void: false, checked_in_at: null },
  ])
  await sql`update onsale.ticket_units set is_void = false where event_id = ${event}`
})

check('names are those of the order, and a deleted event is still shown', async (sql) => {
  const { event, stalls, placed } = await paidOrder(sql)
  await sql`update onsale.tickets set name = 'Renamed', is_removed = true where id = ${stalls}`
  await sql`update onsale.events set deleted_at = now(), status = 'archived', venue = '"a hall"' where id = ${event}`
  expect(await read(sql, placed.id)).toMatchObject({
    title: 'Rock Night',
    venue_name: null,
    tickets: [{ name: 'Stalls' }, { name: 'Stalls' }, { name: 'Circle' }],
  })
})

check('an order that is not paid has no tickets, and is EXPIRED from the instant on', async (sql) => {
  const event = await addEvent(sql)
  const [ticket = 0] = await ticketsOf(sql, event)
  const [placed] = await place(sql, event, [{ user: await addUser(sql), items: [[ticket, 1]] }])
  const { id } = placed!.body
  const at = (now: string) => read(sql, id, { now })
  expect(await at('2026-11-01T12:09:59.999Z')).toMatchObject({
    status: 'PENDING',
    expires_at: '2026-11-01T12:10:00.000Z',
    tickets: null,
    total: 1,
  })
  expect(await at('2026-11-01T12:10:00Z')).toMatchObject({ status: 'EXPIRED', tickets: null })
})

check('an order that is cancelled has none any more, and one that is not there is null', async (sql) => {
  const { event, placed } = await paidOrder(sql)
  await change(sql, event, [{ order: placed.id, status: 'CANCELLED' }])
  expect(await read(sql, placed.id)).toMatchObject({ status: 'CANCELLED', tickets: null })
  expect(await read(sql, 999_999)).toBeNull()
})
