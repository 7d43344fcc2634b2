import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { scratchTests } from '../../scratch.ts'
import { claimWantedSync, failWantedSync, wantedSync, wantSync } from '../../sync.ts'

const check = scratchTests()

const complete = async (sql: TransactionSql, attempt: number, time = '12:30:00') => {
  const [row] = await sql<{ is_done: boolean }[]>`
    select api.complete_wanted_sync(
      ${attempt}::integer, ${`2026-11-01T${time}Z`}::text::timestamptz
    ) as is_done`
  return row!.is_done
}

check('what has ended is wanted no more', async (sql) => {
  await wantSync(sql, '12:00:00')
  await claimWantedSync(sql, '12:00:00')
  expect(await complete(sql, 1)).toBe(true)
  expect(await wantedSync(sql)).toBeUndefined()
  expect(await complete(sql, 1)).toBe(false)
})

check('what was asked for meanwhile begins anew', async (sql) => {
  await wantSync(sql, '12:00:00')
  await claimWantedSync(sql, '12:00:00')
  await failWantedSync(sql, 1, { retry: '12:01:00' })
  await claimWantedSync(sql, '12:01:00')
  await wantSync(sql, '12:01:01', { actor: 'user 8', ordersDays: 5 })
  expect(await complete(sql, 2)).toBe(true)
  expect(await wantedSync(sql)).toEqual({
    wanted_by: 'user 8',
    orders_days: 5,
    state: 'queued',
    is_wanted_again: false,
    attempts: 0,
    next_attempt_at: new Date('2026-11-01T12:30:00Z'),
    reason: null,
  })
})

check('whoever lost it ends nothing', async (sql) => {
  await wantSync(sql, '12:00:00')
  await claimWantedSync(sql, '12:00:00')
  await claimWantedSync(sql, '12:01:00')
  expect(await complete(sql, 1)).toBe(false)
  expect(await wantedSync(sql)).toMatchObject({ state: 'running', attempts: 2 })
})
