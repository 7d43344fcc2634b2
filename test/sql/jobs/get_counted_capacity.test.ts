import { expect } from 'bun:test'
import type { Session } from '../../../src/platform/database.ts'
import { apply, delivery, level, order } from '../../deliveries.ts'
import { at } from '../../jobs.ts'
import { scratchTests } from '../../scratch.ts'
import { begin, confirm, mirror, queued } from '../../writes.ts'

const check = scratchTests()

async function counted(sql: Session, event: number, ticket: number): Promise<number | null> {
  const [row] = await sql<{ count: number | null }[]>`
    select api.get_counted_capacity(
      p_event_id => ${event}::bigint, p_ticket_id => ${ticket}::bigint, p_now => ${at('12:00:02')}::text::timestamptz
    )::integer as count`
  return row!.count
}
const tell = (sql: Session, available: number, time: string) =>
  apply(sql, delivery('inventory_levels/update', level(available, { updated_at: at(time) })))

check('it is what is left and what is sold, in all channels', async (sql) => {
  const { event, ticket } = await mirror(sql)
  await tell(sql, 100, '11:00:00')
  expect(await counted(sql, event, ticket)).toBe(100)
  const lines = [{ id: 1, variant_id: 11, quantity: 3, current_quantity: 3 }]
  await apply(sql, delivery('orders/create', order({ lines, at: at('11:30:00') })))
  expect(await counted(sql, event, ticket)).toBe(100)
  await sql`insert into onsale.stock (event_id, ticket_id, channel, capacity) values (${event}, ${ticket}, 'direct', 40)`
  expect(await counted(sql, event, ticket)).toBe(140)
})

check('what a job did counts from when it is done, once, whether the mirror shows it or not', async (sql) => {
  const { event, ticket } = await mirror(sql)
  await tell(sql, 100, '11:00:00')
  const job = await queued(sql, 'update_capacity', { ticket, details: { capacity: 120, location_id: '1' } })
  const attempt = await begin(sql, job)
  await sql`select api.update_capacity_delta(${job}, ${attempt})`
  expect(await counted(sql, event, ticket)).toBe(100)
  const result = JSON.stringify({ shopify_updated_at: at('12:00:01') })
  await sql`select api.complete_job(${job}, ${attempt}, ${result}::text::jsonb, ${at('12:00:01')}::text::timestamptz)`
  expect(await counted(sql, event, ticket)).toBe(120)
  await tell(sql, 120, '12:00:01')
  expect(await counted(sql, event, ticket)).toBe(120)
  expect(await confirm(sql)).toEqual([job])
  expect(await counted(sql, event, ticket)).toBe(120)
})

check('of a ticket that is not there nothing is counted', async (sql) => {
  const { event } = await mirror(sql)
  expect(await counted(sql, event, 999_999)).toBeNull()
})
