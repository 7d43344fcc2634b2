import { afterAll, beforeAll, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { TransactionSql } from 'postgres'
import { addEvent } from '../catalog.ts'
import { expectVerified, rollbackTest, type TestDatabase, testDatabase } from '../harness.ts'
import { addUser, change, countersOf, place, type TestRequest, ticketsOf } from '../sales.ts'

// Random lives of a small shop, in batches, against a model that says what must come of each request: few units, few users and
// short holds, so that everything meets everything.

const runs = Number(process.env.PROPERTY_RUNS ?? 40)
const holdS = 60
const limit = 3
const capacities = [3, 4]
const prices = [0, 500]
const userCount = 4

type Step =
  | {
      kind: 'place'
      requests: { user: number; token: number; items: [ticket: number, quantity: number][] }[]
    }
  | {
      kind: 'change'
      requests: { nth: number; status: string; isOwn: boolean; version: number | null }[]
      actor: 'buyer' | 'admin'
    }
  | { kind: 'wait'; seconds: number }

const item = fc.tuple(fc.integer({ min: 0, max: 1 }), fc.integer({ min: 1, max: 3 }))
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('place' as const),
        requests: fc.array(
          fc.record({
            user: fc.integer({ min: 0, max: userCount - 1 }),
            token: fc.integer({ min: 0, max: 3 }),
            items: fc.array(item, { minLength: 1, maxLength: 2 }),
          }),
          { minLength: 1, maxLength: 5 },
        ),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('change' as const),
        requests: fc.array(
          fc.record({
            nth: fc.integer({ min: 0, max: 7 }),
            status: fc.constantFrom('CANCELLED', 'PAID', 'FAILED', 'REFUND_DUE', 'REFUNDED', 'EXPIRED'),
            isOwn: fc.boolean(),
            version: fc.option(fc.integer({ min: 1, max: 3 })),
          }),
          { minLength: 1, maxLength: 3 },
        ),
        actor: fc.constantFrom('buyer' as const, 'admin' as const),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('wait' as const), seconds: fc.constantFrom(1, 59, 60, 61) }),
    },
  ),
  { minLength: 1, maxLength: 14 },
)

let database: TestDatabase
beforeAll(async () => {
  database = await testDatabase({ connections: 2 })
})
afterAll(() => database.drop())

type Order = {
  id: number
  user: number
  token: number
  items: Map<number, number>
  status: string
  version: number
  isPaid: boolean
  total: number
  expiresAt: number
}

/** What the direct channel of one event must do, one request after the other. */
class Model {
  readonly orders: Order[] = []
  now = Date.UTC(2026, 10, 1, 12)

  live(user?: number): Order[] {
    return this.orders.filter(
      (order) => ['PENDING', 'PAID'].includes(order.status) && (user === undefined || order.user === user),
    )
  }

  units(orders: readonly Order[], ticket?: number): number {
    return orders.reduce(
      (sum, { items }) =>
        sum +
        [...items].reduce(
          (n, [id, quantity]) => n + (ticket === undefined || id === ticket ? quantity : 0),
          0,
        ),
      0,
    )
  }

  expire(): void {
    for (const order of this.orders) {
      if (order.status === 'PENDING' && order.expiresAt <= this.now) this.set(order, 'EXPIRED')
    }
  }

  set(order: Order, status: string): void {
    order.status = status
    order.version++
    if (status === 'PAID' || status === 'REFUND_DUE') order.isPaid = order.total > 0
  }

  place(user: number, token: number, items: Map<number, number>): string {
    const known = this.orders.find((order) => order.user === user && order.token === token)
    if (known !== undefined) {
      const isSame =
        known.items.size === items.size &&
        [...items].every(([id, quantity]) => known.items.get(id) === quantity)
      return isSame ? 'replayed' : 'conflict'
    }
    const wanted = [...items.values()].reduce((sum, quantity) => sum + quantity, 0)
    if (this.units(this.live(user)) + wanted > limit) return 'limit_reached'
    let isShort = false
    let isGone = false
    for (const [ticket, quantity] of items) {
      const capacity = capacities[ticket] ?? 0
      const held = this.units(
        this.live().filter(({ status }) => status === 'PENDING'),
        ticket,
      )
      const left = capacity - this.units(this.live(), ticket)
      if (left >= quantity) continue
      isShort = true
      isGone ||= left + held < quantity
    }
    if (isShort) return isGone ? 'sold_out' : 'held_by_others'
    const total = [...items].reduce((sum, [ticket, quantity]) => sum + quantity * (prices[ticket] ?? 0), 0)
    this.orders.push({
      id: 0,
      user,
      token,
      items,
      status: total === 0 ? 'PAID' : 'PENDING',
      version: 1,
      isPaid: false,
      total,
      expiresAt: this.now + holdS * 1_000,
    })
    return 'placed'
  }

