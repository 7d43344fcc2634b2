import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { scratchTests } from '../../scratch.ts'
import { claimWantedSync, wantSync } from '../../sync.ts'

const check = scratchTests()

const keep = async (sql: TransactionSql, attempt: number, time: string) => {
  const [row] = await sql<{ is_held: boolean }[]>`
    select api.update_wanted_sync_lease(
      ${attempt}::integer, '20 seconds', ${`2026-11-01T${time}Z`}::text::timestamptz
    ) as is_held`
  return row!.is_held
}

check('who tells that he is still at it keeps it', async (sql) => {
  await wantSync(sql, '12:00:00')
  await claimWantedSync(sql, '12:00:00')
  expect(await keep(sql, 1, '12:00:15')).toBe(true)
  expect(await claimWantedSync(sql, '12:00:34')).toBeUndefined()
  expect(await claimWantedSync(sql, '12:00:35')).toMatchObject({ attempt: 2 })
})

check('a lease that has run out is held until another process comes', async (sql) => {
  await wantSync(sql, '12:00:00')
  await claimWantedSync(sql, '12:00:00')
  expect(await keep(sql, 1, '12:01:00')).toBe(true)
  await claimWantedSync(sql, '12:02:00')
  expect(await keep(sql, 1, '12:02:01')).toBe(false)
  expect(await keep(sql, 2, '12:02:01')).toBe(true)
})

check('nobody holds what nobody has begun', async (sql) => {
  expect(await keep(sql, 1, '12:00:00')).toBe(false)
  await wantSync(sql, '12:00:00')
  expect(await keep(sql, 0, '12:00:00')).toBe(false)
})
