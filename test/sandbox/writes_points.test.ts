import { afterAll, beforeAll, expect, test } from 'bun:test'
import { type Circle, startCircle } from '../circle.ts'
import { expectVerified } from '../harness.ts'

// Four workers under one token, and a bucket that holds the points of some thirty writes.

const bucket = { bucket_size: 400, restore_rate: 100 }

let circle: Circle
beforeAll(async () => {
  circle = await startCircle({ workers: 4, faults: bucket, seed: 'points' })
})
afterAll(() => circle.stop())

test('four workers share the points: they wait for them, and are hardly ever throttled', async () => {
  const { database, metrics, place, placeEvent, ended } = circle
  const startedAt = performance.now()
  const made = Array.from({ length: 12 }, (_, nth) =>
    placeEvent({
      title: `Event ${nth}`,
      status: 'draft',
      tickets: [
        { name: 'General', price_cents: 2500, capacity: 40 },
        { name: 'Balcony', price_cents: 3500, capacity: 20 },
      ],
    }),
  )
  const events = await Promise.all(made.map(async (job) => Number((await ended(await job)).result?.event_id)))
  const jobs = await Promise.all(
    events.map(async (eventId) => {
      const tickets = await database.admin<{ id: number }[]>`
        select id::integer from onsale.tickets where event_id = ${eventId} order by position`
      const [one, other] = tickets.map(({ id }) => id)
      return await Promise.all([
        place({ kind: 'update_event', eventId, details: { changes: { title: 'Renamed' } } }),
        place({ kind: 'update_ticket', ticketId: one!, details: { changes: { price_cents: 2600 } } }),
        place({ kind: 'update_ticket', ticketId: other!, details: { changes: { price_cents: 3600 } } }),
        place({ kind: 'update_capacity', ticketId: one!, details: { capacity: 45 } }),
        place({ kind: 'publish_event', eventId, details: {} }),
      ])
    }),
  )
  for (const id of jobs.flat()) expect(await ended(id)).toMatchObject({ state: 'done', attempts: 1 })
  const seconds = (performance.now() - startedAt) / 1_000

  const { values } = await metrics.shopifyCalls.get()
  const calls = values.reduce((sum, { value }) => sum + value, 0)
  const throttled = (await metrics.shopifyThrottled.get()).values[0]?.value ?? 0
  // More than the bucket held at first: the points of most calls had to come first.
  expect(calls * 10).toBeGreaterThan(2 * bucket.bucket_size)
  expect(throttled).toBeLessThan(calls * 0.2)
  expect(seconds).toBeLessThan(40)
  process.stdout.write(
    `${calls} calls by four workers in ${seconds.toFixed(1)} s, of which ${throttled} were throttled\n`,
  )
  await expectVerified(database.admin)
})
