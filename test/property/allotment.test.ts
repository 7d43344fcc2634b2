import { afterAll, beforeAll, expect, test } from 'bun:test'
import fc from 'fast-check'
import { type AdminApi, startAdminApi } from '../../sandbox/admin_api.ts'
import type { EventIdea } from '../../sandbox/playbill.ts'
import { currentQuantity, type Order, type Variant } from '../../sandbox/records.ts'
import { World } from '../../sandbox/world.ts'
import { createAllotment } from '../../src/allotment/allotment.ts'
import { reasonOf } from '../../src/errors.ts'
import { createJobCalls, type Job } from '../../src/jobs/calls.ts'
import { Refused } from '../../src/jobs/worker.ts'
import { jobAttemptsMax } from '../../src/limits.ts'
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
import { jobOf, type TestJob } from '../jobs.ts'
import { addUser, change, countersOf, place } from '../sales.ts'

// Units of one ticket go there and back between a fake shop, asked over HTTP by the real client, and the direct channel, while
// both sell. Before and after every call, of Shopify and of PostgreSQL, somebody may buy or cancel on either side, the merchant
// may change the stock, the shop's webhooks may come, and the worker may die; answers are lost, and jobs are taken by two at once. At each of these moments
// what is sold and what may still be sold must not be more than there is, and in the end nothing is lost.

const runs = Number(process.env.PROPERTY_RUNS ?? 30)

type Act =
  | { kind: 'nothing' | 'tell' | 'cancel there' | 'cancel here' }
  | { kind: 'buy there' | 'buy here' | 'stock more' | 'stock less'; units: number }
/**
 * Each attempt dies before its n-th moment, or ends; `twins` make it at once, of which one sleeps at its moment `sleepsAt`, if it has
 * such a one, until the other is through.
 */
type MoveOf = { units: number; crashes: number[]; isByTwins: boolean; sleepsAt: number }
type Life = { units: number; moves: MoveOf[]; acts: Act[]; isStormy: boolean; gone?: Gone }
/** What the merchant takes away for good, and before which moment. */
type Gone = { what: 'the product' | 'the place'; moment: number }

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
      sleepsAt: fc.integer({ min: 0, max: 8 }),
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
    // A busy machine answers late, and is waited for.
    timeoutMs: 60_000,
    callMsMax: 240_000,
  })
})
afterAll(async () => {
  await api.stop()
  await expectVerified(database.admin)
  await database.drop()
})

class Crash extends Error {}

