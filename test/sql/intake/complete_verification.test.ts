import { expect } from 'bun:test'
import type { Session } from '../../../src/platform/database.ts'
import { scratchTests, sqlStateOf } from '../../scratch.ts'

const check = scratchTests()

const result = async (sql: Session) => {
  const [row] = await sql`select completed_at, drift_count from onsale.verification`
  return row && { ...row }
}

check('the outcome is kept with its time, the newest instead of the one before', async (sql) => {
  expect(await result(sql)).toEqual({ completed_at: null, drift_count: null })
  await sql`select from api.complete_verification(3, '2026-11-01T10:00:07Z')`
  expect(await result(sql)).toEqual({ completed_at: new Date('2026-11-01T10:00:07Z'), drift_count: 3 })
  await sql`select from api.complete_verification(0, '2026-11-01T11:00:07Z')`
  expect(await result(sql)).toEqual({ completed_at: new Date('2026-11-01T11:00:07Z'), drift_count: 0 })
})

check('it does not move when the next one is due', async (sql) => {
  const [before] = await sql`select claimed_at from onsale.verification`
  await sql`select from api.complete_verification(0)`
  const [after] = await sql`select claimed_at from onsale.verification`
  expect(after).toEqual(before)
})

check('a count below zero is refused', async (sql) => {
  expect(await sqlStateOf(sql, (sql) => sql`select from api.complete_verification(-1)`)).toBe('23514')
})
