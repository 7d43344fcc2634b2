import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { addEvent } from '../../catalog.ts'
import { addUser, place, ticketsOf } from '../../sales.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

async function listed(sql: TransactionSql, now: string, limit = 10): Promise<number[]> {
  const rows = await sql<{ event_id: number }[]>`
    select event_id::integer from api.list_expired_sales(p_limit => ${limit}, p_now => ${now}::text::timestamptz)`
  return rows.map(({ event_id }) => event_id)
}

async function addHold(sql: TransactionSql, holdS: number, price = 100): Promise<number> {
  const event = await addEvent(sql, { tickets: [{ direct: { capacity: 5 }, price }] })
  const [ticket = 0] = await ticketsOf(sql, event)
  await place(sql, event, [{ user: await addUser(sql), items: [[ticket, 1]] }], { holdS })
  await place(sql, event, [{ user: await addUser(sql), items: [[ticket, 1]] }], { holdS: holdS * 100 })
  return event
}

check('events are told whose first hold is over, once each, and no others', async (sql) => {
  const first = await addHold(sql, 60)
  const later = await addHold(sql, 600)
  const second = await addHold(sql, 30)
  await addHold(sql, 30, 0)
  expect(await listed(sql, '2026-11-01T12:00:29Z')).toEqual([])
  expect(await listed(sql, '2026-11-01T12:01:00Z')).toEqual([first, second])
  expect(await listed(sql, '2026-11-01T12:10:00Z')).toEqual([first, later, second])
  expect(await listed(sql, '2026-11-01T12:10:00Z', 1)).toEqual([first])
})
