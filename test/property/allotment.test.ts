import { afterAll, beforeAll, expect, test } from 'bun:test'
import fc from 'fast-check'
import { type AdminApi, startAdminApi } from '../../sandbox/admin_api.ts'
import type { EventIdea } from '../../sandbox/playbill.ts'
import { currentQuantity, type Order, type Variant } from '../../sandbox/records.ts'
import { World } from '../../sandbox/world.ts'
import { createAllotment } from '../../src/allotment/allotment.ts'
import { createJobCalls, type Job } from '../../src/jobs/calls.ts'
import type { Session } from '../../src/platform/database.ts'
import { createLog } from '../../src/platform/log.ts'
import { createMetrics } from '../../src/platform/metrics.ts'
import { createShopify, type Shopify } from '../../src/shopify/client.ts'
import { ShopifyError } from '../../src/shopify/error.ts'
import { createPlaces } from '../../src/shopify/places.ts'
import { fixedToken } from '../../src/shopify/tokens.ts'
import { allotmentOf, type Mirrored, wanted } from '../allotment.ts'
import { applyAll, delivery, stockOf } from '../deliveries.ts'
import { expectVerified, type TestDatabase, testDatabase } from '../harness.ts'
import { addUser, change, countersOf, place } from '../sales.ts'

// Units of one ticket go there and back between a fake shop, asked over HTTP by the real client, and the direct channel, while
// both sell. Before and after every call, of Shopify and of PostgreSQL, somebody may buy or cancel on either side, the merchant
// may change the stock, the shop's webhooks may come, and the worker may die; answers are lost, and jobs are taken by two at once. At each of these moments
// what is sold and what may still be sold must not be more than there is, and in the end nothing is lost.

const runs = Number(process.env.PROPERTY_RUNS ?? 30)

type Act =
  | { kind: 'nothing' | 'tell' | 'cancel there' | 'cancel here' }
  | { kind: 'buy there' | 'buy here' | 'stock more' | 'stock less'; units: number }
/** Each attempt dies before its n-th moment, or ends; `twins` make it at once. */
type MoveOf = { units: number; crashes: number[]; isByTwins: boolean }
type Life = { units: number; moves: MoveOf[]; acts: Act[]; isStormy: boolean }

const units = fc.integer({ min: 1, max: 4 })
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Act>({ kind: 'nothing' }) },
  { weight: 3, arbitrary: units.map((units): Act => ({ kind: 'buy there', units })) },
  { weight: 3, arbitrary: units.map((units): Act => ({ kind: 'buy here', units: Math.min(units, 2) })) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom('stock more' as const, 'stock less' as const), units }),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom<Act>({ kind: 'cancel there' }, { kind: 'cancel here' }, { kind: 'tell' }),
  },
)
const life: fc.Arbitrary<Life> = fc.record({
  units: fc.integer({ min: 0, max: 12 }),
  moves: fc.array(
    fc.record({
      units: fc.integer({ min: 0, max: 14 }),
      crashes: fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 4 }),
      isByTwins: fc.boolean(),
    }),
    { minLength: 1, maxLength: 5, size: 'max' },
  ),
  acts: fc.array(act, { minLength: 10, maxLength: 80, size: 'max' }),
  isStormy: fc.boolean(),
})

let database: TestDatabase
let api: AdminApi
let shopify: Shopify
const metrics = createMetrics()
/** What came to pass over all lives: without these the test would show nothing. */
const seen = { crashes: 0, missing: 0, given: 0, taken: 0, lost: 0, moved: 0 }

beforeAll(async () => {
  database = await testDatabase()
  const world = new World({
    seed: 'allotment',
    start_at: new Date(),
    lag_ms_max: 0,
    locations: 1,
    big_id_share: 0,
  })
  api = await startAdminApi({ world, token: 'a token', secret: 'a secret that both sides know' })
  Object.assign(api.faults, { bucket_size: 1_000_000, restore_rate: 1_000_000 })
  shopify = createShopify({
    url: `${api.url}/admin/api/2026-10/graphql.json`,
    tokens: fixedToken('a token'),
    log: createLog({ level: 'silent' }),
    metrics,
    retryMs: 1,
    breakMs: 1,
  })
})
afterAll(async () => {
  await api.stop()
  await expectVerified(database.admin)
  await database.drop()
})

class Crash extends Error {}

