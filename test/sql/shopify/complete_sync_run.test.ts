import { expect } from 'bun:test'
import { scratchTests } from '../../scratch.ts'
import { productLines, stagedRun } from '../../sync.ts'

const check = scratchTests()

check('a run ends with its report, and its records are gone', async (sql) => {
  const id = await stagedRun(sql, { products: productLines() })
  await sql`select from api.complete_sync_run(${id}, '{"counts": [], "drift": 0}')`
  const [run] =
    await sql`select state, report, reason, ended_at is not null as is_ended from onsale.sync_runs`
  expect(run).toEqual({ state: 'done', report: { counts: [], drift: 0 }, reason: null, is_ended: true })
  expect(await sql`select from onsale.staged_records`).toHaveLength(0)
})

check('one that failed says why, and stays as it ended', async (sql) => {
  const id = await stagedRun(sql, { products: productLines() })
  await sql`select from api.complete_sync_run(${id}, null, 'Shopify gave up')`
  const next = await stagedRun(sql, { products: productLines() })
  await sql`select from api.complete_sync_run(${id}, '{}')`
  const runs = await sql`select id::float8 as id, state, reason from onsale.sync_runs order by id`
  expect(runs.map((run) => ({ ...run }))).toEqual([
    { id, state: 'failed', reason: 'Shopify gave up' },
    { id: next, state: 'loaded', reason: null },
  ])
  // Those are the next one's.
  expect(await sql`select from onsale.staged_records`).toHaveLength(2)
})
