import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { addJob } from '../../jobs.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

const get = async (sql: TransactionSql, id: number) =>
  (await sql`select api.get_job(${id}::bigint) as job`)[0]?.job

check('a job is shown by its id', async (sql) => {
  await addJob(sql)
  const id = await addJob(sql, { subject: 'thing 1' })
  expect(await get(sql, id)).toMatchObject({ id, subject: 'thing 1', state: 'queued' })
})

check('one that is not there is null', async (sql) => {
  expect(await get(sql, 999_999)).toBeNull()
})
