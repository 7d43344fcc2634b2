import { expect } from 'bun:test'
import { auditOf } from '../../admin.ts'
import { fail } from '../../jobs.ts'
import { scratchTests } from '../../scratch.ts'
import { begin, mirror, pendingOf, queued, revisionOf, writeJob } from '../../writes.ts'

const check = scratchTests()

const changing = (fields: object) => ({ details: { changes: fields } })

check('a later job takes the place of one that was never begun, with what that one changed', async (sql) => {
  const { event } = await mirror(sql)
  const first = await queued(sql, 'update_event', {
    event,
    ...changing({ title: 'A', subtitle: 'a', category: null }),
  })
  const second = await queued(sql, 'update_event', { event, ...changing({ title: 'B', subtitle: null }) })
  expect(await writeJob(sql, first)).toMatchObject({
    state: 'done',
    superseded_by: second,
    result: { superseded_by: second },
    confirmed_at: null,
  })
  expect(await writeJob(sql, second)).toMatchObject({
    state: 'queued',
    request: { changes: { title: 'B', subtitle: null, category: null } },
  })
  const third = await queued(sql, 'update_event', { event, ...changing({ category: 'rock' }) })
  expect(await writeJob(sql, third)).toMatchObject({
    request: { changes: { title: 'B', subtitle: null, category: 'rock' } },
  })
  expect(await pendingOf(sql, event)).toEqual([['update_event', 'queued']])
  const [, , newest] = await auditOf(sql, `event ${event}`)
  expect(newest).toMatchObject({
    after: { job_id: third, supersedes: [second], changes: { category: 'rock' } },
  })
})

check('a later capacity is the one that counts', async (sql) => {
  const { ticket } = await mirror(sql)
  const first = await queued(sql, 'update_capacity', { ticket, details: { capacity: 110 } })
  const second = await queued(sql, 'update_capacity', { ticket, details: { capacity: 120 } })
  expect(await writeJob(sql, first)).toMatchObject({ superseded_by: second })
  expect(await writeJob(sql, second)).toMatchObject({ request: { capacity: 120, delta: null } })
})

check(
  'what was begun is not superseded, whether it runs or waits: the later one comes after it',
  async (sql) => {
    const { event } = await mirror(sql)
    const first = await queued(sql, 'update_event', { event, ...changing({ title: 'A' }) })
    await begin(sql, first)
    const second = await queued(sql, 'update_event', { event, ...changing({ subtitle: 'b' }) })
    await fail(sql, first, 1, { retry: '12:10:00' })
    const third = await queued(sql, 'update_event', { event, ...changing({ category: 'c' }) })
    expect(await writeJob(sql, first)).toMatchObject({ state: 'waiting', superseded_by: null })
    expect(await writeJob(sql, second)).toMatchObject({ superseded_by: third })
    expect(await writeJob(sql, third)).toMatchObject({
      request: { changes: { subtitle: 'b', category: 'c' } },
    })
    expect(await pendingOf(sql, event)).toEqual([
      ['update_event', 'waiting'],
      ['update_event', 'queued'],
    ])
  },
)

check('a job of another kind, ticket or event is left alone', async (sql) => {
  const { event, ticket } = await mirror(sql, { variants: [11, 12] })
  const other = await mirror(sql, { id: 2, variants: [21] })
  const ids = [
    await queued(sql, 'publish_event', { event }),
    await queued(sql, 'unpublish_event', { event }),
    await queued(sql, 'update_ticket', { ticket, ...changing({ name: 'A' }) }),
    await queued(sql, 'update_ticket', { ticket: ticket + 1, ...changing({ name: 'B' }) }),
    await queued(sql, 'publish_event', { event: other.event }),
  ]
  for (const id of ids)
    expect(await writeJob(sql, id)).toMatchObject({ state: 'queued', superseded_by: null })
})

check('two tickets that are made are two', async (sql) => {
  const { event } = await mirror(sql)
  const making = { event, details: { ticket: { name: 'VIP' }, location_id: null } }
  const ids = [await queued(sql, 'create_ticket', making), await queued(sql, 'create_ticket', making)]
  for (const id of ids) expect(await writeJob(sql, id)).toMatchObject({ state: 'queued' })
})

check('each is a revision of the event', async (sql) => {
  const { event } = await mirror(sql)
  const before = await revisionOf(sql, event)
  await queued(sql, 'publish_event', { event })
  await queued(sql, 'publish_event', { event })
  expect(await revisionOf(sql, event)).toBe(before + 2)
})
