import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { addJob, at, claim, fail, jobOf } from '../../jobs.ts'
import { scratchTests } from '../../scratch.ts'
import { begin, mirror, pendingOf, queued, revisionOf } from '../../writes.ts'

const check = scratchTests()

/** With at most three attempts; their ids. */
async function expire(sql: TransactionSql, time: string): Promise<number[]> {
  const rows = await sql<{ id: number }[]>`
    select e.id::integer as id from api.expire_jobs(3, ${at(time)}::text::timestamptz) e`
  return rows.map(({ id }) => id)
}

const withoutWorker = { message: 'Its worker did not come back', field: null }

check('a job whose worker dies each time is dead after its last attempt, and says why', async (sql) => {
  const id = await addJob(sql)
  for (const [time, attempt] of [
    ['12:00:00', 1],
    ['12:01:00', 2],
    ['12:02:00', 3],
  ] as const) {
    expect(await claim(sql, time, { attemptsMax: 3 })).toEqual([[id, attempt]])
    expect(await expire(sql, time)).toEqual([])
  }
  expect(await expire(sql, '12:02:59.9')).toEqual([])
  expect(await expire(sql, '12:03:00')).toEqual([id])
  expect(await jobOf(sql, id)).toMatchObject({
    state: 'dead',
    attempts: 3,
    errors: [withoutWorker],
    updated_at: new Date(at('12:03:00')),
  })
  expect(await expire(sql, '12:04:00')).toEqual([])
})

check('what earlier attempts failed for stays beside it', async (sql) => {
  const id = await addJob(sql, { attempts: 1 })
  await claim(sql, '12:00:00')
  await fail(sql, id, 2, { retry: '12:01:00' })
  await claim(sql, '12:01:00')
  expect(await expire(sql, '12:02:00')).toEqual([id])
  expect((await jobOf(sql, id)).errors).toEqual([{ message: 'Went wrong', field: null }, withoutWorker])
})

check('it is tried again as any that is dead, once, and says no more than before', async (sql) => {
  const id = await addJob(sql, { attempts: 2 })
  await claim(sql, '12:00:00')
  await expire(sql, '12:01:00')
  await sql`select from api.update_job_due(${id}::bigint, 'user 7', ${at('12:02:00')}::text::timestamptz)`
  expect(await claim(sql, '12:02:00', { attemptsMax: 3 })).toEqual([[id, 4]])
  expect(await expire(sql, '12:03:00')).toEqual([id])
  expect(await jobOf(sql, id)).toMatchObject({ state: 'dead', attempts: 4, errors: [withoutWorker] })
})

check('what is queued, waits, or has a worker is left alone, however often it was tried', async (sql) => {
  await addJob(sql, { attempts: 5 })
  await addJob(sql, { attempts: 5, state: 'waiting' })
  await addJob(sql, { attempts: 5, state: 'running', due: at('12:00:01') })
  await addJob(sql, { attempts: 2, state: 'running' })
  expect(await expire(sql, '12:00:00')).toEqual([])
})

check('a change of an event is no pending change any more, which is a revision of it', async (sql) => {
  const { event } = await mirror(sql)
  const id = await queued(sql, 'publish_event', { event })
  await begin(sql, id)
  await sql`update onsale.jobs set attempts = 3 where id = ${id}`
  const before = await revisionOf(sql, event)
  expect(await expire(sql, '12:01:00')).toEqual([id])
  expect(await revisionOf(sql, event)).toBe(before + 1)
  expect(await pendingOf(sql, event)).toEqual([])
})
