import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { textArray } from '../../../src/platform/database.ts'
import { auditOf, ordered, start, type TestResult } from '../../payments.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

type Sent = TestResult & { id: string; sender?: string }

/** Applies deliveries of one event: [outcome, status of the order], one per delivery. */
async function deliver(
  sql: TransactionSql,
  event: number,
  batch: readonly Sent[],
  now = '2026-11-01T12:05:00Z',
): Promise<[string, string | null][]> {
  const list = (get: (sent: Sent) => string | number | null | undefined) =>
    textArray(batch.map((sent) => get(sent)?.toString() ?? null))
  const rows = await sql<{ outcome: string; order_status: string | null }[]>`
    select r.outcome, r.order_status
    from api.apply_payment_deliveries(
      p_event_id => ${event}::bigint,
      p_senders => ${list(({ sender }) => sender ?? 'provider:sandbox')}::text[],
      p_delivery_ids => ${list(({ id }) => id)}::text[],
      p_topics => ${list(() => 'payments/result')}::text[],
      p_providers => ${list(({ provider }) => provider ?? 'sandbox')}::text[],
      p_payment_ids => ${list(({ payment }) => payment)}::text::bigint[],
      p_order_ids => ${list(({ order }) => order)}::text::bigint[],
      p_statuses => ${list(({ status }) => status ?? 'SUCCESS')}::text[],
      p_amounts => ${list(({ amount }) => amount)}::text::bigint[],
      p_currencies => ${list(({ currency }) => currency)}::text[],
      p_now => ${now}::text::timestamptz
    ) r
    order by r.ordinal`
  return rows.map(({ outcome, order_status }) => [outcome, order_status])
}

const remembered = async (sql: TransactionSql) =>
  Object.fromEntries(
    (await sql`select delivery_id, outcome from onsale.deliveries where shop = 'provider:sandbox'`).map(
      ({ delivery_id, outcome }) => [delivery_id, outcome],
    ),
  )

async function keepFailed(sql: TransactionSql, id: string, sender = 'provider:sandbox'): Promise<void> {
  await sql`
    select from api.fail_deliveries(
      array[${sender}::text], array[${id}::text], array['payments/result'], array[0::bigint], array[null::text],
      array[null::text], array['e30='], array[null::text], array['There is no such payment'])`
}

/** Orders of one event, each with an attempt. */
async function started(sql: TransactionSql, buyers = 1) {
  const { event, orders, order } = await ordered(sql, { buyers })
  const payments: number[] = []
  for (const one of orders) payments.push((await start(sql, event, one)).payment_id)
  return { event, orders, payments, order, payment: payments[0] ?? 0 }
}

check('each delivery is applied in input order, and remembered as its sender named it', async (sql) => {
  const { event, orders, payments } = await started(sql, 2)
  const [first = 0, second = 0] = orders
  const [one = 0, other = 0] = payments
  expect(
    await deliver(sql, event, [
      { id: 'a', payment: other, order: second, status: 'FAILED' },
      { id: 'b', payment: one, order: first, amount: 5000, currency: 'EUR' },
      { id: 'c', payment: one, order: first, status: 'FAILED' },
      { id: 'd', payment: other, order: second },
    ]),
  ).toEqual([
    ['applied', 'PENDING'],
    ['applied', 'PAID'],
    ['stale', 'PAID'],
    ['applied', 'PAID'],
  ])
  expect(await remembered(sql)).toEqual({ a: 'applied', b: 'applied', c: 'stale', d: 'applied' })
  const [row] = await sql`select topic, received_at from onsale.deliveries where delivery_id = 'a'`
  expect(row).toEqual({ topic: 'payments/result', received_at: new Date('2026-11-01T12:05:00Z') })
})

check('a delivery that is repeated, in the batch and after it, is a duplicate', async (sql) => {
  const { event, payment, order } = await started(sql)
  const sent = { id: 'a', payment, order }
  expect(await deliver(sql, event, [sent, sent])).toEqual([
    ['applied', 'PAID'],
    ['duplicate', 'PAID'],
  ])
  expect(await deliver(sql, event, [sent])).toEqual([['duplicate', 'PAID']])
  expect(await remembered(sql)).toEqual({ a: 'applied' })
})

