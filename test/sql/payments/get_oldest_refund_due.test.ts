import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { at, refunded } from '../../jobs.ts'
import { ordered, results, start } from '../../payments.ts'
import { change } from '../../sales.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

const oldest = async (sql: TransactionSql) => (await sql`select api.get_oldest_refund_due() as at`)[0]?.at

check('the oldest order that is REFUND_DUE tells since when, of whichever event', async (sql) => {
  const due: { event: number; payment: number }[] = []
  for (const time of ['12:07:00', '12:06:00']) {
    const { event, order } = await ordered(sql)
    const { payment_id: payment } = await start(sql, event, order)
    await results(sql, event, [{ payment, order }])
    expect(await oldest(sql)).toEqual(due.length === 0 ? null : new Date(at('12:07:00')))
    await change(sql, event, [{ order, status: 'REFUND_DUE' }], { actor: 'admin', now: at(time) })
    due.push({ event, payment })
  }
  const [newer, older] = due
  expect(await oldest(sql)).toEqual(new Date(at('12:06:00')))
  await refunded(sql, older!.event, older!.payment)
  expect(await oldest(sql)).toEqual(new Date(at('12:07:00')))
  await refunded(sql, newer!.event, newer!.payment)
  expect(await oldest(sql)).toBeNull()
})

check('where nothing is due there is no instant', async (sql) => {
  await ordered(sql)
  expect(await oldest(sql)).toBeNull()
})
