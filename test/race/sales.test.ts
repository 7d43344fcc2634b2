import { afterAll, beforeAll, expect, test } from 'bun:test'
import { openPool, type Sql, serviceRole } from '../../src/platform/database.ts'
import { createMetrics } from '../../src/platform/metrics.ts'
import { createSales, type Sales } from '../../src/sales/sales.ts'
import { addEvent } from '../catalog.ts'
import { expectVerified, type TestDatabase, testDatabase } from '../harness.ts'
import { countersOf, ticketsOf } from '../sales.ts'

// Many buyers at once, on real connections, through two services that know nothing of each other.

let database: TestDatabase
let pools: Sql[]
let services: Sales[]

beforeAll(async () => {
  database = await testDatabase({ connections: 4 })
  pools = [1, 2].map(() => openPool(database.url, { name: 'sales', max: 32, role: serviceRole }))
  services = pools.map((pool) => createSales({ pool, metrics: createMetrics() }))
})
afterAll(async () => {
  await Promise.all(pools.map((pool) => pool.end({ timeout: 1 })))
  await database.drop()
})

const service = (nth: number): Sales => services[nth % 2] as Sales

/** An event with one ticket, and so many users. */
async function onSale({ capacity, price = 0, users }: { capacity: number; price?: number; users: number }) {
  const { admin } = database
  const event = await addEvent(admin, { tickets: [{ direct: { capacity }, price }] })
  const [ticket = 0] = await ticketsOf(admin, event)
  const rows = await admin<{ id: number }[]>`
    insert into onsale.users (email, password_hash)
    select gen_random_uuid() || '@example.com', 'none' from generate_series(1, ${users}::integer)
    returning id::integer`
  return { event, ticket, users: rows.map(({ id }) => id) }
}

function tally<T>(values: readonly T[]): Record<string, number> {
  return Object.fromEntries([...Map.groupBy(values, String)].map(([value, all]) => [value, all.length]))
}

test('three thousand buyers of a thousand tickets, through two services: exactly a thousand are sold', async () => {
  const { event, ticket, users } = await onSale({ capacity: 1_000, users: 3_000 })
  const results = await Promise.all(
    users.map((userId, nth) =>
      service(nth).placeOrder(event, {
        userId,
        clientToken: 'one',
        items: [{ ticketId: ticket, quantity: 1 }],
      }),
    ),
  )
  expect(tally(results.map(({ outcome }) => outcome))).toEqual({ placed: 1_000, sold_out: 2_000 })
  expect(await countersOf(database.admin, event)).toEqual({ [ticket]: [0, 1_000, 0] })
  await expectVerified(database.admin)
})

test('the same from 64 connections without gathering, for one ticket or two each', async () => {
  const { event, ticket, users } = await onSale({ capacity: 1_000, price: 100, users: 3_000 })
  const results = await Promise.all(
    users.map((userId, nth) =>
      service(nth).calls.placeOrders(
        pools[nth % 2] as Sql,
        event,
        [{ userId, clientToken: 'one', items: [{ ticketId: ticket, quantity: 1 + (nth % 2) }] }],
        { holdS: 600 },
      ),
    ),
  )
  const sold = results
    .flat()
    .reduce((sum, { outcome }, nth) => sum + (outcome === 'placed' ? 1 + (nth % 2) : 0), 0)
  expect(sold).toBe(1_000)
  expect(await countersOf(database.admin, event)).toEqual({ [ticket]: [1_000, 0, 0] })
  await expectVerified(database.admin)
})

test('five hundred requests of one user at once get exactly his limit', async () => {
  const { event, ticket, users } = await onSale({ capacity: 1_000, users: 1 })
  const results = await Promise.all(
    Array.from({ length: 500 }, (_, nth) =>
      service(nth).placeOrder(event, {
        userId: users[0] ?? 0,
        clientToken: `request ${nth}`,
        items: [{ ticketId: ticket, quantity: 1 }],
      }),
    ),
  )
  expect(tally(results.map(({ outcome }) => outcome))).toEqual({ placed: 2, limit_reached: 498 })
  await expectVerified(database.admin)
})

test('the same request a hundred times at once makes one order, given again 99 times', async () => {
  const { event, ticket, users } = await onSale({ capacity: 10, price: 100, users: 1 })
  const results = await Promise.all(
    Array.from({ length: 100 }, (_, nth) =>
      service(nth).placeOrder(event, {
        userId: users[0] ?? 0,
        clientToken: 'the same',
        items: [{ ticketId: ticket, quantity: 2 }],
      }),
    ),
  )
  expect(tally(results.map(({ outcome }) => outcome))).toEqual({ placed: 1, replayed: 99 })
  expect(new Set(results.map(({ body }) => body)).size).toBe(1)
  expect(await countersOf(database.admin, event)).toEqual({ [ticket]: [2, 0, 8] })
  await expectVerified(database.admin)
})

test('orders are placed, cancelled, paid and expired all at once, and every unit is somewhere', async () => {
  const { event, ticket, users } = await onSale({ capacity: 60, price: 100, users: 200 })
  const statuses = ['CANCELLED', 'PAID', 'REFUND_DUE'] as const
  await Promise.all(
    users.map(async (userId, nth) => {
      // Half of the holds are over at once.
      const { calls } = service(nth)
      const pool = pools[nth % 2] as Sql
      const [placed] = await calls.placeOrders(
        pool,
        event,
        [{ userId, clientToken: 'one', items: [{ ticketId: ticket, quantity: 1 + (nth % 2) }] }],
        { holdS: nth % 2 === 0 ? 0 : 600 },
      )
      if (placed?.body == null) return
      const orderId = JSON.parse(placed.body).id as number
      await Promise.all([
        ...statuses.map((status) =>
          service(nth + 1).updateOrderStatus(
            event,
            { orderId, userId: null, status, version: null },
            { actor: 'admin', actorName: 'race' },
          ),
        ),
        calls.expireOrders(pool, event),
      ])
    }),
  )
  const [counted] = await database.admin<{ held: number; sold: number; units: number }[]>`
    select
      coalesce(sum(unit_count) filter (where status = 'PENDING'), 0)::integer as held,
      coalesce(sum(unit_count) filter (where status = 'PAID'), 0)::integer as sold,
      (select count(*)::integer from onsale.ticket_units u where u.event_id = ${event} and not u.is_void) as units
    from onsale.orders where event_id = ${event}`
  const { held, sold, units } = counted!
  expect(units).toBe(sold)
  expect(await countersOf(database.admin, event)).toEqual({ [ticket]: [held, sold, 60 - held - sold] })
  await expectVerified(database.admin)
})
