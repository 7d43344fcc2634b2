import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { allotted, goOn, mirrored, queued, said } from '../../allotment.ts'
import { at, fail, jobOf } from '../../jobs.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

const messagesOf = async (sql: TransactionSql, job: number) =>
  (await jobOf(sql, job)).errors.map(({ message }) => message)
const onTheirWay = (units: number) =>
  `Units on their way are sold nowhere until the job is tried again: up to ${units}`

/** What a person does about it; until then verify finds it. */
const triedAgain = async (sql: TransactionSql, job: number) => {
  expect(await sql`select key from api.verify()`).toMatchObject([{ key: `job ${job}` }])
  await sql`select from api.update_job_due(${job}::bigint, 'user 7')`
}

/** A job whose worker is at it, with its move begun. */
async function begun(sql: TransactionSql, { from = 0, to = 4 } = {}) {
  const { ticket } = await mirrored(sql)
  if (from > 0) await allotted(sql, ticket, from)
  const job = await queued(sql, ticket, to)
  const call = await goOn(sql, job)
  await sql`update onsale.jobs set state = 'running' where id = ${job}`
  return { job, call }
}

for (const state of ['failed', 'dead']) {
  check(`a job that is ${state} says how many units stand half way`, async (sql) => {
    const { job } = await begun(sql, { from: 6, to: 1 })
    expect(await fail(sql, job, 0, { state })).toBe(true)
    expect(await messagesOf(sql, job)).toEqual(['Went wrong', onTheirWay(5)])
    await triedAgain(sql, job)
  })
}

check('a job that is discarded says so as well', async (sql) => {
  const { job } = await begun(sql)
  await sql`update onsale.jobs set state = 'waiting' where id = ${job}`
  await sql`select from api.cancel_job(p_id => ${job}::bigint, p_actor => 'user 7')`
  expect(await messagesOf(sql, job)).toEqual(['Discarded by user 7', onTheirWay(4)])
  await triedAgain(sql, job)
})

check('a job whose worker did not come back says so as well, once', async (sql) => {
  const { job } = await begun(sql)
  for (let nth = 0; nth < 2; nth++) {
    await sql`update onsale.jobs set state = 'running', next_attempt_at = ${at('12:00:00')} where id = ${job}`
    await sql`select from api.expire_jobs(0, ${at('13:00:00')}::text::timestamptz)`
    expect(await messagesOf(sql, job)).toEqual(['Its worker did not come back', onTheirWay(4)])
  }
  await triedAgain(sql, job)
})

check('a job that is tried again by itself does not', async (sql) => {
  const { job } = await begun(sql)
  await fail(sql, job, 0, { state: 'waiting', retry: '13:00:00' })
  expect(await messagesOf(sql, job)).toEqual(['Went wrong'])
})

check('a job whose move is ended, refused or never began does not', async (sql) => {
  const { job, call } = await begun(sql)
  await said(sql, job, call.key, 'refused')
  await fail(sql, job, 0, { state: 'failed' })
  expect(await messagesOf(sql, job)).toEqual(['Went wrong'])

  await sql`update onsale.jobs set state = 'running' where id = ${job}`
  const again = await goOn(sql, job)
  await said(sql, job, again.key, 'made', { quantity: 6 })
  await fail(sql, job, 0, { state: 'failed' })
  expect(await messagesOf(sql, job)).toEqual(['Went wrong'])
})