async function live({ units: unitsAtFirst, moves, acts, isStormy }: Life): Promise<void> {
  const { world } = api.shop
  const { admin, service } = database
  Object.assign(api.faults, isStormy ? storm : calm)
  // What a life that failed has left behind is not to be done in this one.
  await admin`update onsale.jobs set state = 'failed' where state in ('queued', 'running')`
  api.shop.tick()
  let toldCount = world.deliveries.length
  const variant = world.addProduct(idea(unitsAtFirst)).variants[0] as Variant
  /** How many there are by now, sold ones included. */
  let units = unitsAtFirst
  const { event, ticket } = await appear()
  const orders: Order[] = []
  const held: number[] = []
  const queue = [...acts]

  for (const move of moves) await moveTo(move)
  queue.length = 0
  await settled()

  async function moveTo({ units: aim, crashes, isByTwins }: MoveOf): Promise<void> {
    const { outcome, job } = await wanted(admin, ticket, aim, { location: null, now: now() })
    expect(['queued', 'capacity_below_sold']).toContain(outcome)
    if (job === null) return
    for (const crash of crashes)
      await Promise.all(isByTwins ? [attempt(crash), attempt(crash + 1)] : [attempt(crash)])
    Object.assign(api.faults, calm)
    // A busy machine may fail a call as well.
    for (let nth = 0; nth < 3; nth++) await attempt(null)
    Object.assign(api.faults, isStormy ? storm : calm)
    const [ended] = await admin<{ state: string; result: { moved: number; missing: number } }[]>`
      select state, result from onsale.jobs where id = ${job}`
    expect(ended?.state).toBe('done')
    count(ended!.result)
  }

  /** One attempt of a worker, which dies at a moment of its own; the job is to be had again at once. */
  async function attempt(crashAt: number | null): Promise<void> {
    const jobs = createJobCalls(service, metrics)
    const [job] = await jobs.claimJobs({ kinds: ['move_allotment'], limit: 1, leaseS: 0 })
    if (job === undefined) return
    let moment = 0
    const pass = async () => {
      await happen()
      moment += 1
      if (moment === crashAt) throw new Crash('The worker died')
    }
    try {
      const result = await handlerWith(pass)(job)
      await jobs.completeJob(job, result)
    } catch (error) {
      if (error instanceof ShopifyError) seen.lost += 1
      else if (error instanceof Crash) seen.crashes += 1
      else if ((error as Error).message !== tooLate) throw error
    }
  }

  function handlerWith(pass: () => Promise<void>): (job: Job) => Promise<Record<string, unknown>> {
    const around = async <T>(work: () => PromiseLike<T>): Promise<T> => {
      await pass()
      const result = await work()
      await pass()
      return result
    }
    const sql = ((...asked: Parameters<typeof service>) =>
      around(() => service(...asked))) as unknown as Session
    const call: Shopify['call'] = (...asked) => around(() => shopify.call(...asked))
    const places = createPlaces({ call }, { locationId: null, keptMs: 0 })
    const { move_allotment: move } = createAllotment({ sql, shopify: { call }, places, metrics })
    return (job) => move(job, { signal: new AbortController().signal })
  }

  /** What happens next in the world, and whether it still is as it must be. */
  async function happen(): Promise<void> {
    const next = queue.shift() ?? { kind: 'nothing' }
    if (next.kind === 'buy there') {
      api.shop.tick()
      const order = world.placeOrder([{ variant, units: next.units }])
      if (order !== null) orders.push(order)
    } else if (next.kind === 'cancel there') {
      api.shop.tick()
      const order = orders.shift()
      if (order !== undefined) world.cancelOrder(order, { restock: true, refunded: true })
    } else if (next.kind === 'stock more' || next.kind === 'stock less') {
      api.shop.tick()
      const level = variant.item.levels[0]!
      const change =
        next.kind === 'stock more' ? next.units : -Math.min(next.units, Math.max(0, level.available))
      world.setAvailable(variant, level, level.available + change)
      units += change
    } else if (next.kind === 'buy here') {
      const user = await addUser(admin)
      const request = { user, items: [[ticket, next.units] as [number, number]] }
      const [placed] = await place(service, event, [request], { now: now() })
      if (placed?.outcome === 'placed') held.push(placed.body.id)
    } else if (next.kind === 'cancel here') {
      const order = held.shift()
      if (order !== undefined) await change(service, event, [{ order, status: 'CANCELLED' }], { now: now() })
    } else if (next.kind === 'tell') {
      await tell()
    }
    await expectEnough()
  }

  /** What is sold and what may be sold next, on both sides, is no more than there is. */
  async function expectEnough(): Promise<void> {
    const here = await allotmentOf(admin, ticket)
    const [there, all] = [soldThere() + Math.max(0, availableThere()), units]
    // Moved meanwhile, by the twin: then it was no single moment.
    if ((await allotmentOf(admin, ticket)) !== here) await expectEnough()
    else expect(there + (here ?? 0)).toBeLessThanOrEqual(all)
  }

  /** The mirror hears of everything, twice and shuffled, and shows what there is; nothing is lost, and the jobs are confirmed. */
  async function settled(): Promise<void> {
    world.settle()
    toldCount = Math.min(toldCount, Math.max(0, world.deliveries.length - 30))
    await tell()
    const here = (await allotmentOf(admin, ticket)) ?? 0
    expect(availableThere()).toBeGreaterThanOrEqual(0)
    expect(soldThere() + availableThere() + here).toBe(units)
    expect(await stockOf(admin, variant.id)).toMatchObject({
      available: availableThere(),
      sold: soldThere(),
      capacity: units - here,
    })
    const counters = await countersOf(admin, event)
    const [heldHere = 0, soldHere = 0, leftHere = 0] = counters[ticket] ?? []
    expect((heldHere ?? 0) + (soldHere ?? 0) + (leftHere ?? 0)).toBe(here)
    const [shown] = await admin<{ capacity: number }[]>`
      select s.capacity::integer from api.list_stocked_tickets(${event}::bigint, true) s`
    expect(shown?.capacity).toBe(units)
    await admin`select from api.apply_job_confirmations(p_now => clock_timestamp() + interval '10 seconds')`
    const open =
      await admin`select id, kind from onsale.jobs where event_id = ${event} and confirmed_at is null`
    expect([...open]).toEqual([])
  }

  async function tell(): Promise<void> {
    world.advance(0)
    const news = world.deliveries.slice(toldCount)
    toldCount = world.deliveries.length
    if (news.length === 0) return
    await applyAll(
      admin,
      news.toReversed().map(({ topic, headers, body }) =>
        delivery(topic, body, {
          id: headers['X-Shopify-Webhook-Id'] ?? '',
          at: headers['X-Shopify-Triggered-At'] ?? '',
        }),
      ),
    )
  }

  async function appear(): Promise<Mirrored> {
    await tell()
    const [row] = await admin<Mirrored[]>`
      select event_id::integer as event, id::integer as ticket
      from onsale.tickets where shopify_variant_id = ${variant.id}::text::bigint`
    return row!
  }

  function availableThere(): number {
    return variant.item.levels.reduce((sum, { available }) => sum + available, 0)
  }

  function soldThere(): number {
    return world.orders
      .flatMap(({ lines, cancelled_us }) => (cancelled_us === null ? lines : []))
      .reduce((sum, line) => sum + (line.variant === variant ? currentQuantity(line) : 0), 0)
  }
}

