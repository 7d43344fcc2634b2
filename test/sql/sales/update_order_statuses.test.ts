import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { addEvent } from '../../catalog.ts'
import { refunded, refundsOf } from '../../jobs.ts'
import { results, start } from '../../payments.ts'
import { addUser, change, countersOf, place, ticketsOf } from '../../sales.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

/** An event with one ticket, and an order of two units of it. */
async function ordered(sql: TransactionSql, price = 2500) {
  const event = await addEvent(sql, { tickets: [{ direct: { capacity: 10 }, price }] })
  const [ticket = 0] = await ticketsOf(sql, event)
  const user = await addUser(sql)
  const [placed] = await place(sql, event, [{ user, items: [[ticket, 2]] }])
  return { event, ticket, user, order: placed!.body.id }
}
const outcomes = (changed: { outcome: string }[]) => changed.map(({ outcome }) => outcome)

check('a buyer cancels what he has not paid, and its units are free', async (sql) => {
  const { event, ticket, user, order } = await ordered(sql)
  const [changed] = await change(sql, event, [{ order, status: 'CANCELLED', user }])
  expect(changed).toMatchObject({
    outcome: 'updated',
    body: { id: order, status: 'CANCELLED', version: 2, updated_at: '2026-11-01T12:05:00.000Z' },
  })
  expect(await countersOf(sql, event)).toEqual({ [ticket]: [0, 0, 10] })
  expect(outcomes(await change(sql, event, [{ order, status: 'CANCELLED', user }]))).toEqual(['unchanged'])
})

check('a free order can be cancelled, and its codes admit nobody', async (sql) => {
  const { event, ticket, user, order } = await ordered(sql, 0)
  const [changed] = await change(sql, event, [{ order, status: 'CANCELLED', user }])
  expect(changed!.body).toMatchObject({ status: 'CANCELLED', units: null })
  expect(await countersOf(sql, event)).toEqual({ [ticket]: [0, 0, 10] })
  const units = await sql`select is_void from onsale.ticket_units where order_id = ${order}`
  expect([...units]).toEqual([{ is_void: true }, { is_void: true }])
})

check("another user's order is not there", async (sql) => {
  const { event, order } = await ordered(sql)
  const other = await addUser(sql)
  expect(outcomes(await change(sql, event, [{ order, status: 'CANCELLED', user: other }]))).toEqual([
    'not_found',
  ])
  expect(outcomes(await change(sql, event, [{ order: 999_999, status: 'CANCELLED', user: other }]))).toEqual([
    'not_found',
  ])
})

check('what was paid is given back, not cancelled; then refunded', async (sql) => {
  const { event, ticket, user, order } = await ordered(sql)
  const admin = (status: string) => change(sql, event, [{ order, status }], { actor: 'admin' })
  expect((await admin('PAID'))[0]).toMatchObject({ outcome: 'updated', body: { status: 'PAID', version: 2 } })
  expect(await countersOf(sql, event)).toEqual({ [ticket]: [0, 2, 8] })
  expect(outcomes(await change(sql, event, [{ order, status: 'CANCELLED', user }]))).toEqual([
    'bad_transition',
  ])
  expect(outcomes(await admin('CANCELLED'))).toEqual(['bad_transition'])
  expect(outcomes(await admin('REFUND_DUE'))).toEqual(['updated'])
  expect(await countersOf(sql, event)).toEqual({ [ticket]: [0, 0, 10] })
  expect(outcomes(await admin('REFUNDED'))).toEqual(['updated'])
  expect(outcomes(await admin('PAID'))).toEqual(['bad_transition'])
})

