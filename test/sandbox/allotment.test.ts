import { afterAll, afterEach, beforeAll, expect, test } from 'bun:test'
import type { Variant } from '../../sandbox/records.ts'
import { createAllotment } from '../../src/allotment/allotment.ts'
import { waitUntil } from '../../src/platform/process.ts'
import { createPlaces } from '../../src/shopify/places.ts'
import { allotmentOf, goOn, queued } from '../allotment.ts'
import { type Circle, startCircle } from '../circle.ts'
import { expectVerified } from '../harness.ts'
import { jobOf } from '../jobs.ts'
import { addUser, place } from '../sales.ts'

// Units on their way from a fake shop to the direct channel and back: worker, client, Admin API, webhooks and intake, all real.

let circle: Circle
beforeAll(async () => {
  circle = await startCircle({ locations: 2, seed: 'allotment' })
})
afterEach(() => {
  Object.assign(circle.api.faults, { lost_answer_share: 0, error_share: 0, left: null, only: [] })
})
afterAll(async () => {
  await expectVerified(circle.database.admin)
  await circle.stop()
})

const now = () => new Date().toISOString()

/** An event in the shop and in the mirror, with a ticket of 40 units at one of two locations. */
async function made() {
  const location = circle.api.shop.world.locations[1]!.id
  const ticket = { name: 'General', price_cents: 2500, capacity: 40 }
  const event = { title: 'Rock Night', status: 'active', tickets: [ticket] }
  const job = await circle.ended(await circle.placeEvent(event, location))
  const product = circle.api.shop.products.find(({ id }) => id === job.result?.shopify_product_id)!
  const [row] = await circle.database.admin<{ id: number }[]>`
    select id::integer from onsale.tickets where event_id = ${Number(job.result?.event_id)}`
  return { event: Number(job.result?.event_id), ticket: row!.id, variant: product.variants[0]!, location }
}

/** Has the direct channel get so many units, and answers the job as it ended. */
async function moved({ ticket, location }: { ticket: number; location: string | null }, units: number) {
  return await circle.ended(await queued(circle.database.admin, ticket, units, { location, now: now() }))
}

const leftThere = ({ item }: Variant) => item.levels.reduce((sum, { available }) => sum + available, 0)

/** The ticket as visitors see it, once nothing is on its way any more: caches follow within a tenth of a second. */
async function shown(event: number) {
  for (const endsAt = performance.now() + 2_000; ; await Bun.sleep(10)) {
    const body = (await (await fetch(`${circle.service.url}/events/${event}`)).json()) as {
      pending_changes: unknown[]
      tickets: { capacity: number; channels: object }[]
    }
    if (body.pending_changes.length === 0 || performance.now() > endsAt) return body.tickets[0]
  }
}

test('units leave the shop and are sold here, go back and are sold there', async () => {
  const rock = await made()
  expect(await moved(rock, 15)).toMatchObject({
    state: 'done',
    result: {
      event_id: rock.event,
      ticket_id: rock.ticket,
      moved: 15,
      missing: 0,
      delta: -15,
      allotment: 15,
    },
  })
  expect(leftThere(rock.variant)).toBe(25)
  expect(await shown(rock.event)).toMatchObject({
    capacity: 40,
    channels: { shopify: { capacity: 25, available: 25 }, direct: { capacity: 15, available: 15 } },
  })

  const user = await addUser(circle.database.admin)
  const request = { user, items: [[rock.ticket, 2] as [number, number]] }
  const [placed] = await place(circle.database.service, rock.event, [request], { now: now() })
  expect(placed?.outcome).toBe('placed')
  expect(await moved(rock, 2)).toMatchObject({
    state: 'done',
    result: { moved: -13, delta: 13, allotment: 2 },
  })
  expect(leftThere(rock.variant)).toBe(38)
  expect(await shown(rock.event)).toMatchObject({
    capacity: 40,
    channels: { shopify: { available: 38 }, direct: { held: 2, available: 0 } },
  })
})

test('what the shop has sold meanwhile is not moved, and the job says so', async () => {
  const rock = await made()
  circle.api.shop.tick()
  circle.api.shop.world.placeOrder([{ variant: rock.variant, units: 38 }])
  const { result } = await moved(rock, 15)
  expect(result).toMatchObject({ moved: 2, missing: 13, allotment: 2, delta: -2 })
  expect(leftThere(rock.variant)).toBe(0)
  circle.api.courier.collect()
  expect(await allotmentOf(circle.database.admin, rock.ticket)).toBe(2)
})

test('a change whose answer is lost is made once', async () => {
  const rock = await made()
  Object.assign(circle.api.faults, { lost_answer_share: 1, only: ['inventoryAdjustQuantities'], left: 5 })
  expect(await moved(rock, 15)).toMatchObject({ state: 'done', result: { moved: 15 } })
  expect([leftThere(rock.variant), await allotmentOf(circle.database.admin, rock.ticket)]).toEqual([25, 15])
})

test('a shop of several locations wants to know which one, and nothing is moved before', async () => {
  const rock = await made()
  expect(await moved({ ...rock, location: null }, 15)).toMatchObject({
    state: 'failed',
    errors: [{ message: expect.stringContaining('several locations') }],
  })
  expect(leftThere(rock.variant)).toBe(40)
  expect(await allotmentOf(circle.database.admin, rock.ticket)).toBeNull()
})