/** Lives it, and answers how its jobs ended. */
async function live({ units: unitsAtFirst, moves, acts, isStormy, gone }: Life): Promise<TestJob[]> {
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
  const ended: TestJob[] = []
  let moment = 0

  for (const move of moves) await moveTo(move)
  queue.length = 0
  await (isGone() ? kept() : settled())
  return ended

  async function moveTo({ units: aim, crashes, isByTwins, sleepsAt }: MoveOf): Promise<void> {
    const { outcome, job } = await wanted(admin, ticket, aim, { location: null, now: now() })
    if (!isGone()) expect(['queued', 'capacity_below_sold']).toContain(outcome)
    if (job === null) return
    for (const crash of crashes) {
      const one = attempt(crash)
      await Promise.all(isByTwins ? [one, attempt(crash + 1, { sleepsAt, until: one })] : [one])
    }
    Object.assign(api.faults, calm)
    const end = await endOf(job)
    Object.assign(api.faults, isStormy ? storm : calm)
    ended.push(end)
    const halfWay = await admin`
      select job_id::integer as job, step from onsale.allotment_moves
      where ticket_id = ${ticket} and step not in ('done', 'refused')`
    expect([...halfWay]).toEqual([])
    if (!isGone()) expect(end).toMatchObject({ state: 'done', errors: [] })
    if (end.state === 'done') count(end.result as { moved: number; missing: number })
  }

  /** The job once it is ended, by attempts that nothing disturbs: it may have no more of them than a job has. */
  async function endOf(id: number): Promise<TestJob> {
    const failures: string[] = []
    for (;;) {
      const job = await jobOf(admin, id)
      if (job.state === 'done' || job.state === 'failed') return job
      if (failures.length === jobAttemptsMax)
        throw new Error(`The job does not end: ${JSON.stringify({ failures, job })}`)
      failures.push(await attempt(null))
    }
  }

  /** One attempt of a worker, which dies at a moment of its own; the job is to be had again at once. What became of it. */
  async function attempt(
    crashAt: number | null,
    sleep: { sleepsAt: number; until: Promise<unknown> } | null = null,
  ): Promise<string> {
    const jobs = createJobCalls(service, metrics)
    const [job] = await jobs.claimJobs({
      kinds: ['move_allotment'],
      limit: 1,
      leaseS: 0,
      attemptsMax: 1_000_000,
    })
    if (job === undefined) return 'Nobody could have the job'
    let passed = 0
    const pass = async () => {
      await happen()
      passed += 1
      if (passed === sleep?.sleepsAt) await sleep.until
      if (passed === crashAt) throw new Crash('The worker died')
    }
    try {
      const isEnded = await jobs.completeJob(job, await handlerWith(pass)(job))
      return isEnded ? 'Done' : 'Somebody else had the job'
    } catch (error) {
      const reason = reasonOf(error)
      if (error instanceof ShopifyError) seen.lost += 1
      else if (error instanceof Crash) seen.crashes += 1
      else if (error instanceof Refused)
        await jobs.failJob(job, { state: 'failed', errors: [{ message: reason, field: null }] })
      else if (reason !== tooLate) throw error
      return reason
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
    moment += 1
    if (moment === gone?.moment) takeAway(gone)
    await actNext()
    await expectEnough()
  }

  function takeAway({ what }: Gone): void {
    api.shop.tick()
    if (what === 'the product') world.deleteProduct(variant.product)
    else world.disconnect(variant, variant.item.levels[0]!)
  }

  function isGone(): boolean {
    return gone !== undefined && moment >= gone.moment
  }

  async function actNext(): Promise<void> {
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

  /** Nothing is half way, and what left the shop is here, but for what it did not have. */
  async function kept(): Promise<void> {
    world.settle()
    await tell()
    await expectEnough()
    await expectVerified(admin)
    const here = (await allotmentOf(admin, ticket)) ?? 0
    const [lacked] = await admin<{ units: number }[]>`
      select coalesce(sum(missing), 0)::integer as units from onsale.allotment_moves where ticket_id = ${ticket}`
    const left = leftShop(variant)
    expect(here).toBeLessThanOrEqual(left)
    expect(here).toBeGreaterThanOrEqual(left - lacked!.units)
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
    const levels = variant.product.deleted ? [] : variant.item.levels.filter(({ connected }) => connected)
    return levels.reduce((sum, { available }) => sum + available, 0)
  }

  function soldThere(): number {
    return world.orders
      .flatMap(({ lines, cancelled_us }) => (cancelled_us === null ? lines : []))
      .reduce((sum, line) => sum + (line.variant === variant ? currentQuantity(line) : 0), 0)
  }
}

/** How many units of a ticket the shop was asked to give, and gave, less what it was given. */
function leftShop({ item }: Variant): number {
  const changes = api.shop.log
    .filter(({ name, outcome }) => name === 'inventoryAdjustQuantities' && outcome === 'applied')
    .flatMap((made) => (made.arguments as Adjustment).input.changes)
  return -changes
    .filter(({ inventoryItemId }) => inventoryItemId.endsWith(`/${item.id}`))
    .reduce((sum, { delta }) => sum + delta, 0)
}

type Adjustment = { input: { changes: { inventoryItemId: string; delta: number }[] } }

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

test(
  'whoever buys, cancels or dies at whatever moment, no more is sold than there is, and nothing is lost',
  async () => {
    const lives = fc.asyncProperty(life, async (one) => {
      await live(one)
    })
    await fc.assert(lives, { numRuns: runs })
    expect(Object.entries(seen).filter(([, times]) => times === 0)).toEqual([])
  },
  runs * 8_000,
)

const notStocked = 'The ticket is not stocked at the location'
const endings = {
  'the product': 'Shopify refuses: The ticket has no stock in the shop any more',
  'the place':
    'Shopify refuses: /location_id: The location is not one of the shop, or does not stock the ticket',
}
for (const what of ['the product', 'the place'] as const) {
  test(`a move ends, and says why, at whatever moment ${what} is gone from the shop`, async () => {
    const told = new Set<string>()
    for (const { bought, isTold, isStormy } of [
      { bought: 0, isTold: false, isStormy: false },
      { bought: 4, isTold: true, isStormy: false },
      { bought: 4, isTold: false, isStormy: true },
    ]) {
      const acts: Act[] = Array.from({ length: 60 }, () => ({ kind: isTold ? 'tell' : 'nothing' }))
      if (bought > 0) acts.unshift({ kind: 'buy there', units: bought })
      // Two attempts at once where it storms, of which none dies.
      const crashes = isStormy ? [100] : []
      const moves = [5, 0].map((units) => ({ units, crashes, isByTwins: isStormy, sleepsAt: 0 }))
      for (let moment = 1; moment <= 30; moment++) {
        const ended = await live({ units: 6, moves, acts, isStormy, gone: { what, moment } })
        for (const { state, errors } of ended) {
          expect([state, errors.length]).toEqual(state === 'done' ? ['done', 0] : ['failed', 1])
          for (const { message } of errors) told.add(message)
        }
      }
    }
    const reason = endings[what]
    const notPutBack = (units: number) =>
      `Units that were not there could not be put back at Shopify (${units} of them): ${reason}`
    expect([...told].toSorted()).toEqual([reason, notStocked, notPutBack(3), notPutBack(5)].toSorted())
  }, 240_000)
}
