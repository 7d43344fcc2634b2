import { expect } from 'bun:test'
import { addJob, at, claim, complete, fail, jobOf } from '../../jobs.ts'
import { scratchTests } from '../../scratch.ts'
import { begin, mirror, queued, revisionOf } from '../../writes.ts'

const check = scratchTests()

check('the running attempt is done, with its result, and what failed before is forgotten', async (sql) => {
  const id = await addJob(sql)
  await claim(sql, '12:00:00')
  await fail(sql, id, 1, { retry: '12:00:30' })
  await claim(sql, '12:00:30')
  expect(await complete(sql, id, 2, '12:00:31')).toBe(true)
  expect(await jobOf(sql, id)).toMatchObject({
    state: 'done',
    attempts: 2,
    result: { came: 'out' },
    errors: [],
    updated_at: new Date(at('12:00:31')),
  })
})

check('a second call changes nothing', async (sql) => {
  const id = await addJob(sql)
  await claim(sql, '12:00:00')
  await complete(sql, id, 1, '12:00:01')
  expect(await complete(sql, id, 1, '12:00:02')).toBe(false)
  expect(await jobOf(sql, id)).toMatchObject({ state: 'done', updated_at: new Date(at('12:00:01')) })
})

check('a late end counts while nobody else has taken the job, and no longer', async (sql) => {
  const [slow, lost] = [await addJob(sql), await addJob(sql)]
  await claim(sql, '12:00:00', { lease: '10 seconds' })
  expect(await complete(sql, slow, 1, '12:00:20')).toBe(true)
  expect(await claim(sql, '12:00:20')).toEqual([[lost, 2]])
  const before = await jobOf(sql, lost)
  expect(await complete(sql, lost, 1, '12:00:21')).toBe(false)
  expect(await jobOf(sql, lost)).toEqual(before)
  expect(await complete(sql, lost, 2, '12:00:22')).toBe(true)
})

for (const state of ['queued', 'waiting', 'failed', 'dead']) {
  check(`a job that is ${state} is not done by it`, async (sql) => {
    const id = await addJob(sql, { state })
    expect(await complete(sql, id, 0)).toBe(false)
    expect(await jobOf(sql, id)).toMatchObject({ state, result: null })
  })
}

check('a job that is not there is not done', async (sql) => {
  expect(await complete(sql, 999_999, 1)).toBe(false)
})

check('the end of a change of an event is a revision of it', async (sql) => {
  const { event } = await mirror(sql)
  const id = await queued(sql, 'publish_event', { event })
  const attempt = await begin(sql, id)
  const before = await revisionOf(sql, event)
  expect(await complete(sql, id, attempt)).toBe(true)
  expect(await revisionOf(sql, event)).toBe(before + 1)
  expect(await complete(sql, id, attempt)).toBe(false)
  expect(await revisionOf(sql, event)).toBe(before + 1)
})
