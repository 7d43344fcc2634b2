import { expect } from 'bun:test'
import type { Session } from '../../../src/platform/database.ts'
import { fail } from '../../jobs.ts'
import { scratchTests } from '../../scratch.ts'
import { begin, confirm, finish, mirror, queued } from '../../writes.ts'

const check = scratchTests()

async function listed(sql: Session, event: number) {
  const rows = await sql<{ id: number; card: Record<string, unknown> }[]>`
    select c.job_id::integer as id, c.card from api.list_pending_changes(${event}::bigint) c order by c.job_id`
  return rows.map(({ card }) => card)
}

check('a job shows as pending with its kind, its state and when it was asked for', async (sql) => {
  const { event } = await mirror(sql)
  const job = await queued(sql, 'publish_event', { event })
  expect(await listed(sql, event)).toEqual([
    { job_id: job, kind: 'publish_event', state: 'queued', created_at: '2026-11-01T12:00:00.000Z' },
  ])
})

check('it shows until it is confirmed, whatever comes in between', async (sql) => {
  const { event } = await mirror(sql)
  const job = await queued(sql, 'publish_event', { event })
  const states = async () => (await listed(sql, event)).map(({ state }) => state)
  await begin(sql, job)
  expect(await states()).toEqual(['running'])
  await fail(sql, job, 1, { retry: '12:00:05' })
  expect(await states()).toEqual(['waiting'])
  await finish(sql, job, { shopify_updated_at: '2026-11-01T09:00:00Z' }, '12:00:05')
  expect(await states()).toEqual(['done'])
  expect(await confirm(sql, '12:00:06')).toEqual([job])
  expect(await states()).toEqual([])
})

for (const state of ['failed', 'dead']) {
  check(`a job that is ${state} changes nothing any more, and does not show`, async (sql) => {
    const { event } = await mirror(sql)
    const job = await queued(sql, 'publish_event', { event })
    await begin(sql, job)
    await fail(sql, job, 1, { state })
    expect(await listed(sql, event)).toEqual([])
  })
}

check("another event's does not show, and of a superseded one the later", async (sql) => {
  const [{ event }, other] = [await mirror(sql), await mirror(sql, { id: 2, variants: [21] })]
  await queued(sql, 'publish_event', { event: other.event })
  await queued(sql, 'publish_event', { event })
  const later = await queued(sql, 'publish_event', { event })
  expect(await listed(sql, event)).toMatchObject([{ job_id: later }])
})
