import { afterAll, beforeAll, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { TransactionSql } from 'postgres'
import { addEvent } from '../catalog.ts'
import { expectVerified, rollbackTest, type TestDatabase, testDatabase } from '../harness.ts'
import { refunded } from '../jobs.ts'
import { results, start, type TestResult } from '../payments.ts'
import { addUser, change, countersOf, place, ticketsOf } from '../sales.ts'

// Random lives of orders and their payments against a model that says what must come of each: few units and short holds, so that
// most payments are late, and what the provider says comes repeated, shuffled and wrong. Money goes back meanwhile, at whatever
// moment, owed or not.

const runs = Number(process.env.PROPERTY_RUNS ?? 40)
const holdS = 60
const capacities = [3, 4]
const prices = [500, 700]

type Told = { nth: number; isSuccess: boolean; fault: 'none' | 'order' | 'amount' | 'currency' | 'payment' }

type Step =
  | { kind: 'place'; items: [first: number, second: number]; isStarted: boolean }
  | { kind: 'start'; nth: number }
  | { kind: 'results'; batch: Told[] }
  | { kind: 'change'; nth: number; status: string; actor: 'buyer' | 'admin' }
  | { kind: 'refund'; nth: number }
  | { kind: 'remove'; ticket: number }
  | { kind: 'wait'; seconds: number }

// Of those that there are, by turns.
const nth = fc.nat({ max: 11 })
const told: fc.Arbitrary<Told> = fc.record({
  nth,
  isSuccess: fc.boolean(),
  fault: fc.oneof(
    { weight: 9, arbitrary: fc.constant('none' as const) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        'order' as const,
        'amount' as const,
        'currency' as const,
        'payment' as const,
      ),
    },
  ),
})
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 10,
      arbitrary: fc.record({
        kind: fc.constant('place' as const),
        items: fc.constantFrom<[number, number]>([1, 0], [2, 0], [0, 1], [0, 3], [1, 1], [2, 2]),
        // Most buyers begin to pay at once.
        isStarted: fc.integer({ min: 0, max: 3 }).map((roll) => roll > 0),
      }),
    },
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('start' as const), nth }) },
    {
      weight: 10,
      arbitrary: fc.record({
        kind: fc.constant('results' as const),
        batch: fc.array(told, { minLength: 1, maxLength: 5 }),
      }),
    },
    {
      weight: 6,
      arbitrary: fc.oneof(
        fc.record({
          kind: fc.constant('change' as const),
          nth,
          status: fc.constant('CANCELLED'),
          actor: fc.constant('buyer' as const),
        }),
        fc.record({
          kind: fc.constant('change' as const),
          nth,
          status: fc.constantFrom('PAID', 'FAILED', 'REFUND_DUE', 'REFUNDED'),
          actor: fc.constant('admin' as const),
        }),
      ),
    },
    {
      weight: 10,
      arbitrary: fc.record({ kind: fc.constant('wait' as const), seconds: fc.constantFrom(1, 59, 60, 61) }),
    },
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('refund' as const), nth }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove' as const), ticket: fc.nat({ max: 1 }) }) },
  ),
  // Of itself it would mostly make short ones, in which nothing is late.
  { minLength: 25, maxLength: 60, size: 'max' },
)

let database: TestDatabase
beforeAll(async () => {
  database = await testDatabase({ connections: 2 })
})
afterAll(() => database.drop())

type Order = {
  id: number
  items: [number, number]
  total: number
  status: string
  expiresAt: number
  paid: number
}
type Attempt = {
  id: number
  order: Order
  status: string
  isOwed: boolean
  /** By whom the money went back: an admin says so first, the provider may say it too. */
  isGiven: boolean
  isNamed: boolean
}

/** What must come of orders and their payments, one after the other. */
class Model {
  readonly orders: Order[] = []
  readonly attempts: Attempt[] = []
  readonly isRemoved = [false, false]
  now = Date.UTC(2026, 10, 1, 12)
  doubles = 0
  mismatches = 0

  units(ticket: number, status: string): number {
    return this.orders.reduce(
      (sum, order) => sum + (order.status === status ? (order.items[ticket] ?? 0) : 0),
      0,
    )
  }

  isLeft(items: [number, number]): boolean {
    return items.every(
      (quantity, ticket) =>
        quantity === 0 ||
        (!this.isRemoved[ticket] &&
          this.units(ticket, 'PENDING') + this.units(ticket, 'PAID') + quantity <= (capacities[ticket] ?? 0)),
    )
  }

