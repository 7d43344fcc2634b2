import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { addEvent } from '../../catalog.ts'
import { addUser, countersOf, place, ticketsOf } from '../../sales.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

async function expire(sql: TransactionSql, event: number, now: string): Promise<number> {
  const [row] = await sql<{ count: number }[]>`
    select api.expire_orders(p_event_id => ${event}::bigint, p_now => ${now}::text::timestamptz) as count`
  return row!.count
}

check(
  'at its instant an unpaid order is over, its units and its share of the limit are free',
  async (sql) => {
    const event = await addEvent(sql, { tickets: [{ direct: { capacity: 2 } }] })
    const [ticket = 0] = await ticketsOf(sql, event)
    const user = await addUser(sql)
    await place(sql, event, [{ user, items: [[ticket, 2]] }])
    expect(await expire(sql, event, '2026-11-01T12:09:59.999Z')).toBe(0)
    expect(await countersOf(sql, event)).toEqual({ [ticket]: [2, 0, 0] })
    expect(await expire(sql, event, '2026-11-01T12:10:00Z')).toBe(1)
    expect(await countersOf(sql, event)).toEqual({ [ticket]: [0, 0, 2] })
    expect(await expire(sql, event, '2026-11-01T12:10:00Z')).toBe(0)
    const [quota] = await sql`select unit_count from onsale.user_event_quota where user_id = ${user}`
    expect(quota).toEqual({ unit_count: 0 })
  },
)

check('what is paid and what is of another event stays', async (sql) => {
  const event = await addEvent(sql, { tickets: [{ direct: { capacity: 2 }, price: 0 }] })
  const other = await addEvent(sql, { tickets: [{ direct: { capacity: 2 } }] })
  const [ticket = 0] = await ticketsOf(sql, event)
  const [otherTicket = 0] = await ticketsOf(sql, other)
  const user = await addUser(sql)
  await place(sql, event, [{ user, items: [[ticket, 2]] }])
  await place(sql, other, [{ user, items: [[otherTicket, 2]] }])
  expect(await expire(sql, event, '2030-01-01T00:00:00Z')).toBe(0)
  expect(await countersOf(sql, event)).toEqual({ [ticket]: [0, 2, 0] })
  expect(await countersOf(sql, other)).toEqual({ [otherTicket]: [2, 0, 0] })
})

check('units that become free where none were left tell every list', async (sql) => {
  const event = await addEvent(sql, { tickets: [{ direct: { capacity: 1 } }] })
  const [ticket = 0] = await ticketsOf(sql, event)
  await place(sql, event, [{ user: await addUser(sql), items: [[ticket, 1]] }])
  const revision = async () =>
    (await sql`select revision::integer from onsale.event_revisions where event_id = ${event}`)[0]!.revision
  const before = await revision()
  await expire(sql, event, '2026-11-01T12:10:00Z')
  expect(await revision()).toBe(before + 1)
})