test('a shop that refuses has nothing moved, in either direction, and the next move begins anew', async () => {
  const rock = await made()
  const elsewhere = circle.api.shop.world.locations[0]!.id
  expect(await moved({ ...rock, location: elsewhere }, 15)).toMatchObject({
    state: 'failed',
    errors: [{ message: expect.stringContaining('does not stock'), field: '/location_id' }],
  })
  expect(await moved(rock, 15)).toMatchObject({ state: 'done', result: { moved: 15 } })
  expect(await moved({ ...rock, location: elsewhere }, 5)).toMatchObject({ state: 'failed' })
  expect([leftThere(rock.variant), await allotmentOf(circle.database.admin, rock.ticket)]).toEqual([25, 15])
})

test('a refusal whose answer is lost is heard under another key', async () => {
  const rock = await made()
  const elsewhere = circle.api.shop.world.locations[0]!.id
  Object.assign(circle.api.faults, { lost_answer_share: 1, only: ['inventoryAdjustQuantities'], left: 1 })
  expect(await moved({ ...rock, location: elsewhere }, 15)).toMatchObject({
    state: 'failed',
    errors: [{ message: expect.stringContaining('location') }],
  })
})

test('what nobody knows the end of after a day is for a person, whose retry makes it anew', async () => {
  const rock = await made()
  const { admin } = circle.database
  const later = new Date(Date.now() + 3_600_000).toISOString()
  const job = await queued(admin, rock.ticket, 15, { location: rock.location, now: later })
  await goOn(admin, job, { now: new Date(Date.now() - 25 * 3_600_000).toISOString() })
  await admin`update onsale.jobs set next_attempt_at = now() where id = ${job}`
  expect(await circle.ended(job)).toMatchObject({
    state: 'failed',
    errors: [
      { message: expect.stringContaining(`onsale://jobs/${job}/taking`) },
      { message: expect.stringContaining('up to 15') },
    ],
  })
  expect(leftThere(rock.variant)).toBe(40)
  await admin`select from api.update_job_due(${job}::bigint, 'user 7')`
  expect(await circle.ended(job)).toMatchObject({ state: 'done', result: { moved: 15 } })
  expect(leftThere(rock.variant)).toBe(25)
})

test('units on their way back to an event that is deleted there are here again, and the job says why', async () => {
  const rock = await made()
  await moved(rock, 15)
  const { admin } = circle.database
  Object.assign(circle.api.faults, { error_share: 1, only: ['inventoryAdjustQuantities'] })
  const job = await queued(admin, rock.ticket, 5, { location: rock.location, now: now() })
  const isWaiting = await waitUntil(async () => (await jobOf(admin, job)).state === 'waiting', {
    timeoutMs: 30_000,
  })
  expect([isWaiting, await allotmentOf(admin, rock.ticket)]).toEqual([true, 5])

  circle.api.shop.tick()
  circle.api.shop.world.deleteProduct(rock.variant.product)
  circle.api.courier.collect()
  circle.api.faults.error_share = 0
  expect(await circle.ended(job)).toMatchObject({
    state: 'failed',
    errors: [{ message: 'The ticket has no stock in the shop any more', field: null }],
  })
  expect(await allotmentOf(admin, rock.ticket)).toBe(15)
  await expectVerified(admin)
})

test('units do not go back where nothing is sold from any more, whatever became of the first look', async () => {
  const rock = await made()
  await moved(rock, 15)
  const { admin } = circle.database
  Object.assign(circle.api.faults, { error_share: 1, only: ['inventoryItem'] })
  const job = await queued(admin, rock.ticket, 5, { location: rock.location, now: now() })
  const isWaiting = await waitUntil(async () => (await jobOf(admin, job)).state === 'waiting', {
    timeoutMs: 30_000,
  })
  expect([isWaiting, await allotmentOf(admin, rock.ticket)]).toEqual([true, 15])

  const { shop, courier, faults } = circle.api
  const level = rock.variant.item.levels.find(({ location }) => location.id === rock.location)!
  shop.tick()
  shop.world.disconnect(rock.variant, level)
  courier.collect()
  faults.error_share = 0
  expect(await circle.ended(job)).toMatchObject({
    state: 'failed',
    errors: [{ message: 'The ticket is not stocked at the location' }],
  })
  expect(await allotmentOf(admin, rock.ticket)).toBe(15)
  // Shopify would have taken them.
  const asked = shop.log.filter((made) => JSON.stringify(made.arguments).includes(`onsale://jobs/${job}/`))
  expect(asked).toEqual([])
})

test('units that are taken where nothing is sold from any more are not sold here', async () => {
  const rock = await made()
  const { admin, service } = circle.database
  const later = new Date(Date.now() + 3_600_000).toISOString()
  const job = await queued(admin, rock.ticket, 15, { location: rock.location, now: later })
  const level = rock.variant.item.levels.find(({ location }) => location.id === rock.location)!
  const call: Circle['shopify']['call'] = async (document, ...asked) => {
    if (document.name === 'LevelGet') circle.api.shop.world.disconnect(rock.variant, level)
    return await circle.shopify.call(document, ...asked)
  }
  const places = createPlaces({ call }, { locationId: null })
  const { move_allotment: move } = createAllotment({
    sql: service,
    shopify: { call },
    places,
    metrics: circle.metrics,
  })
  const { request } = await jobOf(admin, job)
  const { signal } = new AbortController()
  const attempt = { id: job, kind: 'move_allotment', subject: '', request, idempotencyKey: '', attempt: 0 }
  // The fake shop takes nothing back there; Shopify does.
  await expect(move(attempt, { signal })).rejects.toThrow('stock')
  expect(await move(attempt, { signal })).toMatchObject({ moved: 0, missing: 15 })
  expect(await allotmentOf(admin, rock.ticket)).toBeNull()
  await admin`update onsale.jobs set state = 'done' where id = ${job}`
})
