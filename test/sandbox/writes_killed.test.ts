import { expect, test } from 'bun:test'
import { tmpdir } from 'node:os'
import type { Subprocess } from 'bun'
import type { AdminApi } from '../../sandbox/admin_api.ts'
import { compare } from '../../sandbox/compare.ts'
import { createRandom } from '../../sandbox/random.ts'
import { createAdminCalls, type ShopifyWriteKind } from '../../src/admin/calls.ts'
import { createMetrics } from '../../src/platform/metrics.ts'
import { accessToken, apiUrlOf, startShop } from '../circle.ts'
import { expectVerified, type TestDatabase, withDatabase } from '../harness.ts'
import { main } from '../platform/spawn.ts'
import { runService } from '../service.ts'

// Admins write while Shopify throttles, fails and loses answers, its webhooks come late, twice and shuffled, and workers are
// killed. Each write must end exactly once, those of an event in their order, and the mirror must be what the shop is.
// WRITES=500 bun test test/sandbox/writes_killed.test.ts is the long run of it.

const writes = Number(process.env.WRITES ?? 60)
const eventCount = Math.max(6, Math.round(writes / 20))
const faults = {
  bucket_size: 20_000,
  restore_rate: 1_000,
  throttled_share: 0.08,
  too_many_share: 0.02,
  retry_after_s: 0.5,
  error_share: 0.05,
  lost_answer_share: 0.05,
  duplicates: 0.2,
  shuffle: true,
  delay_ms: [0, 300],
} as const

test('faults, and kill -9 of workers: every write happens once, in order, and the mirror is the truth', async () => {
  await withDatabase(async (database) => {
    const service = await runService(database)
    const api = await startShop({ url: service.url, faults, seed: 'killed' })
    const workers = new Workers(database, api)
    try {
      const startedAt = performance.now()
      let isOver = false
      workers.start(2)
      const killing = workers.killUntil(() => isOver)
      const jobs = await writeAll(database)
      await until(async () => (await openJobs(database)) === 0)
      isOver = true
      await killing
      const seconds = (performance.now() - startedAt) / 1_000
      await workers.stop()
      await api.courier.idle()
      await expectNoneStuck(database)
      await expectOnceInOrder(database, api, jobs)
      const { differences } = await compare(api.shop.world.truth(), { url: service.url })
      // A channel that units were moved to stays open, with none.
      expect(differences.filter(({ what }) => !/channels.*direct/.test(what))).toEqual([])
      await expectVerified(database.admin)
      await tell(database, api, { killed: workers.killed, seconds })
    } finally {
      await workers.stop()
      await api.stop()
      await service.stop()
    }
  })
}, 900_000)

/** What a write leaves in the shop's log of mutations, as `marksOf` reads it there. */
type Written = { job: number; event: number; mark: string }

/** Each event is made, and then written to by an admin of its own; answers what is to be found in the shop. */
async function writeAll({ admin, service }: TestDatabase): Promise<Written[]> {
  const calls = createAdminCalls(createMetrics())
  const by = { actor: 'user 1', token: null, digest: null }
  const perEvent = Math.ceil(writes / eventCount) - 1
  const all = await Promise.all(Array.from({ length: eventCount }, (_, nth) => writeEvent(nth)))
  return all.flat()

  async function writeEvent(nth: number): Promise<Written[]> {
    const title = `Event ${nth}`
    const tickets = [
      { name: 'General', sku: `GA-${nth}`, price_cents: 2500, capacity: 40 },
      { name: 'Standing', price_cents: 1550, capacity: null },
    ]
    const { jobId } = await calls.placeShopifyEvent(
      service,
      { title, status: 'active', tickets },
      { ...by, locationId: null },
    )
    const eventId = await madeBy(jobId)
    const [general] = await admin<{ id: number }[]>`
      select id::integer from onsale.tickets where event_id = ${eventId} and name = 'General'`
    const ticketId = general!.id
    const written = [{ job: jobId, event: eventId, mark: `made ${title}` }]
    const last = new Map<string, number>()
    for (let step = 0; step < perEvent; step++) {
      const { kind, mark, isOfTicket, details } = stepOf(nth, step)
      // One that is not begun would be superseded.
      await isBegun(last.get(kind))
      const { jobId, outcome } =
        kind === 'move_allotment'
          ? await move(ticketId, step)
          : await calls.placeShopifyWrite(
              service,
              { kind, version: null, details, ...(isOfTicket ? { ticketId } : { eventId }) },
              by,
            )
      expect(outcome).toBe('queued')
      last.set(kind, jobId!)
      written.push({ job: jobId!, event: eventId, mark })
    }
    // What the direct channel has the shop knows nothing of: in the end it has all of its units again.
    await isConfirmed(last.get('move_allotment'))
    const { jobId: job } = await move(ticketId, 0)
    return [...written, { job: job!, event: eventId, mark: 'stock' }]
  }

  /** Looks again where the ticket was changed meanwhile. */
  async function move(ticketId: number, units: number): ReturnType<typeof calls.placeAllotment> {
    const [row] = await admin<
      { version: number }[]
    >`select version from onsale.tickets where id = ${ticketId}`
    const asked = { ...by, locationId: null, version: row!.version }
    const result = await calls.placeAllotment(service, ticketId, units, asked)
    return result.outcome === 'version_conflict' ? await move(ticketId, units) : result
  }

  async function isConfirmed(job: number | undefined): Promise<void> {
    if (job === undefined) return
    await until(async () => {
      const [row] = await admin<{ isSo: boolean }[]>`
        select confirmed_at is not null as "isSo" from onsale.jobs where id = ${job}`
      return row!.isSo
    })
  }

  async function madeBy(job: number): Promise<number> {
    let event: number | null = null
    await until(async () => {
      const [row] = await admin<{ event: number | null }[]>`
        select event_id::integer as event from onsale.jobs where id = ${job} and confirmed_at is not null`
      event = row?.event ?? null
      return event !== null
    })
    return event!
  }

  async function isBegun(job: number | undefined): Promise<void> {
    if (job === undefined) return
    await until(async () => {
      const [row] = await admin<{ attempts: number }[]>`select attempts from onsale.jobs where id = ${job}`
      return row!.attempts > 0
    })
  }
}