check('what an admin gives back is owed by a job for each payment that came in, once', async (sql) => {
  const { event, order } = await ordered(sql)
  const admin = (status: string) => change(sql, event, [{ order, status }], { actor: 'admin' })
  const payments: number[] = []
  for (let nth = 0; nth < 3; nth++) {
    const { payment_id: payment } = await start(sql, event, order)
    await results(sql, event, [{ payment, order, status: 'FAILED' }])
    payments.push(payment)
  }
  const [failed = 0, first = 0, second = 0] = payments
  await results(sql, event, [{ payment: second, order }])
  expect(await refundsOf(sql, payments)).toEqual([])
  // One that came in twice is owed before anybody gives the order back.
  await results(sql, event, [{ payment: first, order }])
  expect(await refundsOf(sql, payments)).toEqual([[first, 'queued']])
  expect(outcomes(await admin('REFUND_DUE'))).toEqual(['updated'])
  expect(await refundsOf(sql, payments)).toEqual([
    [first, 'queued'],
    [second, 'queued'],
  ])
  expect(outcomes(await admin('REFUND_DUE'))).toEqual(['unchanged'])
  expect(await refundsOf(sql, payments)).toHaveLength(2)
  expect(await refunded(sql, event, failed)).toEqual(['not_found', null])
})

check('what an admin marked as paid, and no payment came in for, owes nothing to a provider', async (sql) => {
  const { event, order } = await ordered(sql)
  for (const status of ['PAID', 'REFUND_DUE']) {
    const [changed] = await change(sql, event, [{ order, status }], { actor: 'admin' })
    expect(changed!.outcome).toBe('updated')
  }
  expect(await sql`select from onsale.jobs`).toHaveLength(0)
})

check('a buyer may not say that he has paid', async (sql) => {
  const { event, user, order } = await ordered(sql)
  expect(outcomes(await change(sql, event, [{ order, status: 'PAID', user }]))).toEqual(['bad_transition'])
})

check('a version that is not the newest changes nothing and tells the newest', async (sql) => {
  const { event, order } = await ordered(sql)
  const ask = (status: string, version: number) => ({ order, status, version })
  const changed = await change(sql, event, [ask('FAILED', 7), ask('PAID', 1), ask('REFUND_DUE', 1)], {
    actor: 'admin',
  })
  expect(outcomes(changed)).toEqual(['version_conflict', 'updated', 'version_conflict'])
  expect(changed[2]!.body).toMatchObject({ version: 2, status: 'PAID' })
})

check('an order whose time is over is EXPIRED, whatever is asked of it', async (sql) => {
  const { event, user, order } = await ordered(sql)
  const [changed] = await change(sql, event, [{ order, status: 'CANCELLED', user }], {
    now: '2026-11-01T12:10:00Z',
  })
  expect(changed).toMatchObject({ outcome: 'bad_transition', body: { status: 'EXPIRED' } })
})

check('every change is in the audit log, with who made it and from what to what', async (sql) => {
  const { event, user, order } = await ordered(sql)
  await change(sql, event, [{ order, status: 'CANCELLED', user }])
  const rows =
    await sql`select actor, action, before, after from onsale.audit_log where subject = ${`order ${order}`}`
  expect([...rows]).toEqual([
    {
      actor: 'buyer test',
      action: 'order.status',
      before: { status: 'PENDING' },
      after: { status: 'CANCELLED' },
    },
  ])
})

check('the table of changes holds exactly these', async (sql) => {
  const rows = await sql`
    select from_status || ' > ' || to_status || ' by ' || array_to_string(actors, ', ') as change
    from onsale.sale_transitions order by from_status, to_status`
  expect(rows.map(({ change }) => change)).toEqual([
    'PENDING > PAID by payment, admin',
    'PENDING > CANCELLED by buyer, admin',
    'PENDING > EXPIRED by clock',
    'PENDING > FAILED by admin',
    'PENDING > REFUND_DUE by payment',
    'PAID > CANCELLED by buyer, admin',
    'PAID > REFUND_DUE by admin',
    'CANCELLED > PAID by payment',
    'CANCELLED > REFUND_DUE by payment',
    'EXPIRED > PAID by payment',
    'EXPIRED > REFUND_DUE by payment',
    'FAILED > PAID by payment',
    'FAILED > REFUND_DUE by payment',
    'REFUND_DUE > REFUNDED by payment, admin',
  ])
})
