import { afterAll, beforeAll, expect, test } from 'bun:test'
import { openPool, type Sql, serviceRole } from '../../src/platform/database.ts'
import { createMetrics } from '../../src/platform/metrics.ts'
import { createSales, type Sales } from '../../src/sales/sales.ts'
import { addEvent } from '../catalog.ts'
import { expectVerified, type TestDatabase, testDatabase } from '../harness.ts'
import { addUser, place, ticketsOf } from '../sales.ts'

// Many doors at once, on real connections, through two services that know nothing of each other.

let database: TestDatabase
let pools: Sql[]
let services: Sales[]

beforeAll(async () => {
  database = await testDatabase({ connections: 4 })
  pools = [1, 2].map(() => openPool(database.url, { name: 'sales', max: 32, role: serviceRole }))
  services = pools.map((pool) => createSales({ pool, metrics: createMetrics() }))
})
afterAll(async () => {
  await expectVerified(database.admin)
  await Promise.all(pools.map((pool) => pool.end({ timeout: 1 })))
  await database.drop()
})

const pool = (nth: number): Sql => pools[nth % 2] as Sql
const service = (nth: number): Sales => services[nth % 2] as Sales

function tally(results: readonly { outcome: string }[]): Record<string, number> {
  return Object.fromEntries(
    [...Map.groupBy(results, ({ outcome }) => outcome)].map(([outcome, all]) => [outcome, all.length]),
  )
}

/** Orders of two units each of a new event, which cost nothing and so are paid. */
async function bought(orderCount: number) {
  const { admin } = database
  const event = await addEvent(admin, { tickets: [{ direct: { capacity: 1_000 }, price: 0 }] })
  const [ticket = 0] = await ticketsOf(admin, event)
  const orders = []
  for (let nth = 0; nth < orderCount; nth++) {
    const user = await addUser(admin)
    const [placed] = await place(admin, event, [{ user, items: [[ticket, 2]] }])
    orders.push({ id: placed!.body.id, user, codes: placed!.body.units!.map(({ code }) => code) })
  }
  return { event, orders }
}

test('the same code a hundred times at once from 64 connections admits once', async () => {
  const { orders } = await bought(1)
  const [code = ''] = orders[0]!.codes
  const results = await Promise.all(
    Array.from({ length: 100 }, (_, nth) =>
      service(nth).calls.applyCheckins(pool(nth), [{ code, actor: `key ${nth}` }]),
    ),
  )
  expect(tally(results.flat())).toEqual({ admitted: 1, already_admitted: 99 })
  expect(new Set(results.flat().map(({ checkedInAt }) => checkedInAt)).size).toBe(1)
})

test('the same code a hundred times at once, gathered by two services, admits once', async () => {
  const { orders } = await bought(1)
  const [code = ''] = orders[0]!.codes
  const results = await Promise.all(
    Array.from({ length: 100 }, (_, nth) => service(nth).checkIn({ code, actor: 'key 3' })),
  )
  expect(tally(results)).toEqual({ admitted: 1, already_admitted: 99 })
})

test('batches of the codes of two events, from either end: each admits once and nobody waits in a circle', async () => {
  const codes = [(await bought(5)).orders, (await bought(5)).orders].flat().flatMap((order) => order.codes)
  const results = await Promise.all(
    Array.from({ length: 60 }, (_, nth) =>
      service(nth).calls.applyCheckins(
        pool(nth),
        (nth % 2 === 0 ? codes : codes.toReversed()).map((code) => ({ code, actor: 'key 3' })),
      ),
    ),
  )
  expect(tally(results.flat())).toEqual({ admitted: 20, already_admitted: 1_180 })
})

test('an order that is cancelled while its codes are at the door: in or not, and nobody waits in a circle', async () => {
  const { event, orders } = await bought(20)
  const codes = orders.flatMap((order) => order.codes)
  const cancel = (nth: number) => {
    const { id, user } = orders[nth]!
    const request = { orderId: id, userId: user, status: 'CANCELLED', version: null }
    return service(nth).calls.updateOrderStatuses(pool(nth), event, [request], {
      actor: 'buyer',
      actorName: `user ${user}`,
    })
  }
  const [checkedIn] = await Promise.all([
    Promise.all(
      Array.from({ length: 20 }, (_, nth) =>
        service(nth).calls.applyCheckins(
          pool(nth),
          (nth % 2 === 0 ? codes : codes.toReversed()).map((code) => ({ code, actor: 'key 3' })),
        ),
      ),
    ),
    Promise.all(orders.map((_, nth) => cancel(nth))),
  ])
  const counts = tally(checkedIn.flat())
  const [used] = await database.admin<{ count: number }[]>`
    select count(*)::integer as count from onsale.ticket_units
    where event_id = ${event} and checked_in_at is not null`
  expect(counts.admitted ?? 0).toBe(used!.count)
  expect(counts.unknown).toBeUndefined()
  expect(
    tally(
      await service(0).calls.applyCheckins(
        pool(0),
        codes.map((code) => ({ code, actor: 'key 3' })),
      ),
    ),
  ).toEqual({
    not_paid: 40,
  })
})
