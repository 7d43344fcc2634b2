import { afterAll, beforeAll, expect, test } from 'bun:test'
import { createPaymentCalls, type PaymentResult } from '../../src/payments/calls.ts'
import { openPool, type Sql, serviceRole } from '../../src/platform/database.ts'
import { createMetrics } from '../../src/platform/metrics.ts'
import { createSalesCalls } from '../../src/sales/calls.ts'
import { addEvent } from '../catalog.ts'
import { expectVerified, type TestDatabase, testDatabase } from '../harness.ts'
import { delivered, ordered, start } from '../payments.ts'
import { countersOf, ticketsOf } from '../sales.ts'

// Results of payments against everything else that happens to an order, on real connections.

const seeds = [1, 2, 3, 4]
const capacity = 30
const buyers = 40
const latecomers = 20

let database: TestDatabase
let pools: Sql[]
const metrics = createMetrics()
const sales = createSalesCalls(metrics)
const payments = createPaymentCalls(metrics)

beforeAll(async () => {
  database = await testDatabase({ connections: 8 })
  pools = [1, 2].map(() => openPool(database.url, { name: 'payments', max: 16, role: serviceRole }))
})
afterAll(async () => {
  await Promise.all(pools.map((pool) => pool.end({ timeout: 1 })))
  await database.drop()
})

/** The same numbers from the same seed: from 0 to less than `bound`. */
function dice(seed: number): (bound: number) => number {
  let state = seed * 7_919
  return (bound) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return Math.floor((state / 2_147_483_648) * bound)
  }
}

function shuffled<T>(values: readonly T[], roll: (bound: number) => number): T[] {
  const all = [...values]
  for (let last = all.length - 1; last > 0; last--) {
    const other = roll(last + 1)
    const value = all[last] as T
    all[last] = all[other] as T
    all[other] = value
  }
  return all
}

for (const seed of seeds) {
  test(`paid, cancelled, expired and changed by an admin all at once, every unit is somewhere (seed ${seed})`, async () => {
    const roll = dice(seed)
    const { admin } = database
    const pool = () => pools[roll(2)] as Sql
    const event = await addEvent(admin, { tickets: [{ direct: { capacity }, price: 100 }] })
    const [ticket = 0] = await ticketsOf(admin, event)
    const users = await admin<{ id: number }[]>`
      insert into onsale.users (email, password_hash)
      select gen_random_uuid() || '@example.com', 'none' from generate_series(1, ${buyers + latecomers}::integer)
      returning id::integer`
    const request = (nth: number) => ({
      userId: users[nth]?.id ?? 0,
      clientToken: 'one',
      items: [{ ticketId: ticket, quantity: 1 + (nth % 2) }],
    })

    const placed = await sales.placeOrders(
      pool(),
      event,
      Array.from({ length: buyers }, (_, nth) => request(nth)),
      { holdS: 600 },
    )
    const orders = placed.flatMap(({ body }, nth) =>
      body === null ? [] : [{ id: JSON.parse(body).id as number, userId: users[nth]?.id ?? 0 }],
    )
    const results: PaymentResult[] = []
    for (const { id, userId } of orders) {
      const [started] = await payments.placePayments(pool(), event, [
        { orderId: id, userId, provider: 'sandbox' },
      ])
      const payment = started?.payment
      results.push({
        paymentId: payment?.paymentId ?? 0,
        orderId: id,
        status: 'SUCCESS',
        amountCents: payment?.amountCents ?? 0,
        currency: 'EUR',
      })
    }

    const applied: { paymentId: number; outcome: string }[] = []
    const tell = async (batch: PaymentResult[]) => {
      const told = await payments.applyPaymentDeliveries(pool(), event, batch.map(delivered))
      for (const [nth, { outcome }] of told.entries()) {
        const { paymentId, status } = batch[nth] as PaymentResult
        if (status === 'SUCCESS') applied.push({ paymentId, outcome })
      }
    }
    const change = (orderId: number, status: string, userId: number | null) =>
      sales.updateOrderStatuses(pool(), event, [{ orderId, userId, status, version: null }], {
        actor: userId === null ? 'admin' : 'buyer',
        actorName: 'race',
      })
    const work: (() => Promise<unknown>)[] = orders.flatMap(({ id, userId }, nth) => {
      const result = results[nth] as PaymentResult
      const all = [
        () => change(id, 'CANCELLED', userId),
        () => change(id, ['PAID', 'FAILED', 'REFUND_DUE'][roll(3)] as string, null),
        () =>
          admin`update onsale.orders set expires_at = clock_timestamp() where event_id = ${event} and id = ${id}`,
        () => sales.expireOrders(pool(), event),
        () => payments.placePayments(pool(), event, [{ orderId: id, userId, provider: 'sandbox' }]),
        () => tell([{ ...result, status: 'FAILED' }]),
      ].filter(() => roll(2) === 0)
      // Three of four are paid; what is said twice is said together with that of another order.
      return nth % 4 === 3
        ? all
        : [...all, () => tell([result]), () => tell([results[roll(nth + 1)] as PaymentResult, result])]
    })
    const late = Array.from(
      { length: latecomers },
      (_, nth) => () => sales.placeOrders(pool(), event, [request(buyers + nth)], { holdS: 600 }),
    )
    await Promise.all(shuffled([...work, ...late], roll).map((task) => task()))

    // A success counts once, and whoever has paid is known.
    const counted = applied.filter(({ outcome }) => outcome === 'applied').map(({ paymentId }) => paymentId)
    expect(counted.toSorted((a, b) => a - b)).toEqual(
      [...new Set(applied.map(({ paymentId }) => paymentId))].toSorted((a, b) => a - b),
    )
    expect(new Set(applied.map(({ outcome }) => outcome))).toEqual(new Set(['applied', 'duplicate']))
    const ends = await admin<{ id: number; status: string; units: number; codes: number; paid: number }[]>`
      select
        o.id::integer, o.status, o.unit_count as units,
        (
          select count(*)::integer from onsale.ticket_units u
          where u.event_id = o.event_id and u.order_id = o.id and not u.is_void
        ) as codes,
        (
          select count(*)::integer from onsale.payments p
          where p.event_id = o.event_id and p.order_id = o.id and p.status = 'SUCCESS'
        ) as paid
      from onsale.orders o where o.event_id = ${event}`
    const sum = (status: string) =>
      ends.reduce((units, end) => units + (end.status === status ? end.units : 0), 0)
    for (const end of ends) {
      expect([end.id, end.codes]).toEqual([end.id, end.status === 'PAID' ? end.units : 0])
      if (end.paid > 0) expect(['PAID', 'REFUND_DUE', 'REFUNDED']).toContain(end.status)
    }
    const [held, sold] = [sum('PENDING'), sum('PAID')]
    expect(sold).toBeGreaterThan(0)
    expect(await countersOf(admin, event)).toEqual({ [ticket]: [held, sold, capacity - held - sold] })
    await expectVerified(admin)
  })
}