function stepOf(nth: number, step: number) {
  const number = nth * 1_000 + step
  const steps: {
    kind: ShopifyWriteKind | 'move_allotment'
    mark: string
    isOfTicket: boolean
    details: Record<string, unknown>
  }[] = [
    {
      kind: 'update_event',
      mark: `title Title ${number}`,
      isOfTicket: false,
      details: { changes: { title: `Title ${number}`, subtitle: `Subtitle ${number}` } },
    },
    {
      kind: 'update_capacity',
      mark: 'stock',
      isOfTicket: true,
      details: { capacity: 50 + ((step * 7) % 30) },
    },
    {
      kind: 'update_ticket',
      mark: `price ${number + 1}.50`,
      isOfTicket: true,
      details: { changes: { price_cents: (number + 1) * 100 + 50 } },
    },
    { kind: 'move_allotment', mark: 'stock', isOfTicket: true, details: {} },
    { kind: 'unpublish_event', mark: 'status DRAFT', isOfTicket: false, details: {} },
    {
      kind: 'create_ticket',
      mark: `added Row ${number}`,
      isOfTicket: false,
      details: { ticket: { name: `Row ${number}`, price_cents: 900, capacity: 4 } },
    },
    { kind: 'publish_event', mark: 'status ACTIVE', isOfTicket: false, details: {} },
  ]
  return steps[step % steps.length]!
}

/** The marks of what was applied, by product, in the order of the shop; publishing, which does nothing twice, has none. */
function marksOf({ shop }: AdminApi): Map<string, string[]> {
  const marks = new Map<string, string[]>()
  for (const { name, outcome, arguments: given } of shop.log) {
    if (outcome !== 'applied' || name === 'publishablePublish') continue
    const { product, mark } = read(name, JSON.parse(JSON.stringify(given)))
    marks.set(product, [...(marks.get(product) ?? []), mark])
  }
  return marks

  // biome-ignore lint/suspicious/noExplicitAny: arguments of any mutation, as they were sent
  function read(name: string, given: any): { product: string; mark: string } {
    if (name === 'productSet') {
      const made = shop.products.find(({ handle }) => handle === given.identifier.handle)
      return { product: made!.id, mark: `made ${given.input.title}` }
    }
    if (name === 'inventoryAdjustQuantities') {
      const [{ inventoryItemId }] = given.input.changes
      return { product: shop.stocked(inventoryItemId)!.product.id, mark: 'stock' }
    }
    const product = String(given.productId ?? given.product.id)
      .split('/')
      .at(-1)!
    if (name === 'productVariantsBulkCreate')
      return { product, mark: `added ${given.variants[0].optionValues[0].name}` }
    if (name === 'productVariantsBulkUpdate') return { product, mark: `price ${given.variants[0].price}` }
    const { title, status } = given.product
    return { product, mark: title === undefined ? `status ${status}` : `title ${title}` }
  }
}