  set(order: Order, status: string): void {
    order.status = status
    if (status === 'PAID' || status === 'REFUND_DUE') order.paid = order.total
    for (const attempt of this.inOf(order)) {
      if (status === 'REFUND_DUE') attempt.isOwed = true
      if (status === 'REFUNDED') attempt.isGiven = true
    }
  }

  /** What came in for an order and did not go back. */
  inOf(order: Order): Attempt[] {
    return this.attempts.filter(
      (attempt) => attempt.order === order && attempt.status === 'SUCCESS' && !attempt.isGiven,
    )
  }

  refund(attempt: Attempt | undefined): [string, string | null] {
    if (attempt?.status !== 'SUCCESS') return ['not_found', null]
    const { order } = attempt
    if (attempt.isNamed) return ['unchanged', order.status]
    attempt.isNamed = true
    attempt.isGiven = true
    if (order.status === 'REFUND_DUE' && this.inOf(order).length === 0) this.set(order, 'REFUNDED')
    return ['refunded', order.status]
  }

  expire(): void {
    for (const order of this.orders) {
      if (order.status === 'PENDING' && order.expiresAt <= this.now) this.set(order, 'EXPIRED')
    }
  }

  start(order: Order): string {
    if (order.status !== 'PENDING') return 'not_payable'
    return this.attempts.some((attempt) => attempt.order === order && attempt.status === 'PENDING')
      ? 'existing'
      : 'created'
  }

  result(attempt: Attempt | undefined, { isSuccess, fault }: Told): [string, string | null] {
    if (attempt === undefined) return ['unknown_payment', null]
    const { order } = attempt
    if (fault !== 'none') {
      this.mismatches++
      return ['mismatch', order.status]
    }
    const status = isSuccess ? 'SUCCESS' : 'FAILED'
    if (attempt.status === status) return ['duplicate', order.status]
    if (attempt.status === 'SUCCESS') return ['stale', order.status]
    attempt.status = status
    if (isSuccess) {
      if (order.status === 'PENDING') this.set(order, 'PAID')
      else if (['EXPIRED', 'CANCELLED', 'FAILED'].includes(order.status)) {
        this.set(order, this.isLeft(order.items) ? 'PAID' : 'REFUND_DUE')
      } else {
        this.doubles++
        attempt.isOwed = true
      }
    }
    return ['applied', order.status]
  }

  change(order: Order, status: string): string {
    if (order.status === status) return 'unchanged'
    const allowed = [
      'PENDING PAID',
      'PENDING CANCELLED',
      'PENDING FAILED',
      'PAID REFUND_DUE',
      'REFUND_DUE REFUNDED',
    ]
    if (!allowed.includes(`${order.status} ${status}`)) return 'bad_transition'
    this.set(order, status)
    return 'updated'
  }
}