/** What an attempt says that another one has overtaken. */
const tooLate = 'The job is ended, or another attempt has it'
const calm = { lost_answer_share: 0, error_share: 0, garbage_share: 0 }
const storm = { lost_answer_share: 0.25, error_share: 0.1, garbage_share: 0.1 }
const now = () => new Date().toISOString()

function count({ moved, missing }: { moved: number; missing: number }): void {
  seen.missing += missing
  if (moved < 0) seen.given += 1
  if (moved > 0) seen.taken += 1
  seen.moved += 1
}

function idea(capacity: number): EventIdea {
  return {
    title: 'Rock Night',
    subtitle: null,
    category: 'concert',
    body_html: '<p>Loud.</p>',
    vendor: 'Onsale',
    tags: [],
    venue: {
      name: 'Harbour Hall',
      address: 'Am Kai 1',
      city: 'Hamburg',
      country: 'DE',
      latitude: 53.5,
      longitude: 10,
      timezone: 'Europe/Berlin',
    },
    starts_at: new Date('2098-06-01T19:00:00Z'),
    ends_at: new Date('2098-06-01T22:00:00Z'),
    per_user_limit: null,
    tickets: [{ title: 'General', price_cents: 2500, compare_at_price_cents: null, capacity }],
  }
}

test('whoever buys, cancels or dies at whatever moment, no more is sold than there is, and nothing is lost', async () => {
  await fc.assert(fc.asyncProperty(life, live), { numRuns: runs })
  expect(Object.entries(seen).filter(([, times]) => times === 0)).toEqual([])
}, 240_000)
