import { afterAll, afterEach, beforeAll, expect, test } from 'bun:test'
import { createAdminCalls } from '../../src/admin/calls.ts'
import { openPool, type Session, type Sql, serviceRole } from '../../src/platform/database.ts'
import { createMetrics } from '../../src/platform/metrics.ts'
import { waitUntil } from '../../src/platform/process.ts'
import { createSalesCalls } from '../../src/sales/calls.ts'
import {
  deleteEvent,
  deleteTicket,
  type Edit,
  editEvent,
  editTicket,
  makeEvent,
  setCapacity,
  setStatus,
} from '../admin.ts'
import { expectVerified, type TestDatabase, testDatabase } from '../harness.ts'
import { addUser, countersOf, place, ticketsOf } from '../sales.ts'
import { blockersOf, withSessions } from './sessions.ts'

// An admin edits what is being sold, with the service's rights: both on real connections.

const calls = createAdminCalls(createMetrics())
const sales = createSalesCalls(createMetrics())
const actor = 'user 7'
let database: TestDatabase
let pool: Sql

beforeAll(async () => {
  database = await testDatabase({ connections: 8 })
  pool = openPool(database.url, { name: 'admin', max: 16, role: serviceRole })
})
afterEach(() => expectVerified(database.admin))
afterAll(async () => {
  await pool.end({ timeout: 1 })
  await database.drop()
})

const general = { name: 'General', price_cents: 100, capacity: 300 }

/** An event on sale with one ticket, and so many users. */
async function onSale({ users }: { users: number }) {
  const event = await calls.applyDirectEvent(
    pool,
    { title: 'Rock Night', status: 'active', tickets: [general] },
    { actor },
  )
  const [ticket = 0] = await ticketsOf(database.admin, event)
  const rows = await database.admin<{ id: number }[]>`
    insert into onsale.users (email, password_hash)
    select gen_random_uuid() || '@example.com', 'none' from generate_series(1, ${users}::integer)
    returning id::integer`
  return { event, ticket, users: rows.map(({ id }) => id) }
}

async function buy(event: number, ticket: number, userId: number): Promise<string> {
  const items = [{ ticketId: ticket, quantity: 1 }]
  const [result] = await sales.placeOrders(pool, event, [{ userId, clientToken: 'one', items }], {
    holdS: 600,
  })
  return result!.outcome
}

const count = (outcomes: readonly string[], word: string) => outcomes.filter((each) => each === word).length

test('every call does what it says, with the rights of the service', async () => {
  const { event, ticket, users } = await onSale({ users: 1 })
  expect(await calls.updateDirectEvent(pool, event, { subtitle: 'Late' }, { actor, version: 1 })).toEqual({
    outcome: 'updated',
    version: 2,
  })
  expect(await calls.updateDirectEventStatus(pool, event, 'unlisted', { actor, version: null })).toEqual({
    outcome: 'updated',
    version: 3,
  })
  const added = await calls.applyDirectTicket(pool, event, { ...general, capacity: null }, { actor })
  expect(added.outcome).toBe('applied')
  expect(await calls.cancelDirectTicket(pool, added.ticketId!, { actor, version: null })).toEqual({
    outcome: 'cancelled',
    version: 2,
  })
  expect(await calls.updateDirectTicket(pool, ticket, { price_cents: 200 }, { actor, version: 1 })).toEqual({
    outcome: 'updated',
    version: 2,
  })
  expect(await buy(event, ticket, users[0]!)).toBe('placed')
  expect(await calls.updateDirectCapacity(pool, ticket, 0, { actor, version: 2 })).toEqual({
    outcome: 'capacity_below_sold',
    version: 2,
    capacityMin: 1,
  })
  expect(await calls.updateDirectCapacity(pool, ticket, null, { actor, version: 2 })).toEqual({
    outcome: 'updated',
    version: 3,
    capacityMin: 1,
  })
  expect(await calls.cancelDirectEvent(pool, event, { actor, version: 3 })).toEqual({
    outcome: 'has_live_orders',
    version: 3,
  })
  expect(JSON.parse((await calls.getEventStats(pool, event))!)).toMatchObject({ event_id: event, held: 1 })
  expect(await calls.getEventStats(pool, 999_999)).toBeNull()
  const orders = await calls.listEventOrders(pool, event, { afterId: null, limit: 10 })
  expect(orders).toMatchObject([
    { userId: users[0], status: 'PENDING', totalCents: 200, items: '1 x General' },
  ])
  expect(await calls.listEventOrders(pool, event, { afterId: orders[0]!.id, limit: 10 })).toEqual([])
})