async function live(sql: TransactionSql, life: readonly Step[]): Promise<void> {
  const event = await addEvent(sql, {
    tickets: capacities.map((capacity, at) => ({ direct: { capacity }, price: prices[at] ?? 0 })),
  })
  await sql`update onsale.events set per_user_limit = null where id = ${event}`
  const tickets = await ticketsOf(sql, event)
  const user = await addUser(sql)
  const model = new Model()

  async function begin(order: Order): Promise<void> {
    const wanted = model.start(order)
    const now = new Date(model.now).toISOString()
    const started = await start(sql, event, order.id, { user, now })
    expect([started.outcome, started.order_status]).toEqual([wanted, order.status])
    if (wanted !== 'not_payable') expect(started.amount_cents).toBe(order.total)
    if (wanted === 'created') {
      const id = started.payment_id
      model.attempts.push({ id, order, status: 'PENDING', isOwed: false, isGiven: false, isNamed: false })
    }
  }

  for (const step of life) {
    const now = new Date(model.now).toISOString()
    if (step.kind === 'wait') {
      model.now += step.seconds * 1_000
      continue
    }
    if (step.kind === 'remove') {
      model.isRemoved[step.ticket] = true
      await sql`update onsale.tickets set is_removed = true where id = ${tickets[step.ticket] ?? 0}`
      continue
    }
    if (step.kind === 'place') {
      model.expire()
      const items = step.items.flatMap((quantity, at): [number, number][] =>
        quantity === 0 ? [] : [[tickets[at] ?? 0, quantity]],
      )
      const isLeft = model.isLeft(step.items)
      const [placed] = await place(sql, event, [{ user, items }], { now, holdS })
      expect(placed!.outcome === 'placed').toBe(isLeft)
      if (isLeft) {
        model.orders.push({
          id: placed!.body.id,
          items: step.items,
          total: step.items.reduce((sum, quantity, at) => sum + quantity * (prices[at] ?? 0), 0),
          status: 'PENDING',
          expiresAt: model.now + holdS * 1_000,
          paid: 0,
        })
        if (step.isStarted) await begin(model.orders.at(-1) as Order)
      }
    } else if (step.kind === 'results') {
      model.expire()
      const batch = step.batch.map((told): [TestResult, Attempt | undefined, Told] => {
        const attempt =
          told.fault === 'payment' ? undefined : model.attempts[told.nth % model.attempts.length]
        const { order } = attempt ?? {}
        const result: TestResult = {
          payment: attempt?.id ?? 999_999,
          order: told.fault === 'order' ? 999_999 : (order?.id ?? 0),
          status: told.isSuccess ? 'SUCCESS' : 'FAILED',
          amount: told.fault === 'amount' ? (order?.total ?? 0) + 1 : (order?.total ?? null),
          currency: told.fault === 'currency' ? 'USD' : null,
        }
        return [result, attempt, told]
      })
      const wanted = batch.map(([, attempt, told]) => model.result(attempt, told))
      const came = await results(
        sql,
        event,
        batch.map(([result]) => result),
        { now },
      )
      expect(came).toEqual(wanted)
    } else if (step.kind === 'refund') {
      model.expire()
      const attempt = model.attempts[step.nth % model.attempts.length]
      expect(await refunded(sql, event, attempt?.id ?? 999_999, { now })).toEqual(model.refund(attempt))
    } else {
      const order = model.orders[step.nth % model.orders.length]
      if (order === undefined) continue
      model.expire()
      if (step.kind === 'start') {
        await begin(order)
      } else {
        const wanted = model.change(order, step.status)
        const [changed] = await change(sql, event, [{ order: order.id, status: step.status }], {
          actor: step.actor,
          now,
        })
        expect(changed!.outcome).toBe(wanted)
      }
    }
    expect(await countersOf(sql, event)).toEqual(
      Object.fromEntries(
        tickets.map((id, at) => {
          const [held, sold] = [model.units(at, 'PENDING'), model.units(at, 'PAID')]
          return [id, [held, sold, (capacities[at] ?? 0) - held - sold]]
        }),
      ),
    )
  }

  const orders = await sql`
    select id::integer, status, paid_cents::integer as paid from onsale.orders where event_id = ${event} order by id`
  expect([...orders]).toEqual(model.orders.map(({ id, status, paid }) => ({ id, status, paid })))
  const attempts = await sql`
    select
      p.id::integer, p.status, p.refunded_at is not null as "isGiven", p.provider_refund_id is not null as "isNamed",
      r.is_due as "isDue",
      (
        select count(*)::integer from onsale.jobs j
        where j.kind = 'refund' and j.request = jsonb_build_object('event_id', p.event_id, 'order_id', p.order_id, 'payment_id', p.id)
      ) as jobs
    from onsale.payments p
    cross join lateral api.get_refund(p.event_id, p.id) r
    where p.event_id = ${event} order by p.id`
  expect([...attempts]).toEqual(
    model.attempts.map(({ id, status, isOwed, isGiven, isNamed }) => ({
      id,
      status,
      isGiven,
      isNamed,
      isDue: status === 'SUCCESS' && !isGiven,
      jobs: isOwed ? 1 : 0,
    })),
  )
  expect(await sql`select from onsale.jobs`).toHaveLength(
    model.attempts.filter(({ isOwed }) => isOwed).length,
  )
  expect([...(await lostIn(sql, event))]).toEqual([])
  const [audit] = await sql`
    select
      count(*) filter (where action = 'payment.double')::integer as doubles,
      count(*) filter (where action = 'payment.mismatch')::integer as mismatches
    from onsale.audit_log`
  expect(audit).toEqual({ doubles: model.doubles, mismatches: model.mismatches })
  await expectVerified(sql)
}

/** Money that came in for an order that is not PAID, and is neither owed back, by one job, nor given. */
const lostIn = (sql: TransactionSql, event: number) => sql`
  select o.id, o.status, p.id as payment
  from onsale.orders o
  join onsale.payments p on p.event_id = o.event_id and p.order_id = o.id and p.status = 'SUCCESS'
  where o.event_id = ${event} and o.status <> 'PAID' and p.refunded_at is null
    and (select count(*) from onsale.jobs j where j.kind = 'refund' and j.subject = 'payment ' || p.id) <> 1`

test('whatever becomes of orders and whatever is told of their payments, each ends as the model says', async () => {
  await fc.assert(
    fc.asyncProperty(steps, (life) => rollbackTest(database.admin, (sql) => live(sql, life))),
    { numRuns: runs },
  )
}, 120_000)