  change(order: Order | undefined, status: string, version: number | null, actor: 'buyer' | 'admin'): string {
    if (order === undefined) return 'not_found'
    if (version !== null && version !== order.version) return 'version_conflict'
    if (order.status === status) return 'unchanged'
    const allowed: Record<string, boolean> = {
      'PENDING PAID': actor === 'admin',
      'PENDING CANCELLED': !order.isPaid,
      'PENDING FAILED': actor === 'admin' && !order.isPaid,
      'PAID CANCELLED': !order.isPaid,
      'PAID REFUND_DUE': actor === 'admin' && order.isPaid,
      'REFUND_DUE REFUNDED': actor === 'admin' && order.isPaid,
    }
    if (!allowed[`${order.status} ${status}`]) return 'bad_transition'
    this.set(order, status)
    return 'updated'
  }
}

async function live(sql: TransactionSql, life: readonly Step[]): Promise<void> {
  const event = await addEvent(sql, {
    tickets: capacities.map((capacity, nth) => ({ direct: { capacity }, price: prices[nth] ?? 0 })),
  })
  await sql`update onsale.events set per_user_limit = ${limit} where id = ${event}`
  const tickets = await ticketsOf(sql, event)
  const users: number[] = []
  for (let nth = 0; nth < userCount; nth++) users.push(await addUser(sql))
  const model = new Model()

  for (const step of life) {
    const now = new Date(model.now).toISOString()
    if (step.kind === 'wait') {
      model.now += step.seconds * 1_000
      continue
    }
    model.expire()
    if (step.kind === 'place') {
      const before = model.orders.length
      const wanted = step.requests.map(({ user, token, items }) => model.place(user, token, summed(items)))
      const placed = await place(
        sql,
        event,
        step.requests.map(
          ({ user, token, items }): TestRequest => ({
            user: users[user] ?? 0,
            token: `token ${token}`,
            items: items.map(([ticket, quantity]) => [tickets[ticket] ?? 0, quantity]),
          }),
        ),
        { now, holdS },
      )
      expect(placed.map(({ outcome }) => outcome)).toEqual(wanted)
      const ids = placed.filter(({ outcome }) => outcome === 'placed').map(({ body }) => body.id)
      for (const [nth, order] of model.orders.slice(before).entries()) order.id = ids[nth] ?? 0
    } else {
      const { actor } = step
      const asked = step.requests.map(({ nth, status, isOwn, version }) => ({
        order: model.orders[nth],
        status,
        isOwn,
        version,
      }))
      const wanted = asked.map(({ order, status, isOwn, version }) =>
        model.change(isOwn ? order : undefined, status, version, actor),
      )
      const changed = await change(
        sql,
        event,
        asked.map(({ order, status, isOwn, version }) => ({
          order: order?.id ?? 999_999,
          status,
          user: isOwn ? (users[order?.user ?? 0] ?? 0) : -1,
          version,
        })),
        { actor, now },
      )
      expect(changed.map(({ outcome }) => outcome)).toEqual(wanted)
    }
    const sums = (status: string, ticket: number) =>
      model.units(
        model.orders.filter((order) => order.status === status),
        ticket,
      )
    expect(await countersOf(sql, event)).toEqual(
      Object.fromEntries(
        tickets.map((id, nth) => {
          const [held, sold] = [sums('PENDING', nth), sums('PAID', nth)]
          return [id, [held, sold, (capacities[nth] ?? 0) - held - sold]]
        }),
      ),
    )
  }
  await expectVerified(sql)
}

function summed(items: readonly [number, number][]): Map<number, number> {
  const all = new Map<number, number>()
  for (const [ticket, quantity] of items) all.set(ticket, (all.get(ticket) ?? 0) + quantity)
  return all
}

test('whatever is asked in whatever order, each request is answered as the model says, and the counters agree', async () => {
  await fc.assert(
    fc.asyncProperty(steps, (life) => rollbackTest(database.admin, (sql) => live(sql, life))),
    { numRuns: runs },
  )
}, 120_000)
