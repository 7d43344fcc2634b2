import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { addEvent } from '../../catalog.ts'
import { refundsOf } from '../../jobs.ts'
import { results, start } from '../../payments.ts'
import { addUser, countersOf, place, ticketsOf } from '../../sales.ts'
import { scratchTests, sqlStateOf } from '../../scratch.ts'

const check = scratchTests()

const set = (sql: TransactionSql, event: number, orders: number[], statuses: string[]) => sql`
  select api.update_orders(
    p_event_id => ${event}::bigint, p_order_ids => ${`{${orders}}`}::text::bigint[],
    p_statuses => ${`{${statuses}}`}::text::onsale.sale_status[], p_actor => 'test', p_now => '2026-11-01T12:05:00Z'
  )`

/** An event of five units, and an order of two of them by each of two users. */
async function twoOrders(sql: TransactionSql) {
  const event = await addEvent(sql, { tickets: [{ direct: { capacity: 5 } }] })
  const [ticket = 0] = await ticketsOf(sql, event)
  const placed = await place(sql, event, [
    { user: await addUser(sql), items: [[ticket, 2]] },
    { user: await addUser(sql), items: [[ticket, 2]] },
  ])
  const [first = 0, second = 0] = placed.map(({ body }) => body.id)
  return { event, ticket, first, second }
}

check('counters follow from all changes of a call together', async (sql) => {
  const { event, ticket, first, second } = await twoOrders(sql)
  await set(sql, event, [second, first], ['PAID', 'EXPIRED'])
  expect(await countersOf(sql, event)).toEqual({ [ticket]: [0, 2, 3] })
  await set(sql, event, [first, second], ['PAID', 'REFUND_DUE'])
  expect(await countersOf(sql, event)).toEqual({ [ticket]: [0, 2, 3] })
})

check('a code that was void is another one when its order is paid again', async (sql) => {
  const { event, first } = await twoOrders(sql)
  const codes = async () =>
    (await sql`select code from onsale.ticket_units where order_id = ${first} order by nth`).map(
      ({ code }) => code,
    )
  await set(sql, event, [first], ['PAID'])
  const before = await codes()
  await set(sql, event, [first], ['CANCELLED'])
  await set(sql, event, [first], ['PAID'])
  const after = await codes()
  expect(after).toHaveLength(2)
  expect(after.filter((code) => before.includes(code))).toEqual([])
})

check('units that are not left cannot be taken: the constraint refuses all of it', async (sql) => {
  const { event, ticket, first } = await twoOrders(sql)
  await set(sql, event, [first], ['EXPIRED'])
  await sql`update onsale.stock set capacity = 3 where ticket_id = ${ticket}`
  expect(await sqlStateOf(sql, (sql) => set(sql, event, [first], ['PAID']))).toBe('23514')
  expect(await countersOf(sql, event)).toEqual({ [ticket]: [2, 0, 1] })
})

check('of the orders of a call, those that are to be given back owe what came in for them', async (sql) => {
  const { event, first, second } = await twoOrders(sql)
  const { payment_id: kept } = await start(sql, event, first)
  const { payment_id: owed } = await start(sql, event, second)
  await results(sql, event, [
    { payment: kept, order: first },
    { payment: owed, order: second },
  ])
  await set(sql, event, [first, second], ['PAID', 'REFUND_DUE'])
  expect(await refundsOf(sql, [kept, owed])).toEqual([[owed, 'queued']])
  const [job] = await sql`select created_by, next_attempt_at from onsale.jobs`
  expect(job).toEqual({ created_by: 'test', next_attempt_at: new Date('2026-11-01T12:05:00Z') })
  await set(sql, event, [second], ['REFUNDED'])
  const given = await sql`select id::integer, refunded_at from onsale.payments order by id`
  expect([...given]).toEqual([
    { id: kept, refunded_at: null },
    { id: owed, refunded_at: new Date('2026-11-01T12:05:00Z') },
  ])
})

check('nothing to change changes nothing', async (sql) => {
  const { event, ticket } = await twoOrders(sql)
  await set(sql, event, [], [])
  expect(await countersOf(sql, event)).toEqual({ [ticket]: [4, 0, 1] })
})
