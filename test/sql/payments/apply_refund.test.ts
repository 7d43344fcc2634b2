import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { at, refunded } from '../../jobs.ts'
import { ordered, results, start } from '../../payments.ts'
import { change } from '../../sales.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

/** An order that so many payments came in for, the last one first. */
async function paid(sql: TransactionSql, payments = 1) {
  const { event, order } = await ordered(sql)
  const started: number[] = []
  for (let nth = 0; nth < payments; nth++) {
    const { payment_id: payment } = await start(sql, event, order)
    if (nth < payments - 1) await results(sql, event, [{ payment, order, status: 'FAILED' }])
    started.unshift(payment)
  }
  await results(
    sql,
    event,
    started.map((payment) => ({ payment, order })),
  )
  return { event, order, payment: started[0] ?? 0, second: started[1] ?? 0 }
}
const say = (sql: TransactionSql, event: number, order: number, status: string) =>
  change(sql, event, [{ order, status }], { actor: 'admin', now: at('12:06:00') })
const stored = async (sql: TransactionSql, payment: number) =>
  (await sql`select status, refunded_at, provider_refund_id from onsale.payments where id = ${payment}`)[0]

check('an order whose money went back is REFUNDED, by the payment', async (sql) => {
  const { event, order, payment } = await paid(sql)
  await say(sql, event, order, 'REFUND_DUE')
  expect(await refunded(sql, event, payment, { name: 're_1' })).toEqual(['refunded', 'REFUNDED'])
  expect(await stored(sql, payment)).toEqual({
    status: 'SUCCESS',
    refunded_at: new Date(at('12:20:00')),
    provider_refund_id: 're_1',
  })
  const [last] = await sql`
    select actor, before, after from onsale.audit_log where subject = ${`order ${order}`} order by id desc limit 1`
  expect(last).toEqual({ actor: 'payment', before: { status: 'REFUND_DUE' }, after: { status: 'REFUNDED' } })
})

check('the same one again changes nothing', async (sql) => {
  const { event, order, payment } = await paid(sql)
  await say(sql, event, order, 'REFUND_DUE')
  await refunded(sql, event, payment, { name: 're_1' })
  const before = await stored(sql, payment)
  const again = { name: 're_2', now: at('12:30:00') }
  expect(await refunded(sql, event, payment, again)).toEqual(['unchanged', 'REFUNDED'])
  expect(await stored(sql, payment)).toEqual(before)
})

check('an order that was paid twice stays paid when the second money goes back', async (sql) => {
  const { event, order, second } = await paid(sql, 2)
  expect(await refunded(sql, event, second)).toEqual(['refunded', 'PAID'])
  await say(sql, event, order, 'REFUND_DUE')
  expect(await refunded(sql, event, second)).toEqual(['unchanged', 'REFUND_DUE'])
})

check('an order is REFUNDED only when all of its money went back', async (sql) => {
  const { event, order, payment, second } = await paid(sql, 2)
  await say(sql, event, order, 'REFUND_DUE')
  expect(await refunded(sql, event, payment)).toEqual(['refunded', 'REFUND_DUE'])
  expect(await refunded(sql, event, second)).toEqual(['refunded', 'REFUNDED'])
})

check('a refund that was under way when an admin said that it is done keeps its name', async (sql) => {
  const { event, order, payment } = await paid(sql)
  await say(sql, event, order, 'REFUND_DUE')
  await say(sql, event, order, 'REFUNDED')
  const at_ = new Date(at('12:06:00'))
  expect(await stored(sql, payment)).toMatchObject({ refunded_at: at_, provider_refund_id: null })
  expect(await refunded(sql, event, payment, { name: 're_1' })).toEqual(['refunded', 'REFUNDED'])
  expect(await stored(sql, payment)).toMatchObject({ refunded_at: at_, provider_refund_id: 're_1' })
  expect(await refunded(sql, event, payment, { name: 're_1' })).toEqual(['unchanged', 'REFUNDED'])
})

check('what did not come in, is not there, or is of another event cannot have gone back', async (sql) => {
  const { event, order } = await ordered(sql)
  const { payment_id: payment } = await start(sql, event, order)
  const other = await paid(sql)
  for (const id of [payment, other.payment, 999_999]) {
    expect(await refunded(sql, event, id)).toEqual(['not_found', null])
  }
  expect(await stored(sql, payment)).toMatchObject({ status: 'PENDING', refunded_at: null })
})
