import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { refunded, refundsOf } from '../../jobs.ts'
import { auditOf, ordered, results, start } from '../../payments.ts'
import { addUser, change, countersOf, place } from '../../sales.ts'
import { scratchTests, sqlStateOf } from '../../scratch.ts'

const check = scratchTests()

/** As `ordered`, with an attempt for each order. */
async function started(sql: TransactionSql, options: { capacity?: number; buyers?: number } = {}) {
  const shop = await ordered(sql, options)
  const payments: number[] = []
  for (const order of shop.orders) payments.push((await start(sql, shop.event, order)).payment_id)
  return { ...shop, payments, payment: payments[0] ?? 0 }
}

const statusOf = async (sql: TransactionSql, payment: number) =>
  (await sql`select status from onsale.payments where id = ${payment}`)[0]?.status
const orderOf = async (sql: TransactionSql, order: number) =>
  (await sql`select status, version, paid_cents::integer from onsale.orders where id = ${order}`)[0]
const late = { now: '2026-11-01T12:10:00Z' }

check('a success pays the order: its units are sold and its codes are made', async (sql) => {
  const { event, ticket, order, payment } = await started(sql)
  expect(await results(sql, event, [{ payment, order, amount: 5000, currency: 'EUR' }])).toEqual([
    ['applied', 'PAID'],
  ])
  expect(await statusOf(sql, payment)).toBe('SUCCESS')
  expect(await orderOf(sql, order)).toEqual({ status: 'PAID', version: 2, paid_cents: 5000 })
  expect(await countersOf(sql, event)).toEqual({ [ticket]: [0, 2, 8] })
  const codes = await sql`select code from onsale.ticket_units where order_id = ${order}`
  expect(codes).toHaveLength(2)
  const [logged] = await sql`select actor, after from onsale.audit_log where subject = ${`order ${order}`}`
  expect(logged).toEqual({ actor: 'payment', after: { status: 'PAID' } })
  expect(await auditOf(sql, order)).toEqual([])
})

check('a success that is repeated, in the batch and after it, changes nothing', async (sql) => {
  const { event, order, payment } = await started(sql)
  const once = { payment, order }
  expect(await results(sql, event, [once, once])).toEqual([
    ['applied', 'PAID'],
    ['duplicate', 'PAID'],
  ])
  expect(await results(sql, event, [once], late)).toEqual([['duplicate', 'PAID']])
  expect(await orderOf(sql, order)).toEqual({ status: 'PAID', version: 2, paid_cents: 5000 })
  expect(await auditOf(sql, order)).toEqual([])
})

check('a failure keeps the hold until it expires', async (sql) => {
  const { event, ticket, order, payment } = await started(sql)
  const failed = { payment, order, status: 'FAILED' }
  expect(await results(sql, event, [failed])).toEqual([['applied', 'PENDING']])
  expect(await countersOf(sql, event)).toEqual({ [ticket]: [2, 0, 8] })
  expect(await results(sql, event, [failed])).toEqual([['duplicate', 'PENDING']])
  expect(await results(sql, event, [failed], late)).toEqual([['duplicate', 'EXPIRED']])
  expect(await countersOf(sql, event)).toEqual({ [ticket]: [0, 0, 10] })
})

check('a success after a failure wins, a failure after a success is stale', async (sql) => {
  const { event, orders, payments } = await started(sql, { buyers: 2 })
  const told = (nth: number, status: string) => ({
    payment: payments[nth] ?? 0,
    order: orders[nth] ?? 0,
    status,
  })
  expect(
    await results(sql, event, [
      told(0, 'FAILED'),
      told(1, 'SUCCESS'),
      told(0, 'SUCCESS'),
      told(1, 'FAILED'),
      told(0, 'FAILED'),
    ]),
  ).toEqual([
    ['applied', 'PENDING'],
    ['applied', 'PAID'],
    ['applied', 'PAID'],
    ['stale', 'PAID'],
    ['stale', 'PAID'],
  ])
  expect(await statusOf(sql, payments[1] ?? 0)).toBe('SUCCESS')
})

check('a success after expiry takes the units again where they are left', async (sql) => {
  const { event, ticket, order, payment } = await started(sql)
  expect(await results(sql, event, [{ payment, order }], late)).toEqual([['applied', 'PAID']])
  expect(await countersOf(sql, event)).toEqual({ [ticket]: [0, 2, 8] })
  expect(await orderOf(sql, order)).toEqual({ status: 'PAID', version: 3, paid_cents: 5000 })
})

