import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { at, jobOf, refunded, refundsOf } from '../../jobs.ts'
import { ordered, results, start } from '../../payments.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

const owe = (sql: TransactionSql, event: number, payments: number[], by = 'somebody') => sql`
  select from api.place_refund_jobs(${event}::bigint, ${`{${payments}}`}::text::bigint[], ${by}, ${at('12:06:00')}::text::timestamptz)`

/** Orders of one event, each with a payment; the first ones are paid. */
async function paid(sql: TransactionSql, { buyers = 1, paying = 9 } = {}) {
  const { event, orders } = await ordered(sql, { buyers })
  const payments: number[] = []
  for (const order of orders) payments.push((await start(sql, event, order)).payment_id)
  await results(
    sql,
    event,
    orders.slice(0, paying).map((order, nth) => ({ payment: payments[nth] ?? 0, order })),
  )
  return { event, orders, payments }
}

check('money that came in is owed back by a job that says of what, due at once', async (sql) => {
  const { event, orders, payments } = await paid(sql)
  const [payment = 0] = payments
  await owe(sql, event, payments)
  const [row] = await sql<{ id: number }[]>`select id::integer from onsale.jobs`
  expect(await jobOf(sql, row!.id)).toMatchObject({
    kind: 'refund',
    subject: `payment ${payment}`,
    request: { event_id: event, order_id: orders[0], payment_id: payment },
    state: 'queued',
    attempts: 0,
    next_attempt_at: new Date(at('12:06:00')),
    created_by: 'somebody',
    created_at: new Date(at('12:06:00')),
  })
})

check('however often it is owed, there is one job of a payment, and the first stays', async (sql) => {
  const { event, payments } = await paid(sql, { buyers: 2 })
  const [first = 0, second = 0] = payments
  await owe(sql, event, [first])
  await sql`update onsale.jobs set state = 'dead'`
  await owe(sql, event, [second, first, second], 'another')
  expect(await refundsOf(sql, payments)).toEqual([
    [first, 'dead'],
    [second, 'queued'],
  ])
  const by = await sql`select created_by from onsale.jobs order by id`
  expect(by.map(({ created_by }) => created_by)).toEqual(['somebody', 'another'])
})

check('what did not come in, or went back already, or is of another event is not owed', async (sql) => {
  const { event, payments } = await paid(sql, { buyers: 3, paying: 2 })
  const other = await paid(sql)
  const [given = 0, owed = 0, unpaid = 0] = payments
  await refunded(sql, event, given)
  await owe(sql, event, [given, owed, unpaid, other.payments[0] ?? 0, 999_999])
  expect(await refundsOf(sql, [...payments, ...other.payments])).toEqual([[owed, 'queued']])
})

check('nothing asked, nothing owed', async (sql) => {
  const { event } = await paid(sql)
  await owe(sql, event, [])
  expect(await sql`select from onsale.jobs`).toHaveLength(0)
})