test('of eight edits of one version at once exactly one counts', async () => {
  const { event, ticket } = await onSale({ users: 0 })
  const versions = Array.from({ length: 8 }, (_, nth) => nth)
  const edits = await Promise.all(
    versions.map((nth) =>
      calls.updateDirectEvent(pool, event, { title: `Title ${nth}` }, { actor, version: 1 }),
    ),
  )
  expect(
    count(
      edits.map(({ outcome }) => outcome),
      'updated',
    ),
  ).toBe(1)
  expect(edits.every(({ version }) => version === 2)).toBe(true)
  const capacities = await Promise.all(
    versions.map((nth) => calls.updateDirectCapacity(pool, ticket, 100 + nth, { actor, version: 1 })),
  )
  expect(
    count(
      capacities.map(({ outcome }) => outcome),
      'updated',
    ),
  ).toBe(1)
})

test('who edits while an edit of the same version is under way waits for it and is told of the newer one', async () => {
  const edits: [name: string, edit: (sql: Session, event: number, ticket: number) => Promise<Edit>][] = [
    ['an event', (sql, event) => editEvent(sql, event, 1, { title: crypto.randomUUID() })],
    ['a status', (sql, event) => setStatus(sql, event, 1, 'archived')],
    ['a deletion', (sql, event) => deleteEvent(sql, event, { version: 1 })],
    ['a ticket', (sql, _, ticket) => editTicket(sql, ticket, 1, { name: crypto.randomUUID() })],
    ['a capacity', (sql, _, ticket) => setCapacity(sql, ticket, 1, 50)],
    ['a ticket out', (sql, _, ticket) => deleteTicket(sql, ticket, { version: 1 })],
  ]
  for (const [name, edit] of edits) {
    const { event, ticket } = await onSale({ users: 0 })
    await withSessions(database, 2, async (first, second) => {
      await first.sql`begin`
      expect((await edit(first.sql, event, ticket)).version).toBe(2)
      const waiting = edit(second.sql, event, ticket)
      expect(await blockersOf(database, second)).toEqual([first.pid])
      await first.sql`commit`
      const isGone = name === 'a deletion' || name === 'a ticket out'
      expect([name, (await waiting).outcome]).toEqual([name, isGone ? 'not_found' : 'version_conflict'])
    })
  }
})

test('a capacity that shrinks and grows while hundreds buy is never exceeded', async () => {
  const { event, ticket, users } = await onSale({ users: 400 })
  let isOver = false
  const shrinking = (async () => {
    let version = 1
    for (let nth = 0; !isOver; nth++) {
      const edited = await calls.updateDirectCapacity(pool, ticket, nth % 2 ? 250 : 150, { actor, version })
      version = edited.version!
    }
  })()
  const outcomes = await Promise.all(users.map((user) => buy(event, ticket, user)))
  isOver = true
  await shrinking
  const placed = count(outcomes, 'placed')
  expect(placed).toBeLessThanOrEqual(250)
  expect((await countersOf(database.admin, event))[ticket]?.[0]).toBe(placed)
})

test('while prices and pauses change every order costs what its items cost', async () => {
  const { event, ticket, users } = await onSale({ users: 300 })
  let isOver = false
  const edit = async (change: (nth: number, version: number) => Promise<{ version: number | null }>) => {
    let version = 1
    for (let nth = 0; !isOver; nth++) version = (await change(nth, version)).version!
  }
  const editing = [
    edit((nth, version) =>
      calls.updateDirectTicket(pool, ticket, { price_cents: 100 + nth }, { actor, version }),
    ),
    edit((nth, version) =>
      calls.updateDirectEvent(pool, event, { sales_paused: nth % 2 === 0 }, { actor, version }),
    ),
  ]
  const outcomes = await Promise.all(users.map((user) => buy(event, ticket, user)))
  isOver = true
  await Promise.all(editing)
  expect(count(outcomes, 'placed') + count(outcomes, 'sales_paused')).toBe(300)
})