check('a success after expiry is to be given back where others have the units', async (sql) => {
  const { event, ticket, order, payment } = await started(sql, { capacity: 3 })
  const other = await addUser(sql)
  const [taken] = await place(sql, event, [{ user: other, items: [[ticket, 2]] }], late)
  expect(taken!.outcome).toBe('placed')
  expect(await results(sql, event, [{ payment, order }], late)).toEqual([['applied', 'REFUND_DUE']])
  expect(await countersOf(sql, event)).toEqual({ [ticket]: [2, 0, 1] })
  expect(await orderOf(sql, order)).toEqual({ status: 'REFUND_DUE', version: 3, paid_cents: 5000 })
  expect(await results(sql, event, [{ payment, order }], late)).toEqual([['duplicate', 'REFUND_DUE']])
})

check('money for an order that is to be given back is owed once, however often it is told', async (sql) => {
  const { event, ticket, orders, payments } = await started(sql, { buyers: 2, capacity: 4 })
  const [first = 0, second = 0] = payments
  const batch = payments.map((payment, nth) => ({ payment, order: orders[nth] ?? 0 }))
  await sql`select api.expire_orders(${event}, '2026-11-01T12:10:00Z')`
  await sql`update onsale.stock set capacity = 1 where ticket_id = ${ticket}`
  expect(await results(sql, event, [...batch, ...batch], late)).toEqual([
    ['applied', 'REFUND_DUE'],
    ['applied', 'REFUND_DUE'],
    ['duplicate', 'REFUND_DUE'],
    ['duplicate', 'REFUND_DUE'],
  ])
  const owed = [
    [first, 'queued'],
    [second, 'queued'],
  ] as [number, string][]
  expect(await refundsOf(sql, payments)).toEqual(owed)
  await results(sql, event, batch, late)
  expect(await refundsOf(sql, payments)).toEqual(owed)
  const by = await sql`select created_by, next_attempt_at from onsale.jobs`
  expect([...by]).toEqual(owed.map(() => ({ created_by: 'payment', next_attempt_at: new Date(late.now) })))
  expect(await auditOf(sql, orders[0] ?? 0)).toEqual([])
})

check('an order that is paid owes nothing, nor one whose payment failed', async (sql) => {
  const { event, orders, payments } = await started(sql, { buyers: 2 })
  const [paid = 0, failed = 0] = payments
  await results(sql, event, [
    { payment: paid, order: orders[0] ?? 0 },
    { payment: failed, order: orders[1] ?? 0, status: 'FAILED' },
  ])
  expect(await refundsOf(sql, payments)).toEqual([])
})

check('an order that was cancelled, or failed by an admin, is paid where its units are left', async (sql) => {
  const { event, ticket, orders, users, payments } = await started(sql, { buyers: 2, capacity: 4 })
  const [first = 0, second = 0] = orders
  await change(sql, event, [{ order: first, status: 'CANCELLED', user: users[0] ?? 0 }])
  await change(sql, event, [{ order: second, status: 'FAILED' }], { actor: 'admin' })
  expect(
    await results(sql, event, [
      { payment: payments[1] ?? 0, order: second },
      { payment: payments[0] ?? 0, order: first },
    ]),
  ).toEqual([
    ['applied', 'PAID'],
    ['applied', 'PAID'],
  ])
  expect(await countersOf(sql, event)).toEqual({ [ticket]: [0, 4, 0] })
})

check('units are given once in a batch: who comes first has them', async (sql) => {
  const { event, ticket, orders, payments } = await started(sql, { buyers: 3, capacity: 6 })
  await sql`select api.expire_orders(${event}, '2026-11-01T12:10:00Z')`
  await sql`update onsale.stock set capacity = 5 where ticket_id = ${ticket}`
  const batch = [2, 0, 1].map((nth) => ({ payment: payments[nth] ?? 0, order: orders[nth] ?? 0 }))
  expect(await results(sql, event, batch, late)).toEqual([
    ['applied', 'PAID'],
    ['applied', 'PAID'],
    ['applied', 'REFUND_DUE'],
  ])
  expect(await countersOf(sql, event)).toEqual({ [ticket]: [0, 4, 1] })
})