async function expectOnceInOrder({ admin }: TestDatabase, api: AdminApi, all: Written[]): Promise<void> {
  const marks = marksOf(api)
  const events = await admin<{ id: number; product: string }[]>`
    select id::integer, shopify_product_id::text as product from onsale.events`
  // A change of stock to what it is already is none, be it of capacity or of where the units are sold.
  const idle = await admin<{ id: number }[]>`
    select id::integer from onsale.jobs where kind in ('update_capacity', 'move_allotment') and (result ->> 'delta')::integer = 0`
  const skipped = new Set(idle.map(({ id }) => id))
  for (const { id, product } of events) {
    const wanted = all.filter(({ event, job }) => event === id && !skipped.has(job)).map(({ mark }) => mark)
    expect(marks.get(product)).toEqual(wanted)
  }
  expect(api.shop.products.length).toBe(eventCount)
  expect(events.length).toBe(eventCount)
}

async function expectNoneStuck({ admin }: TestDatabase): Promise<void> {
  const stuck = await admin`
    select id, kind, state, attempts, errors from onsale.jobs
    where created_by = 'user 1' and (state <> 'done' or confirmed_at is null)`
  expect([...stuck]).toEqual([])
}

async function openJobs({ admin }: TestDatabase): Promise<number> {
  const [row] = await admin<{ count: number }[]>`
    select count(*)::integer from onsale.jobs
    where created_by = 'user 1' and state not in ('failed', 'dead') and confirmed_at is null`
  return row!.count
}

/** What somebody who runs it for its figures wants to see. */
async function tell(
  { admin }: TestDatabase,
  api: AdminApi,
  { killed, seconds }: { killed: number; seconds: number },
): Promise<void> {
  const [row] = await admin<{ jobs: number; attempts: number; p50: number; p99: number }[]>`
    select
      count(*)::integer as jobs, sum(attempts)::integer as attempts,
      percentile_cont(0.5) within group (order by extract(epoch from confirmed_at - created_at)) as p50,
      percentile_cont(0.99) within group (order by extract(epoch from confirmed_at - created_at)) as p99
    from onsale.jobs where created_by = 'user 1'`
  const { jobs, attempts, p50, p99 } = row!
  process.stdout.write(
    `${jobs} writes in ${seconds.toFixed(1)} s: ${attempts} attempts, ${killed} workers killed, ` +
      `${api.shop.log.length} mutations; from queued to visible p50 ${p50.toFixed(2)}, p99 ${p99.toFixed(2)} s\n`,
  )
}

/** Workers as `bun run worker` starts them; now and then one is killed, and another one takes its place. */
class Workers {
  killed = 0
  private readonly random = createRandom('killed')
  private readonly env: Record<string, string>
  private running: Subprocess[] = []

  constructor({ url }: TestDatabase, api: AdminApi) {
    this.env = {
      PATH: process.env.PATH ?? '',
      DATABASE_URL: url,
      SHOPIFY_API_URL: apiUrlOf(api),
      SHOPIFY_ACCESS_TOKEN: accessToken,
      LOG_LEVEL: 'silent',
    }
  }

  start(count: number): void {
    for (let nth = 0; nth < count; nth++) {
      const command = [process.execPath, main, 'worker']
      const options = {
        cwd: tmpdir(),
        env: this.env,
        stdin: 'ignore',
        stdout: 'ignore',
        stderr: 'inherit',
      } as const
      this.running.push(Bun.spawn(command, options))
    }
  }

  async killUntil(isOver: () => boolean): Promise<void> {
    for (let nth = 0; !isOver(); nth++) {
      const endsAt = performance.now() + this.random.int(1_500, 4_000)
      while (performance.now() < endsAt && !isOver()) await Bun.sleep(10)
      // A few are enough: each keeps what it had under way from everybody until its lease is over.
      if (isOver() || nth >= Math.max(3, writes / 25)) continue
      const victim = this.random.pick(this.running)
      victim.kill('SIGKILL')
      await victim.exited
      this.running = this.running.filter((one) => one !== victim)
      this.killed++
      this.start(1)
    }
  }

  async stop(): Promise<void> {
    for (const worker of this.running) worker.kill('SIGTERM')
    await Promise.all(this.running.map((worker) => worker.exited))
    this.running = []
  }
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (const endsAt = performance.now() + 300_000; performance.now() < endsAt; await Bun.sleep(20)) {
    if (await isSo()) return
  }
  throw new Error('Not so within five minutes')
}
