import { expect } from 'bun:test'
import { addJob } from '../../jobs.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

check('old looks that were done are forgotten, so many at once, and nothing else', async (sql) => {
  for (const kind of ['look_order', 'look_level', 'refund']) {
    for (const state of ['done', 'dead']) await addJob(sql, { kind, state })
  }
  const reap = async (before: string) =>
    (await sql`select api.reap_looks(${before}::text::timestamptz, 1) as count`)[0]?.count
  expect(await reap('2026-11-01T10:59:59Z')).toBe(0)
  expect(await reap('2026-11-01T12:00:00Z')).toBe(1)
  expect(await reap('2026-11-01T12:00:00Z')).toBe(1)
  expect(await reap('2026-11-01T12:00:00Z')).toBe(0)
  expect(await sql`select from onsale.jobs`).toHaveLength(4)
})
