import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { addEvent } from '../../catalog.ts'
import { addUser, change, place, ticketsOf } from '../../sales.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

const unknown = '00000000-0000-4000-8000-000000000000'

async function checkIn(
  sql: TransactionSql,
  codes: readonly string[],
  { now = '2026-12-01T19:00:00Z', actor = 'key 3' } = {},
) {
  const rows = await sql<
    {
      outcome: string
      event_id: number | null
      ticket_id: number | null
      order_id: number | null
      checked_in_at: string | null
    }[]
  >`
    select r.outcome, r.event_id::integer, r.ticket_id::integer, r.order_id::integer, r.checked_in_at
    from api.apply_checkins(
      p_codes => ${`{${codes.join(',')}}`}::text::uuid[],
      p_actors => ${`{${codes.map(() => `"${actor}"`).join(',')}}`}::text::text[],
      p_now => ${now}::text::timestamptz
    ) r
    order by r.ordinal`
  return [...rows]
}

/** Two units that were bought for nothing, and so are paid. */
async function bought(sql: TransactionSql) {
  const event = await addEvent(sql, { tickets: [{ direct: { capacity: 10 }, price: 0 }] })
  const [ticket = 0] = await ticketsOf(sql, event)
  const user = await addUser(sql)
  const [placed] = await place(sql, event, [{ user, items: [[ticket, 2]] }])
  const [first = '', second = ''] = placed!.body.units!.map(({ code }) => code)
  return { event, ticket, user, order: placed!.body.id, first, second }
}

check('a code admits its bearer, and who let him in is known', async (sql) => {
  const { event, ticket, order, first, second } = await bought(sql)
  expect(await checkIn(sql, [first])).toEqual([
    {
      outcome: 'admitted',
      event_id: event,
      ticket_id: ticket,
      order_id: order,
      checked_in_at: '2026-12-01T19:00:00.000Z',
    },
  ])
  const units = await sql`
    select replace(code::text, '-', '') as code, checked_in_by from onsale.ticket_units
    where order_id = ${order} order by nth`
  expect([...units]).toEqual([
    { code: first, checked_in_by: 'key 3' },
    { code: second, checked_in_by: null },
  ])
})

check('a second time it admits nobody and tells when it was used', async (sql) => {
  const { first } = await bought(sql)
  await checkIn(sql, [first])
  expect(await checkIn(sql, [first], { now: '2026-12-01T19:05:00Z', actor: 'user 7' })).toMatchObject([
    { outcome: 'already_admitted', checked_in_at: '2026-12-01T19:00:00.000Z' },
  ])
  const [unit] = await sql`select checked_in_by from onsale.ticket_units where checked_in_at is not null`
  expect(unit).toEqual({ checked_in_by: 'key 3' })
})

check('a batch is answered in its order; twice in it, the first counts', async (sql) => {
  const one = await bought(sql)
  const other = await bought(sql)
  const rows = await checkIn(sql, [other.second, unknown, one.first, other.second, one.second])
  expect(rows.map(({ outcome, order_id }) => [outcome, order_id])).toEqual([
    ['admitted', other.order],
    ['unknown', null],
    ['admitted', one.order],
    ['already_admitted', other.order],
    ['admitted', one.order],
  ])
  expect(rows[3]!.checked_in_at).toBe('2026-12-01T19:00:00.000Z')
})

check('a code that there is not is unknown, and an empty batch is none', async (sql) => {
  expect(await checkIn(sql, [unknown])).toEqual([
    { outcome: 'unknown', event_id: null, ticket_id: null, order_id: null, checked_in_at: null },
  ])
  expect(await checkIn(sql, [])).toEqual([])
})

check('the code of an order that was cancelled admits nobody', async (sql) => {
  const { event, order, user, first } = await bought(sql)
  await change(sql, event, [{ order, status: 'CANCELLED', user }])
  expect(await checkIn(sql, [first])).toMatchObject([
    { outcome: 'not_paid', event_id: event, order_id: order, checked_in_at: null },
  ])
})

check('the code of an order that is given back admits nobody, also where it has before', async (sql) => {
  const event = await addEvent(sql, { tickets: [{ direct: { capacity: 10 }, price: 2500 }] })
  const [ticket = 0] = await ticketsOf(sql, event)
  const [placed] = await place(sql, event, [{ user: await addUser(sql), items: [[ticket, 1]] }])
  const order = placed!.body.id
  const [paid] = await change(sql, event, [{ order, status: 'PAID' }], { actor: 'admin' })
  const [code = ''] = paid!.body!.units!.map((unit) => unit.code)
  expect(await checkIn(sql, [code])).toMatchObject([{ outcome: 'admitted' }])
  await change(sql, event, [{ order, status: 'REFUND_DUE' }], { actor: 'admin' })
  expect(await checkIn(sql, [code])).toMatchObject([
    { outcome: 'not_paid', checked_in_at: '2026-12-01T19:00:00.000Z' },
  ])
})
