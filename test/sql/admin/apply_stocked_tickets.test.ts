import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { auditOf, makeEvent } from '../../admin.ts'
import { scratchTests, sqlStateOf } from '../../scratch.ts'

const check = scratchTests()

async function make(sql: TransactionSql, eventId: number, tickets: unknown): Promise<number[]> {
  const [row] = await sql<{ ids: number[] }[]>`
    select api.apply_stocked_tickets(
      p_event_id => ${eventId}::bigint, p_tickets => ${JSON.stringify(tickets)}::text::jsonb, p_actor => 'user 7',
      p_now => '2026-11-01T12:00:00Z'
    )::integer[] as ids`
  return row!.ids
}

check(
  'tickets come in the order of the list, behind what is there, unless they name a place',
  async (sql) => {
    const event = await makeEvent(sql)
    const ids = await make(sql, event, [
      { name: 'A', price_cents: 1 },
      { name: 'B', price_cents: 1, position: 9 },
      { name: 'C', price_cents: 1, position: null },
      { name: 'D', price_cents: 1, position: 1 },
      { name: 'E', price_cents: 1 },
    ])
    const rows =
      await sql`select id::integer, name, position from onsale.tickets where event_id = ${event} order by id`
    expect(rows.slice(1).map(({ id }) => id)).toEqual(ids)
    expect(rows.map(({ name, position }) => [name, position])).toEqual([
      ['General', 1],
      ['A', 2],
      ['B', 9],
      ['C', 10],
      ['D', 1],
      ['E', 11],
    ])
  },
)

check(
  'each has its counters in the direct channel, bounded or not, and its line in the audit log',
  async (sql) => {
    const event = await makeEvent(sql)
    const [first = 0, second = 0] = await make(sql, event, [
      { name: 'A', price_cents: 100, capacity: 5, sku: 'A-1', is_visible: false },
      { name: 'B', price_cents: 0, capacity: null },
    ])
    const stock = await sql`
    select ticket_id::integer as ticket, channel, capacity::integer, held::integer, sold::integer
    from onsale.stock where ticket_id in (${first}, ${second}) order by ticket_id`
    expect([...stock]).toEqual([
      { ticket: first, channel: 'direct', capacity: 5, held: 0, sold: 0 },
      { ticket: second, channel: 'direct', capacity: null, held: 0, sold: 0 },
    ])
    expect(await auditOf(sql, `ticket ${first}`)).toMatchObject([
      {
        actor: 'user 7',
        action: 'ticket.create',
        before: null,
        after: { name: 'A', sku: 'A-1', price_cents: 100, capacity: 5, is_visible: false },
      },
    ])
  },
)

check('no list makes none, and an impossible ticket undoes all', async (sql) => {
  const event = await makeEvent(sql)
  expect(await make(sql, event, [])).toEqual([])
  const refused = (ticket: unknown) =>
    sqlStateOf(sql, (sql) => make(sql as TransactionSql, event, [{ name: 'A', price_cents: 1 }, ticket]))
  expect(await refused({ name: 'B', price_cents: -1 })).toBe('23514')
  expect(await refused({ name: 'B' })).toBe('23502')
  expect(await refused({ name: 'B', price_cents: 1, capacity: -1 })).toBe('23514')
  expect(await refused({ name: 'B', price_cents: 2.5 })).toBe('22P02')
  expect(await refused({ name: 'B', price_cents: 1, compare_at_price_cents: -1 })).toBe('23514')
  const [row] = await sql`select count(*)::integer from onsale.tickets where event_id = ${event}`
  expect(row).toEqual({ count: 1 })
})
