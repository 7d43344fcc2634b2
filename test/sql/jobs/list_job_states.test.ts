import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { addJob } from '../../jobs.ts'
import { scratchTests } from '../../scratch.ts'
import { confirm, finish, mirror, queued } from '../../writes.ts'

const check = scratchTests()

const states = async (sql: TransactionSql) =>
  (await sql`select kind, state, job_count::integer, oldest_at from api.list_job_states()`).map((row) =>
    Object.values(row),
  )

check('jobs are counted by kind and state, with the oldest of each; what is done is not', async (sql) => {
  const first = await addJob(sql, { kind: 'one', state: 'dead' })
  await addJob(sql, { kind: 'one', state: 'dead' })
  for (const state of ['failed', 'queued', 'running', 'waiting', 'done'])
    await addJob(sql, { kind: 'other', state })
  await sql`update onsale.jobs set created_at = '2026-10-01T00:00:00Z' where id = ${first}`
  const since = new Date('2026-11-01T11:00:00Z')
  expect(await states(sql)).toEqual([
    ['one', 'dead', 2, new Date('2026-10-01T00:00:00Z')],
    ['other', 'failed', 1, since],
    ['other', 'queued', 1, since],
    ['other', 'running', 1, since],
    ['other', 'waiting', 1, since],
  ])
})

check('without jobs there is nothing to count', async (sql) => {
  expect(await states(sql)).toEqual([])
})

check('what is done at Shopify is unconfirmed until the mirror shows it', async (sql) => {
  const { event } = await mirror(sql)
  await queued(sql, 'publish_event', { event })
  const job = await queued(sql, 'publish_event', { event })
  await finish(sql, job, { shopify_updated_at: null })
  expect(await states(sql)).toEqual([['publish_event', 'unconfirmed', 1, new Date('2026-11-01T12:00:00Z')]])
  await confirm(sql)
  expect(await states(sql)).toEqual([])
})
