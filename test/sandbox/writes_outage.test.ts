import { afterAll, beforeAll, expect, test } from 'bun:test'
import { startAdminApi } from '../../sandbox/admin_api.ts'
import { jobAttemptsMax } from '../../src/limits.ts'
import { accessToken, type Circle, startCircle } from '../circle.ts'
import { expectVerified } from '../harness.ts'
import { webhookSecret } from '../service.ts'

// A shop that cannot be reached for a while, with writes that come meanwhile.

const events = 6

let circle: Circle
beforeAll(async () => {
  circle = await startCircle({ seed: 'outage' })
})
afterAll(() => circle.stop())

test('writes wait while the shop is away, and each is done once when it is back', async () => {
  const { api, database, ended, place, placeEvent, service } = circle
  const made = await Promise.all(
    Array.from({ length: events }, async (_, nth) => {
      const tickets = [{ name: 'General', price_cents: 2500, capacity: 40 }]
      const job = await ended(await placeEvent({ title: `Event ${nth}`, status: 'draft', tickets }))
      return Number(job.result?.event_id)
    }),
  )
  await api.stop()
  const jobs: number[] = []
  for (const eventId of made) {
    const changes = { title: `Renamed ${eventId}` }
    jobs.push(await place({ kind: 'update_event', eventId, details: { changes } }))
    jobs.push(await place({ kind: 'publish_event', eventId, details: {} }))
  }
  const states = async () => {
    const rows = await database.admin<{ state: string; attempts: number; error: string | null }[]>`
      select state, attempts, errors -> 0 ->> 'message' as error from onsale.jobs where kind <> 'create_event' order by id`
    return [...rows]
  }
  await until(async () => (await states()).filter(({ state }) => state === 'waiting').length === events)
  for (const [nth, { state, attempts, error }] of (await states()).entries()) {
    const isFirst = nth % 2 === 0
    expect([state, attempts > 0]).toEqual([isFirst ? 'waiting' : 'queued', isFirst])
    if (isFirst) expect(error).toMatch(/Could not connect|away/)
  }

  const world = api.shop.world
  const port = Number(new URL(api.url).port)
  const back = await startAdminApi({
    world,
    token: accessToken,
    secret: webhookSecret,
    url: service.url,
    port,
    faults: { bucket_size: 100_000 },
  })
  try {
    await database.admin`update onsale.jobs set next_attempt_at = now() where state = 'waiting'`
    for (const id of jobs) {
      const job = await ended(id)
      expect([job.state, job.attempts < jobAttemptsMax]).toEqual(['done', true])
    }
    const applied = back.shop.log.filter(({ name }) => name === 'productUpdate')
    expect(applied.map(({ outcome }) => outcome)).toEqual(Array.from({ length: 2 * events }, () => 'applied'))
    expect(world.products.map(({ title, status }) => [title, status]).toSorted()).toEqual(
      made.map((id) => [`Renamed ${id}`, 'active']).toSorted(),
    )
    await expectVerified(database.admin)
  } finally {
    await back.stop()
  }
})

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (const endsAt = performance.now() + 30_000; performance.now() < endsAt; await Bun.sleep(20)) {
    if (await isSo()) return
  }
  throw new Error('It did not come to that')
}
