import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { allotmentOf, allotted, goOn, mirrored, queued, said } from '../../allotment.ts'
import { addJob, claim, complete } from '../../jobs.ts'
import { addUser, change, place } from '../../sales.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

const hold = async (sql: TransactionSql, event: number, ticket: number, units: number) => {
  const [placed] = await place(sql, event, [{ user: await addUser(sql), items: [[ticket, units]] }])
  expect(placed?.outcome).toBe('placed')
}

/** An attempt of the job, whose lease is over at once. */
const claimed = async (sql: TransactionSql, job: number) => {
  const [[id, attempt] = []] = await claim(sql, '12:05:30', { kinds: ['move_allotment'], lease: '0 seconds' })
  expect(id).toBe(job)
  return attempt!
}

check('units are asked of Shopify first, and are not here before it has said so', async (sql) => {
  const { ticket } = await mirrored(sql)
  const job = await queued(sql, ticket, 4)
  const call = await goOn(sql, job)
  expect(call).toMatchObject({ outcome: 'call', step: 'taking', delta: -4, location: '1', was_asked: false })
  expect([call.moved, await allotmentOf(sql, ticket)]).toEqual([0, null])
  expect(await goOn(sql, job)).toEqual({ ...call, was_asked: true })
})

check('units that go back have left here before Shopify is asked to take them', async (sql) => {
  const { event, ticket } = await mirrored(sql)
  await allotted(sql, ticket, 6)
  const job = await queued(sql, ticket, 2)
  const call = await goOn(sql, job)
  expect(call).toMatchObject({
    outcome: 'call',
    step: 'giving',
    delta: 4,
    was_asked: false,
    moved: -4,
    allotment: 2,
  })
  expect(await allotmentOf(sql, ticket)).toBe(2)
  expect(await goOn(sql, job)).toEqual({ ...call, was_asked: true })
  await hold(sql, event, ticket, 2)
  const [refused] = await place(sql, event, [{ user: await addUser(sql), items: [[ticket, 1]] }])
  expect(refused?.outcome).toBe('held_by_others')
})

check('what was sold or held since it was wanted stays, and the rest goes back', async (sql) => {
  const { event, ticket } = await mirrored(sql)
  await allotted(sql, ticket, 6)
  const job = await queued(sql, ticket, 0)
  await hold(sql, event, ticket, 2)
  expect(await goOn(sql, job)).toMatchObject({ outcome: 'call', delta: 4, allotment: 2 })
})

check('what expired until then goes back as well', async (sql) => {
  const { event, ticket } = await mirrored(sql)
  await allotted(sql, ticket, 6)
  await hold(sql, event, ticket, 2)
  const job = await queued(sql, ticket, 2)
  await sql`update onsale.jobs set request = request || '{"units": 0}' where id = ${job}`
  expect(await goOn(sql, job, { now: '2026-11-01T12:10:00Z' })).toMatchObject({ delta: 6, allotment: 0 })
})

check(
  'how many are moved is what is wanted less what there is by then, and nothing where that is so',
  async (sql) => {
    const { ticket } = await mirrored(sql)
    const [first, second, third] = [
      await queued(sql, ticket, 4),
      await queued(sql, ticket, 6),
      await queued(sql, ticket, 6),
    ]
    for (const [job, delta] of [
      [first, -4],
      [second, -2],
    ] as const) {
      const call = await goOn(sql, job)
      expect(call.delta).toBe(delta)
      await said(sql, job, call.key, 'made', { quantity: 0 })
    }
    expect(await goOn(sql, third)).toMatchObject({
      outcome: 'done',
      step: null,
      moved: 0,
      missing: 0,
      allotment: 6,
    })
    expect(await goOn(sql, second)).toMatchObject({ outcome: 'done', step: 'done', moved: 2 })
  },
)

check('a location is asked for once, and stays the one', async (sql) => {
  const { ticket } = await mirrored(sql)
  const job = await queued(sql, ticket, 4, { location: null })
  expect(await goOn(sql, job)).toMatchObject({ outcome: 'location_wanted', location: null })
  expect(await goOn(sql, job, { location: '7' })).toMatchObject({ outcome: 'call', location: '7' })
  expect(await goOn(sql, job, { location: '8' })).toMatchObject({ outcome: 'call', location: '7' })
  const named = await queued(sql, ticket, 4)
  await sql`delete from onsale.allotment_moves where job_id = ${job}`
  expect(await goOn(sql, named, { location: '8' })).toMatchObject({ outcome: 'call', location: '1' })
})

check('units go back only where somebody has seen that the ticket is sold from there', async (sql) => {
  const { ticket } = await mirrored(sql)
  await allotted(sql, ticket, 6)
  const job = await queued(sql, ticket, 2, { location: null })
  expect(await goOn(sql, job, { isStocked: false })).toMatchObject({ outcome: 'location_wanted' })
  for (const _ of ['first', 'again']) {
    const wanted = await goOn(sql, job, { location: '7', isStocked: false })
    expect(wanted).toMatchObject({ outcome: 'level_wanted', location: '7', moved: 0 })
  }
  expect(await allotmentOf(sql, ticket)).toBe(6)
  const call = await goOn(sql, job, { location: '7' })
  expect(call).toMatchObject({ outcome: 'call', step: 'giving', was_asked: false, allotment: 2 })
  // It was looked at before the first call.
  expect(await goOn(sql, job, { isStocked: false })).toEqual({ ...call, was_asked: true })
})