check('late and timely orders of one batch share what there is, each paid once', async (sql) => {
  const { event, ticket, orders, users, payments } = await started(sql, { buyers: 3, capacity: 6 })
  const [first = 0, second = 0, third = 0] = orders
  for (const nth of [1, 2]) {
    await change(sql, event, [{ order: orders[nth] ?? 0, status: 'CANCELLED', user: users[nth] ?? 0 }])
  }
  await sql`update onsale.stock set capacity = 4 where ticket_id = ${ticket}`
  const success = (nth: number) => ({ payment: payments[nth] ?? 0, order: orders[nth] ?? 0 })
  expect(await results(sql, event, [1, 0, 2, 0, 1].map(success))).toEqual([
    ['applied', 'PAID'],
    ['applied', 'PAID'],
    ['applied', 'REFUND_DUE'],
    ['duplicate', 'PAID'],
    ['duplicate', 'PAID'],
  ])
  expect(await countersOf(sql, event)).toEqual({ [ticket]: [0, 4, 0] })
  expect(await orderOf(sql, first)).toEqual({ status: 'PAID', version: 2, paid_cents: 5000 })
  expect(await orderOf(sql, second)).toEqual({ status: 'PAID', version: 3, paid_cents: 5000 })
  expect(await orderOf(sql, third)).toEqual({ status: 'REFUND_DUE', version: 3, paid_cents: 5000 })
})

check('an order of several tickets is paid late only where all of them are left', async (sql) => {
  const { event, ticket, user } = await ordered(sql)
  await sql`update onsale.events set per_user_limit = null where id = ${event}`
  const [second] = await sql<{ id: number }[]>`
    insert into onsale.tickets (event_id, name, price_cents) values (${event}, 'Balcony', 100) returning id::integer`
  const balcony = second!.id
  await sql`
    insert into onsale.stock (event_id, ticket_id, channel, capacity) values (${event}, ${balcony}, 'direct', 1)`
  const both: [number, number][] = [
    [ticket, 1],
    [balcony, 1],
  ]
  const [placed] = await place(sql, event, [{ user, items: both }])
  const order = placed!.body.id
  const { payment_id: payment, amount_cents } = await start(sql, event, order)
  expect(amount_cents).toBe(2600)
  await place(sql, event, [{ user: await addUser(sql), items: [[balcony, 1]] }], late)
  expect(await results(sql, event, [{ payment, order }], late)).toEqual([['applied', 'REFUND_DUE']])
  expect(await countersOf(sql, event)).toEqual({ [ticket]: [0, 0, 10], [balcony]: [1, 0, 0] })
})

check('an order of an event that was deleted is to be given back', async (sql) => {
  const { event, order, payment } = await started(sql)
  await sql`select api.expire_orders(${event}, '2026-11-01T12:10:00Z')`
  await sql`update onsale.events set deleted_at = '2026-11-01T12:10:00Z' where id = ${event}`
  expect(await results(sql, event, [{ payment, order }], late)).toEqual([['applied', 'REFUND_DUE']])
})

check('an order of a ticket that was removed is to be given back', async (sql) => {
  const { event, ticket, order, payment } = await started(sql)
  await sql`select api.expire_orders(${event}, '2026-11-01T12:10:00Z')`
  await sql`update onsale.tickets set is_removed = true where id = ${ticket}`
  expect(await results(sql, event, [{ payment, order }], late)).toEqual([['applied', 'REFUND_DUE']])
})

check('a hold that runs is paid even where its event was deleted meanwhile', async (sql) => {
  const { event, order, payment } = await started(sql)
  await sql`update onsale.events set deleted_at = '2026-11-01T12:02:00Z' where id = ${event}`
  expect(await results(sql, event, [{ payment, order }])).toEqual([['applied', 'PAID']])
})