test('an event is deleted or bought, never both', async () => {
  for (let nth = 0; nth < 20; nth++) {
    const { event, ticket, users } = await onSale({ users: 4 })
    const [deleted, ...outcomes] = await Promise.all([
      calls.cancelDirectEvent(pool, event, { actor, version: null }),
      ...users.map((user) => buy(event, ticket, user)),
    ])
    const placed = count(outcomes, 'placed')
    expect([deleted.outcome, placed]).toEqual(placed > 0 ? ['has_live_orders', 4] : ['cancelled', 0])
  }
})

test('orders wait for an edit that is under way and then meet it; an edit waits for orders', async () => {
  const event = await makeEvent(database.admin)
  const [ticket = 0] = await ticketsOf(database.admin, event)
  const [ann, bob] = [await addUser(database.admin), await addUser(database.admin)]
  await withSessions(database, 2, async (first, second) => {
    await first.sql`begin`
    await editTicket(first.sql, ticket, 1, { price_cents: 3000 })
    const placing = place(second.sql, event, [{ user: ann, items: [[ticket, 1]] }])
    expect(await blockersOf(database, second)).toEqual([first.pid])
    await first.sql`commit`
    expect((await placing)[0]!.body.total_cents).toBe(3000)

    await first.sql`begin`
    await editEvent(first.sql, event, 1, { is_sales_paused: true })
    const refusing = place(second.sql, event, [{ user: ann, items: [[ticket, 1]] }])
    expect(await blockersOf(database, second)).toEqual([first.pid])
    await first.sql`commit`
    expect((await refusing)[0]!.outcome).toBe('sales_paused')
    await editEvent(first.sql, event, 2, { is_sales_paused: false })

    await first.sql`begin`
    await place(first.sql, event, [{ user: bob, items: [[ticket, 1]] }])
    const hiding = setStatus(second.sql, event, null, 'draft')
    expect(await blockersOf(database, second)).toEqual([first.pid])
    await first.sql`commit`
    expect((await hiding).outcome).toBe('updated')

    await first.sql`begin`
    await setStatus(first.sql, event, null, 'active')
    const finding = place(second.sql, event, [{ user: ann, items: [[ticket, 1]] }])
    expect(await blockersOf(database, second)).toEqual([first.pid])
    await first.sql`commit`
    expect((await finding)[0]!.outcome).toBe('placed')
  })
})

test('caches hear an edit as an edit, a flip as a flip and a count as a count', async () => {
  const { event, ticket } = await onSale({ users: 0 })
  const heard: string[] = []
  const listening = await database.admin.listen('onsale_changes', (payload) => {
    for (const entry of payload.split(';')[1]!.split(',')) {
      const [id, , kind] = entry.split(':')
      if (id === String(event)) heard.push(kind!)
    }
  })
  await calls.updateDirectEvent(pool, event, { title: 'Jazz' }, { actor, version: 1 })
  await calls.updateDirectTicket(pool, ticket, { price_cents: 5 }, { actor, version: 1 })
  await calls.updateDirectCapacity(pool, ticket, 200, { actor, version: 2 })
  await calls.updateDirectCapacity(pool, ticket, 0, { actor, version: 3 })
  await calls.updateDirectCapacity(pool, ticket, null, { actor, version: 4 })
  await calls.applyDirectTicket(pool, event, general, { actor })
  await calls.updateDirectEventStatus(pool, event, 'draft', { actor, version: null })
  await calls.cancelDirectTicket(pool, ticket, { actor, version: null })
  await calls.cancelDirectEvent(pool, event, { actor, version: null })
  await waitUntil(async () => heard.length >= 9, { timeoutMs: 5_000 })
  await listening.unlisten()
  expect(heard).toEqual(['e', 'e', 'c', 'f', 'f', 'e', 'e', 'e', 'e'])
})