check('no move begins while another one of the ticket stands half way', async (sql) => {
  const { ticket } = await mirrored(sql)
  const other = await mirrored(sql, 10, { id: 2 })
  const first = await queued(sql, ticket, 4)
  const call = await goOn(sql, first)
  const second = await queued(sql, ticket, 6)
  expect(await goOn(sql, second)).toMatchObject({ outcome: 'unfinished', other: first })
  expect(await goOn(sql, await queued(sql, other.ticket, 6))).toMatchObject({ outcome: 'call' })
  await said(sql, first, call.key, 'made', { quantity: 0 })
  expect(await goOn(sql, second)).toMatchObject({ outcome: 'call', delta: -2 })
})

check(
  'a call without an answer is the same until Shopify forgets its key; then a person looks, and says so by a retry',
  async (sql) => {
    const { ticket } = await mirrored(sql)
    const job = await queued(sql, ticket, 4)
    const first = await goOn(sql, job)
    expect(await goOn(sql, job, { now: '2026-11-02T11:05:59Z' })).toEqual({ ...first, was_asked: true })
    for (const now of ['2026-11-02T11:06:00Z', '2026-11-02T11:07:00Z'])
      expect(await goOn(sql, job, { now })).toMatchObject({ outcome: 'unclear', step: 'taking' })

    await sql`update onsale.jobs set state = 'failed' where id = ${job}`
    await sql`select from api.update_job_due(${job}::bigint, 'user 7', '2026-11-02T12:00:00Z')`
    const again = await goOn(sql, job, { now: '2026-11-02T12:00:01Z' })
    expect(again).toMatchObject({ outcome: 'call', delta: -4, was_asked: false })
    expect(again.key).not.toBe(first.key)
    expect(await goOn(sql, job, { now: '2026-11-02T12:00:02Z' })).toEqual({ ...again, was_asked: true })
    // The retry spoke of the first call alone.
    expect(await goOn(sql, job, { now: '2026-11-03T12:00:00Z' })).toMatchObject({ outcome: 'unclear' })
  },
)

check('a retry from before anybody had to look says nothing', async (sql) => {
  const { ticket } = await mirrored(sql)
  const job = await queued(sql, ticket, 4)
  await goOn(sql, job)
  await sql`update onsale.jobs set state = 'dead' where id = ${job}`
  await sql`select from api.update_job_due(${job}::bigint, 'user 7', '2026-11-02T12:00:00Z')`
  expect(await goOn(sql, job, { now: '2026-11-02T12:00:01Z' })).toMatchObject({ outcome: 'unclear' })
})

check('what Shopify refused is begun anew, with what is wanted by then', async (sql) => {
  const { event, ticket } = await mirrored(sql)
  await allotted(sql, ticket, 6)
  const job = await queued(sql, ticket, 0)
  const first = await goOn(sql, job)
  await said(sql, job, first.key, 'refused')
  await hold(sql, event, ticket, 2)
  const again = await goOn(sql, job)
  expect(again).toMatchObject({ outcome: 'call', step: 'giving', delta: 4, was_asked: false, allotment: 2 })
  expect(again.key).not.toBe(first.key)
})

check(
  'an attempt that another one has overtaken begins nothing, also not anew, and goes on with what had begun',
  async (sql) => {
    const { ticket } = await mirrored(sql)
    const job = await queued(sql, ticket, 4)
    await sql`update onsale.jobs set attempts = 2 where id = ${job}`
    expect(await goOn(sql, job, { attempt: 1 })).toMatchObject({ outcome: 'too_late', step: null })

    const call = await goOn(sql, job, { attempt: 2 })
    expect(await goOn(sql, job, { attempt: 1 })).toEqual({ ...call, was_asked: true })
    await said(sql, job, call.key, 'refused', { attempt: 2 })
    expect(await goOn(sql, job, { attempt: 1 })).toMatchObject({ outcome: 'too_late' })
    expect(await goOn(sql, job, { attempt: 2 })).toMatchObject({ outcome: 'call', step: 'taking' })
  },
)

check('a job that is ended begins nothing, and a person who has it tried again does', async (sql) => {
  const { ticket } = await mirrored(sql)
  const job = await queued(sql, ticket, 4)
  for (const state of ['done', 'dead', 'failed']) {
    await sql`update onsale.jobs set state = ${state}::text::onsale.job_state where id = ${job}`
    expect(await goOn(sql, job)).toMatchObject({ outcome: 'too_late', moved: 0 })
  }
  expect(await allotmentOf(sql, ticket)).toBeNull()
  await sql`select from api.update_job_due(${job}::bigint, 'user 7')`
  expect(await goOn(sql, job)).toMatchObject({ outcome: 'call', delta: -4 })
})

check('what was held when a job ended does not go back for an attempt of it that comes late', async (sql) => {
  const { event, ticket } = await mirrored(sql)
  await allotted(sql, ticket, 3)
  const job = await queued(sql, ticket, 1)
  const [placed] = await place(sql, event, [{ user: await addUser(sql), items: [[ticket, 2]] }])
  await hold(sql, event, ticket, 1)
  const slow = await claimed(sql, job)
  const quick = await claimed(sql, job)
  expect(await goOn(sql, job, { attempt: quick })).toMatchObject({ outcome: 'done', moved: 0 })
  expect(await complete(sql, job, quick)).toBe(true)

  // No attempt would come after one that dies in the middle.
  await change(sql, event, [{ order: placed!.body!.id, status: 'CANCELLED' }])
  expect(await goOn(sql, job, { attempt: slow })).toMatchObject({ outcome: 'too_late', moved: 0 })
  expect(await allotmentOf(sql, ticket)).toBe(3)
})

check('a job of something else is none of an allotment', async (sql) => {
  expect(await goOn(sql, await addJob(sql))).toMatchObject({ outcome: 'not_found' })
  expect(await goOn(sql, 999_999)).toMatchObject({ outcome: 'not_found' })
})
