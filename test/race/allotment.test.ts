import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { allotmentOf, allotted, goOn, type Mirrored, mirrored, queued, said } from '../allotment.ts'
import { apply, delivery, level, product, stockOf, variant } from '../deliveries.ts'
import { expectVerified, type TestDatabase, testDatabase } from '../harness.ts'
import { addUser, place } from '../sales.ts'
import { blockersOf, withSessions } from './sessions.ts'

// Units that move while they are sold, and while Shopify tells of their ticket: on real connections.

let database: TestDatabase
let made: Mirrored
let nth = 0
beforeAll(async () => {
  database = await testDatabase()
})
beforeEach(async () => {
  nth += 1
  made = await mirrored(database.admin, 10, { id: nth })
})
afterAll(async () => {
  await expectVerified(database.admin)
  await database.drop()
})

const order = async (units: number) => ({
  user: await addUser(database.admin),
  items: [[made.ticket, units] as [number, number]],
})

test('who buys units that are about to go back waits, and does not get them', async () => {
  await allotted(database.admin, made.ticket, 2)
  const job = await queued(database.admin, made.ticket, 0)
  const request = await order(1)
  await withSessions(database, 2, async (worker, buyer) => {
    await worker.sql`begin`
    const { key, delta } = await goOn(worker.sql, job)
    expect(delta).toBe(2)
    const placed = place(buyer.sql, made.event, [request])
    expect(await blockersOf(database, buyer)).toEqual([worker.pid])
    await worker.sql`commit`
    expect((await placed)[0]?.outcome).toBe('sold_out')
    await said(worker.sql, job, key, 'made')
  })
})

test('units that are being bought do not go back, the others do', async () => {
  await allotted(database.admin, made.ticket, 3)
  const job = await queued(database.admin, made.ticket, 0)
  const request = await order(2)
  await withSessions(database, 2, async (buyer, worker) => {
    await buyer.sql`begin`
    expect((await place(buyer.sql, made.event, [request]))[0]?.outcome).toBe('placed')
    const going = goOn(worker.sql, job)
    expect(await blockersOf(database, worker)).toEqual([buyer.pid])
    await buyer.sql`commit`
    const { key, delta } = await going
    expect(delta).toBe(1)
    await said(worker.sql, job, key, 'made')
  })
  expect(await allotmentOf(database.admin, made.ticket)).toBe(2)
})

test('an answer that two workers had is stored once', async () => {
  const job = await queued(database.admin, made.ticket, 4)
  const { key } = await goOn(database.admin, job)
  const stored = await Promise.all(
    [1, 2, 3, 4].map(() => said(database.service, job, key, 'made', { quantity: 0 })),
  )
  expect(stored.toSorted()).toEqual([false, false, false, true])
  expect(await allotmentOf(database.admin, made.ticket)).toBe(4)
})

const told = (second: number) => {
  const at = `2026-11-01T13:00:${String(second).padStart(2, '0')}+01:00`
  return [
    delivery(
      'products/update',
      product({ id: nth, updated_at: at, variants: [variant({ id: nth * 10 + 1, price: `26.0${second}` })] }),
    ),
    delivery('inventory_levels/update', level(6, { inventory_item_id: nth * 10 + 1001, updated_at: at })),
  ]
}

test('a batch about the ticket waits for a move that is stopped in the middle, and the other way round', async () => {
  const { admin } = database
  await allotted(admin, made.ticket, 2)
  const { ticket } = made
  const job = await queued(admin, ticket, 0)
  await withSessions(database, 3, async (blocker, worker, batch) => {
    await blocker.sql`begin`
    await blocker.sql`select from onsale.stock where ticket_id = ${ticket} and channel = 'direct' for update`
    const going = goOn(worker.sql, job)
    expect(await blockersOf(database, worker)).toEqual([blocker.pid])
    const applied = apply(batch.sql, ...told(1))
    expect(await blockersOf(database, batch)).toEqual([worker.pid])
    await blocker.sql`rollback`
    const { key } = await going
    expect(await applied).toEqual(['applied', 'applied'])

    await blocker.sql`begin`
    await blocker.sql`select from onsale.stock where ticket_id = ${ticket} and channel = 'shopify' for update`
    const again = apply(batch.sql, ...told(2))
    expect(await blockersOf(database, batch)).toEqual([blocker.pid])
    const storing = said(worker.sql, job, key, 'refused')
    expect(await blockersOf(database, worker)).toEqual([batch.pid])
    await blocker.sql`rollback`
    expect([...(await again), await storing]).toEqual(['applied', 'applied', true])
  })
  expect([await allotmentOf(admin, ticket), await stockOf(admin, nth * 10 + 1)]).toMatchObject([
    2,
    { available: 6 },
  ])
})