check(
  'an order paid by two payments stays paid, and the second is owed back once, however often it is told',
  async (sql) => {
    const { event, ticket, order, payment } = await started(sql)
    await results(sql, event, [{ payment, order, status: 'FAILED' }])
    const { payment_id: second } = await start(sql, event, order)
    expect(
      await results(sql, event, [
        { payment: second, order },
        { payment, order },
        { payment, order },
      ]),
    ).toEqual([
      ['applied', 'PAID'],
      ['applied', 'PAID'],
      ['duplicate', 'PAID'],
    ])
    await results(sql, event, [
      { payment, order },
      { payment: second, order },
    ])
    expect(await refundsOf(sql, [payment, second])).toEqual([[payment, 'queued']])
    expect([await statusOf(sql, payment), await statusOf(sql, second)]).toEqual(['SUCCESS', 'SUCCESS'])
    expect(await orderOf(sql, order)).toEqual({ status: 'PAID', version: 2, paid_cents: 5000 })
    expect(await countersOf(sql, event)).toEqual({ [ticket]: [0, 2, 8] })
    expect(await auditOf(sql, order)).toEqual([
      {
        action: 'payment.double',
        actor: 'payment',
        before: { status: 'PAID' },
        after: { status: 'PAID', payment_id: payment, amount_cents: 5000, currency: 'EUR' },
      },
    ])
  },
)

check('money for an order that is given back already does not bring it back', async (sql) => {
  const { event, ticket, order, payment } = await started(sql)
  await results(sql, event, [{ payment, order, status: 'FAILED' }])
  const { payment_id: second } = await start(sql, event, order)
  await results(sql, event, [{ payment: second, order }])
  for (const status of ['REFUND_DUE', 'REFUNDED']) {
    await change(sql, event, [{ order, status }], { actor: 'admin' })
  }
  expect(await results(sql, event, [{ payment, order }])).toEqual([['applied', 'REFUNDED']])
  expect(await countersOf(sql, event)).toEqual({ [ticket]: [0, 0, 10] })
  expect(await auditOf(sql, order)).toMatchObject([{ action: 'payment.double' }])
  // It came after what the admin said, so it is owed by itself.
  expect(await refundsOf(sql, [payment])).toEqual([[payment, 'queued']])
  expect(await refunded(sql, event, payment)).toEqual(['refunded', 'REFUNDED'])
})

check(
  'a result of another order, provider, amount or currency changes nothing but the audit log',
  async (sql) => {
    const { event, ticket, orders, order, payment } = await started(sql, { buyers: 2 })
    const batch = [
      { payment, order: orders[1] ?? 0 },
      { payment, order, amount: 4999 },
      { payment, order, currency: 'USD', status: 'FAILED' },
      { payment, order, provider: 'another' },
    ]
    expect(await results(sql, event, batch)).toEqual(batch.map(() => ['mismatch', 'PENDING']))
    expect(await statusOf(sql, payment)).toBe('PENDING')
    expect(await countersOf(sql, event)).toEqual({ [ticket]: [4, 0, 6] })
    const audit = await auditOf(sql, order)
    expect(audit.map(({ action }) => action)).toEqual(batch.map(() => 'payment.mismatch'))
    expect(audit[1]).toMatchObject({
      before: {
        payment_id: payment,
        order_id: order,
        status: 'PENDING',
        amount_cents: 5000,
        currency: 'EUR',
      },
      after: { payment_id: payment, order_id: order, status: 'SUCCESS', amount_cents: 4999, currency: null },
    })
    expect(audit[3]).toMatchObject({ before: { provider: 'sandbox' }, after: { provider: 'another' } })
    expect(await results(sql, event, [{ payment, order, amount: 5000, currency: 'eur' }])).toEqual([
      ['applied', 'PAID'],
    ])
  },
)

check('a payment that is not there, or of another event, is unknown; its batch-mates count', async (sql) => {
  const { event, order, payment } = await started(sql)
  const other = await started(sql)
  expect(
    await results(sql, event, [
      { payment: 999_999, order },
      { payment: other.payment, order: other.order },
      { payment, order },
    ]),
  ).toEqual([
    ['unknown_payment', null],
    ['unknown_payment', null],
    ['applied', 'PAID'],
  ])
  expect(await orderOf(sql, other.order)).toMatchObject({ status: 'PENDING' })
})

check('no results change nothing, and a word that is no status is refused', async (sql) => {
  const { event, order, payment } = await started(sql)
  expect(await results(sql, event, [])).toEqual([])
  const wrong = (sql: TransactionSql) => results(sql, event, [{ payment, order, status: 'MAYBE' }])
  expect(await sqlStateOf(sql, wrong)).toBe('22P02')
})
