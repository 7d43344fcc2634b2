import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { refunded } from '../../jobs.ts'
import { ordered, results, start } from '../../payments.ts'
import { change } from '../../sales.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

async function refund(sql: TransactionSql, event: number, payment: number) {
  const [row] = await sql`
    select r.provider, r.provider_payment_id, r.amount_cents::integer, r.currency, r.is_due
    from api.get_refund(p_event_id => ${event}::bigint, p_payment_id => ${payment}::bigint) r`
  return row ?? null
}

/** An order that is paid. */
async function paid(sql: TransactionSql) {
  const { event, order } = await ordered(sql)
  const { payment_id: payment } = await start(sql, event, order)
  await results(sql, event, [{ payment, order }])
  return { event, order, payment }
}

check('what came in and was not given back can be, with all that the provider is told', async (sql) => {
  const { event, payment } = await paid(sql)
  const known = { provider: 'sandbox', amount_cents: 5000, currency: 'EUR', is_due: true }
  expect(await refund(sql, event, payment)).toEqual({ ...known, provider_payment_id: null })
  await sql`select from api.update_payments(${event}::bigint, array[${payment}::bigint], '{far 1}', '{null}')`
  expect(await refund(sql, event, payment)).toEqual({ ...known, provider_payment_id: 'far 1' })
})

check('what did not come in is not due', async (sql) => {
  const { event, order } = await ordered(sql)
  const { payment_id: payment } = await start(sql, event, order)
  expect(await refund(sql, event, payment)).toMatchObject({ is_due: false })
  await results(sql, event, [{ payment, order, status: 'FAILED' }])
  expect(await refund(sql, event, payment)).toMatchObject({ is_due: false })
})

check('what was given back is not due again', async (sql) => {
  const { event, payment } = await paid(sql)
  await refunded(sql, event, payment)
  expect(await refund(sql, event, payment)).toMatchObject({ is_due: false })
})

check('what an admin says was given back is not due', async (sql) => {
  const { event, order, payment } = await paid(sql)
  await change(sql, event, [{ order, status: 'REFUND_DUE' }], { actor: 'admin' })
  expect(await refund(sql, event, payment)).toMatchObject({ is_due: true })
  await change(sql, event, [{ order, status: 'REFUNDED' }], { actor: 'admin' })
  expect(await refund(sql, event, payment)).toMatchObject({ is_due: false })
})

check('what comes in for an order that was given back already is due', async (sql) => {
  const { event, order } = await ordered(sql)
  const { payment_id: late } = await start(sql, event, order)
  await results(sql, event, [{ payment: late, order, status: 'FAILED' }])
  const { payment_id: first } = await start(sql, event, order)
  await results(sql, event, [{ payment: first, order }])
  for (const status of ['REFUND_DUE', 'REFUNDED']) {
    await change(sql, event, [{ order, status }], { actor: 'admin' })
  }
  expect(await results(sql, event, [{ payment: late, order }])).toEqual([['applied', 'REFUNDED']])
  expect(await refund(sql, event, first)).toMatchObject({ is_due: false })
  expect(await refund(sql, event, late)).toMatchObject({ is_due: true })
})

check('a payment that is not there, or of another event, has no row', async (sql) => {
  const { payment } = await paid(sql)
  const other = await ordered(sql)
  expect(await refund(sql, other.event, payment)).toBeNull()
  expect(await refund(sql, other.event, 999_999)).toBeNull()
})