test('forty late payments of the last units at once: so many are paid as there are units', async () => {
  const { admin } = database
  const { event, ticket, orders } = await ordered(admin, { capacity: 80, buyers: 40 })
  const results: PaymentResult[] = []
  for (const orderId of orders) {
    const { payment_id: paymentId } = await start(admin, event, orderId)
    results.push({ paymentId, orderId, status: 'SUCCESS', amountCents: 5000, currency: null })
  }
  await admin`select api.expire_orders(${event}, '2026-11-01T12:10:00Z')`
  await admin`update onsale.stock set capacity = 15 where ticket_id = ${ticket}`
  const told = await Promise.all(
    results.map((result, nth) =>
      payments.applyPaymentDeliveries(pools[nth % 2] as Sql, event, [delivered(result)]),
    ),
  )
  const statuses = told.flat().map(({ orderStatus }) => orderStatus)
  expect(statuses.filter((status) => status === 'PAID')).toHaveLength(7)
  expect(statuses.filter((status) => status === 'REFUND_DUE')).toHaveLength(33)
  expect(await countersOf(admin, event)).toEqual({ [ticket]: [0, 14, 1] })
  await expectVerified(admin)
})

test('ten attempts for one order at once are one', async () => {
  const { admin } = database
  const { event, order } = await ordered(admin)
  await admin`update onsale.orders set expires_at = '2099-01-01' where id = ${order}`
  const batches = await Promise.all(
    Array.from({ length: 10 }, (_, nth) =>
      payments.placePayments(pools[nth % 2] as Sql, event, [
        { orderId: order, userId: null, provider: 'sandbox' },
      ]),
    ),
  )
  const started = batches.flat()
  expect(started.map(({ outcome }) => outcome).filter((outcome) => outcome === 'created')).toHaveLength(1)
  const [first] = started
  for (const { payment } of started) expect(payment).toEqual(first!.payment)
  const paymentId = first!.payment!.paymentId
  const answers = await Promise.all(
    Array.from({ length: 10 }, (_, nth) =>
      payments.updatePayments(pools[nth % 2] as Sql, event, [
        { paymentId, providerPaymentId: `far ${event} ${nth % 2}`, redirectUrl: null },
      ]),
    ),
  )
  const counts = Object.fromEntries(
    [...Map.groupBy(answers, String)].map(([word, all]) => [word, all.length]),
  )
  expect(counts).toEqual({ updated: 1, unchanged: 4, conflict: 5 })
  expect(await payments.listPaymentEvents(pools[0] as Sql, [paymentId, 0])).toEqual([event, null])
})

test('a late payment against the deletion of its event: either it is paid, or the event is gone', async () => {
  const { admin } = database
  const ends = await Promise.all(
    Array.from({ length: 12 }, async (_, nth) => {
      const { event, order: orderId } = await ordered(admin)
      const { payment_id: paymentId } = await start(admin, event, orderId)
      await admin`select api.expire_orders(${event}, '2026-11-01T12:10:00Z')`
      const pay = () =>
        payments.applyPaymentDeliveries(pools[0] as Sql, event, [
          delivered({ paymentId, orderId, status: 'SUCCESS', amountCents: null, currency: null }),
        ])
      const remove = () => (pools[1] as Sql)<{ outcome: string }[]>`
        select r.outcome from api.cancel_direct_event(${event}::bigint, null::integer, 'race') r`
      const [[paid], [removed]] =
        nth % 2 === 0
          ? await Promise.all([pay(), remove()])
          : ((await Promise.all([remove(), pay()])).reverse() as [
              Awaited<ReturnType<typeof pay>>,
              Awaited<ReturnType<typeof remove>>,
            ])
      return `${paid?.orderStatus} ${removed?.outcome}`
    }),
  )
  for (const end of ends) expect(['PAID has_live_orders', 'REFUND_DUE cancelled']).toContain(end)
  await expectVerified(admin)
})