check(
  'a failure that is repeated after a success is a duplicate, one that is told first then is stale',
  async (sql) => {
    const { event, payment, order } = await started(sql)
    const failed = { id: 'a', payment, order, status: 'FAILED' }
    expect(await deliver(sql, event, [failed])).toEqual([['applied', 'PENDING']])
    expect(await deliver(sql, event, [{ id: 'b', payment, order }])).toEqual([['applied', 'PAID']])
    expect(await deliver(sql, event, [failed, { ...failed, id: 'c' }])).toEqual([
      ['duplicate', 'PAID'],
      ['stale', 'PAID'],
    ])
    expect(await remembered(sql)).toEqual({ a: 'applied', b: 'applied', c: 'stale' })
  },
)

check(
  'old news is stale once; the same delivery again, in the batch and after it, is a duplicate',
  async (sql) => {
    const { event, order, payment } = await started(sql)
    await deliver(sql, event, [{ id: 'won', payment, order }])
    const late = { id: 'late', payment, order, status: 'FAILED' }
    expect(await deliver(sql, event, [late, late])).toEqual([
      ['stale', 'PAID'],
      ['duplicate', 'PAID'],
    ])
    expect(await deliver(sql, event, [late])).toEqual([['duplicate', 'PAID']])
  },
)

check('the same success in another delivery changes nothing and is remembered as well', async (sql) => {
  const { event, payment, order } = await started(sql)
  await deliver(sql, event, [{ id: 'a', payment, order }])
  expect(await deliver(sql, event, [{ id: 'b', payment, order }])).toEqual([['duplicate', 'PAID']])
  expect(await remembered(sql)).toEqual({ a: 'applied', b: 'stale' })
})

check('an unknown payment and a mismatch are not remembered; their batch-mates count', async (sql) => {
  const { event, payment, order } = await started(sql)
  expect(
    await deliver(sql, event, [
      { id: 'a', payment: 999_999, order },
      { id: 'b', payment, order, amount: 1 },
      { id: 'c', payment, order, provider: 'another' },
      { id: 'd', payment, order },
    ]),
  ).toEqual([
    ['unknown_payment', null],
    ['mismatch', 'PENDING'],
    ['mismatch', 'PENDING'],
    ['applied', 'PAID'],
  ])
  expect(await remembered(sql)).toEqual({ d: 'applied' })
  expect((await auditOf(sql, order)).map(({ action }) => action)).toEqual([
    'payment.mismatch',
    'payment.mismatch',
  ])
})

check('a delivery that was kept as failed is applied once more, and its bytes go', async (sql) => {
  const { event, payment, order } = await started(sql)
  await keepFailed(sql, 'a')
  await keepFailed(sql, 'b')
  await keepFailed(sql, 'a', 'provider:another')
  expect(await deliver(sql, event, [{ id: 'a', payment, order }])).toEqual([['applied', 'PAID']])
  expect(await remembered(sql)).toEqual({ a: 'applied', b: 'failed' })
  const kept = await sql`select shop, delivery_id from onsale.failed_deliveries order by delivery_id`
  expect([...kept]).toEqual([
    { shop: 'provider:another', delivery_id: 'a' },
    { shop: 'provider:sandbox', delivery_id: 'b' },
  ])
})

check('one that was kept as failed and still cannot be applied stays kept', async (sql) => {
  const { event, payment, order } = await started(sql)
  await keepFailed(sql, 'a')
  expect(await deliver(sql, event, [{ id: 'a', payment, order, currency: 'USD' }])).toEqual([
    ['mismatch', 'PENDING'],
  ])
  expect(await remembered(sql)).toEqual({ a: 'failed' })
  expect(await sql`select from onsale.failed_deliveries`).toHaveLength(1)
})

check('deliveries of two senders may have the same id', async (sql) => {
  const { event, orders, payments } = await started(sql, 2)
  const [one, other] = orders.map((order, nth) => ({ id: 'a', payment: payments[nth] ?? 0, order }))
  expect(await deliver(sql, event, [one!, { ...other!, sender: 'provider:another' }])).toEqual([
    ['applied', 'PAID'],
    ['applied', 'PAID'],
  ])
  const rows = await sql`select shop, outcome from onsale.deliveries where delivery_id = 'a' order by shop`
  expect([...rows]).toEqual([
    { shop: 'provider:another', outcome: 'applied' },
    { shop: 'provider:sandbox', outcome: 'applied' },
  ])
})

check('no deliveries change nothing', async (sql) => {
  const { event } = await started(sql)
  expect(await deliver(sql, event, [])).toEqual([])
  expect(await remembered(sql)).toEqual({})
})
