import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { addEvent } from '../../catalog.ts'
import { ticketsOf } from '../../sales.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

type Item = { ticket?: number; sku?: string; event?: number }

async function found(sql: TransactionSql, ...items: Item[]): Promise<(number | null)[][]> {
  const list = (values: (string | number | undefined)[]) =>
    `{${values.map((value) => (value === undefined ? 'null' : JSON.stringify(String(value)))).join(',')}}`
  const rows = await sql<{ event: number | null; ticket: number | null; matches: number }[]>`
    select r.event_id::integer as event, r.ticket_id::integer as ticket, r.match_count as matches
    from api.list_order_tickets(
      p_ticket_ids => ${list(items.map(({ ticket }) => ticket))}::text::bigint[],
      p_skus => ${list(items.map(({ sku }) => sku))}::text::text[],
      p_event_ids => ${list(items.map(({ event }) => event))}::text::bigint[],
      p_now => '2026-11-01T12:00:00Z'
    ) r order by r.ordinal`
  return rows.map(({ event, ticket, matches }) => [event, ticket, matches])
}

async function addSku(sql: TransactionSql, sku: string, event: Parameters<typeof addEvent>[1] = {}) {
  const id = await addEvent(sql, event)
  await sql`update onsale.tickets set sku = ${sku} where event_id = ${id}`
  const [ticket = 0] = await ticketsOf(sql, id)
  return { id, ticket }
}

const none = [null, null, 0]

check('a ticket is found by its id, in its event', async (sql) => {
  const { id, ticket } = await addSku(sql, 'GA')
  const other = await addEvent(sql)
  expect(
    await found(sql, { ticket }, { ticket, event: id }, { ticket, event: other }, { ticket: 999_999 }),
  ).toEqual([[id, ticket, 1], [id, ticket, 1], none, none])
})

check('a sku that one open event uses names its ticket; of several the event must be named', async (sql) => {
  const first = await addSku(sql, 'GA')
  expect(await found(sql, { sku: 'GA' }, { sku: 'ga' })).toEqual([[first.id, first.ticket, 1], none])
  const second = await addSku(sql, 'GA')
  expect(await found(sql, { sku: 'GA' }, { sku: 'GA', event: second.id })).toEqual([
    [first.id, first.ticket, 2],
    [second.id, second.ticket, 1],
  ])
})

check(
  'events that are over, drafts, hidden tickets and those of Shopify alone do not count for a sku',
  async (sql) => {
    const over = await addSku(sql, 'GA', { startsAt: '2026-10-01T12:00:00Z' })
    await addSku(sql, 'GA', { status: 'draft' })
    await addSku(sql, 'GA', { deletedAt: '2026-10-01' })
    await addSku(sql, 'GA', { tickets: [{ isVisible: false }] })
    await addSku(sql, 'GA', { tickets: [{ isRemoved: true }] })
    await addSku(sql, 'GA', { tickets: [{ direct: null }] })
    // Of an event that is named it is found all the same, to be told that it is over.
    expect(await found(sql, { sku: 'GA' }, { sku: 'GA', event: over.id })).toEqual([
      none,
      [over.id, over.ticket, 1],
    ])
  },
)

check('an event alone names its one ticket, and is told how many there are', async (sql) => {
  const one = await addEvent(sql, { tickets: [{}, { isVisible: false }, { direct: null }] })
  const two = await addEvent(sql, { tickets: [{}, {}] })
  const [ticket = 0] = await ticketsOf(sql, one)
  const [first = 0] = await ticketsOf(sql, two)
  expect(await found(sql, { event: one }, { event: two }, { event: 999_999 })).toEqual([
    [one, ticket, 1],
    [two, first, 2],
    none,
  ])
})
