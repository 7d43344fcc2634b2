import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { addEvent } from '../../catalog.ts'
import { addUser, place, ticketsOf } from '../../sales.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

const read = async (
  sql: TransactionSql,
  order: number,
  user: number | null,
  now = '2026-11-01T12:05:00Z',
) => [
  ...(await sql<{ event_id: number; body: Record<string, unknown> }[]>`
      select r.event_id::integer, r.body
      from api.get_order(p_order_id => ${order}::bigint, p_user_id => ${user}::bigint, p_now => ${now}::text::timestamptz) r`),
]

check('an order is shown to its buyer and to whoever may see all, to nobody else', async (sql) => {
  const event = await addEvent(sql)
  const [ticket = 0] = await ticketsOf(sql, event)
  const user = await addUser(sql)
  const [placed] = await place(sql, event, [{ user, items: [[ticket, 1]] }])
  const { id } = placed!.body
  const shown = [{ event_id: event, body: placed!.body }]
  expect(await read(sql, id, user)).toEqual(shown)
  expect(await read(sql, id, null)).toEqual(shown)
  expect(await read(sql, id, await addUser(sql))).toEqual([])
  expect(await read(sql, 999_999, null)).toEqual([])
})

check('from the instant at which it is over it is shown as EXPIRED', async (sql) => {
  const event = await addEvent(sql)
  const [ticket = 0] = await ticketsOf(sql, event)
  const user = await addUser(sql)
  const [placed] = await place(sql, event, [{ user, items: [[ticket, 1]] }])
  const statusAt = async (now: string) => (await read(sql, placed!.body.id, user, now))[0]!.body.status
  expect(await statusAt('2026-11-01T12:09:59.999Z')).toBe('PENDING')
  expect(await statusAt('2026-11-01T12:10:00Z')).toBe('EXPIRED')
})
