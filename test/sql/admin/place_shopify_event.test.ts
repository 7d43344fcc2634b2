import { expect } from 'bun:test'
import { auditOf } from '../../admin.ts'
import { scratchTests } from '../../scratch.ts'
import { writeEvent, writeJob } from '../../writes.ts'

const check = scratchTests()

const event = {
  title: 'Rock Night',
  status: 'draft',
  tickets: [{ name: 'General', price_cents: 2500, capacity: 10 }],
}

check('a new event is a job under a handle of its own, and no event here', async (sql) => {
  const { outcome, job } = await writeEvent(sql, { event, location: '3' })
  expect(outcome).toBe('queued')
  const { request, ...rest } = await writeJob(sql, job)
  expect(request).toEqual({
    handle: expect.stringMatching(/^onsale-[0-9a-f-]{36}$/),
    event,
    currency: 'EUR',
    location_id: '3',
  })
  expect(rest).toMatchObject({
    kind: 'create_event',
    subject: `new event ${request.handle}`,
    state: 'queued',
    event_id: null,
    ticket_id: null,
  })
  expect(await auditOf(sql, rest.subject)).toEqual([
    { actor: 'user 7', action: 'shopify.create_event', before: null, after: { job_id: job, ...request } },
  ])
  expect([...(await sql`select from onsale.events`)]).toEqual([])
})

check('without a token each call is another event, and none takes the place of another', async (sql) => {
  const [one, other] = [await writeEvent(sql, { event }), await writeEvent(sql, { event })]
  expect(one.job).not.toBe(other.job)
  const jobs = [await writeJob(sql, one.job), await writeJob(sql, other.job)]
  expect(jobs.map(({ state }) => state)).toEqual(['queued', 'queued'])
  expect(jobs[0]!.request.handle).not.toBe(jobs[1]!.request.handle)
})

check('under a token it is queued once', async (sql) => {
  const { job } = await writeEvent(sql, { event, token: 'key' })
  expect(await writeEvent(sql, { event, token: 'key' })).toEqual({ outcome: 'replayed', job })
  expect(await writeEvent(sql, { event, token: 'key', digest: 'of another' })).toEqual({
    outcome: 'conflict',
    job,
  })
})
