import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { addJob } from '../../jobs.ts'
import { scratchTests, sqlStateOf } from '../../scratch.ts'

const check = scratchTests()

type Page = { jobs: { id: number }[]; page: number; limit: number; total: number; pages: number }

async function list(
  sql: TransactionSql,
  { state = null as string | null, kind = null as string | null, page = 1, limit = 10 } = {},
) {
  const [row] = await sql<{ page: Page }[]>`
    select api.list_jobs(${state}::text, ${kind}::text, ${page}::integer, ${limit}::integer) as page`
  const { jobs, ...counts } = row!.page
  return { ids: jobs.map(({ id }) => id), ...counts }
}

check('the newest come first, page by page', async (sql) => {
  const ids: number[] = []
  for (let nth = 0; nth < 5; nth++) ids.push(await addJob(sql))
  const [one, two, three, four, five] = ids
  const counts = { limit: 2, total: 5, pages: 3 }
  expect(await list(sql, { limit: 2 })).toEqual({ ids: [five!, four!], page: 1, ...counts })
  expect(await list(sql, { limit: 2, page: 2 })).toEqual({ ids: [three!, two!], page: 2, ...counts })
  expect(await list(sql, { limit: 2, page: 3 })).toEqual({ ids: [one!], page: 3, ...counts })
  expect(await list(sql, { limit: 2, page: 4 })).toEqual({ ids: [], page: 4, ...counts })
})

check('a state and a kind leave the others out, of the counts as well', async (sql) => {
  const queued = await addJob(sql, { kind: 'one' })
  const dead = await addJob(sql, { kind: 'one', state: 'dead' })
  const other = await addJob(sql, { kind: 'other', state: 'dead' })
  expect(await list(sql, { state: 'dead' })).toMatchObject({ ids: [other, dead], total: 2, pages: 1 })
  expect(await list(sql, { kind: 'one' })).toMatchObject({ ids: [dead, queued], total: 2 })
  expect(await list(sql, { kind: 'one', state: 'dead' })).toMatchObject({ ids: [dead], total: 1 })
  expect(await list(sql, { kind: 'none' })).toEqual({ ids: [], page: 1, limit: 10, total: 0, pages: 0 })
})

check('a word that is no state is refused', async (sql) => {
  await addJob(sql)
  expect(await sqlStateOf(sql, (sql) => list(sql, { state: 'lost' }))).toBe('22P02')
})
