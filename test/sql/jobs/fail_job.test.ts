import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { addJob, at, claim, fail, jobOf } from '../../jobs.ts'
import { scratchTests, sqlStateOf } from '../../scratch.ts'
import { begin, mirror, queued, revisionOf } from '../../writes.ts'

const check = scratchTests()

const errors = [{ message: 'Went wrong', field: null }]

check('an attempt that failed waits until it is tried again, with the reason', async (sql) => {
  const id = await addJob(sql)
  await claim(sql, '12:00:00')
  expect(await fail(sql, id, 1, { retry: '12:07:00' })).toBe(true)
  expect(await jobOf(sql, id)).toMatchObject({
    state: 'waiting',
    attempts: 1,
    next_attempt_at: new Date(at('12:07:00')),
    errors,
    result: null,
    updated_at: new Date(at('12:00:01')),
  })
  expect(await claim(sql, '12:07:00')).toEqual([[id, 2]])
})

for (const state of ['failed', 'dead']) {
  check(`a job that is ${state} is not tried again`, async (sql) => {
    const id = await addJob(sql)
    await claim(sql, '12:00:00')
    expect(await fail(sql, id, 1, { state })).toBe(true)
    expect(await jobOf(sql, id)).toMatchObject({ state, errors })
    expect(await claim(sql, '23:59:59')).toEqual([])
  })
}

check('a second call changes nothing', async (sql) => {
  const id = await addJob(sql)
  await claim(sql, '12:00:00')
  await fail(sql, id, 1, { retry: '12:07:00' })
  expect(await fail(sql, id, 1, { state: 'dead' })).toBe(false)
  expect(await jobOf(sql, id)).toMatchObject({ state: 'waiting' })
})

check('an attempt whose job somebody else has taken ends nothing', async (sql) => {
  const id = await addJob(sql)
  await claim(sql, '12:00:00', { lease: '10 seconds' })
  await claim(sql, '12:00:10')
  const before = await jobOf(sql, id)
  expect(await fail(sql, id, 1, { state: 'dead', time: '12:00:11' })).toBe(false)
  expect(await jobOf(sql, id)).toEqual(before)
})

check('a word that is no state is refused', async (sql) => {
  const id = await addJob(sql)
  await claim(sql, '12:00:00')
  const wrong = (sql: TransactionSql) => fail(sql, id, 1, { state: 'lost' })
  expect(await sqlStateOf(sql, wrong)).toBe('22P02')
  expect(await jobOf(sql, id)).toMatchObject({ state: 'running' })
})

for (const state of ['waiting', 'failed', 'dead']) {
  check(`a change of an event that ends as ${state} is a revision of it`, async (sql) => {
    const { event } = await mirror(sql)
    const id = await queued(sql, 'publish_event', { event })
    const attempt = await begin(sql, id)
    const before = await revisionOf(sql, event)
    expect(await fail(sql, id, attempt, { state, retry: '12:10:00' })).toBe(true)
    expect(await revisionOf(sql, event)).toBe(before + 1)
    expect(await fail(sql, id, attempt, { state })).toBe(false)
    expect(await revisionOf(sql, event)).toBe(before + 1)
  })
}
