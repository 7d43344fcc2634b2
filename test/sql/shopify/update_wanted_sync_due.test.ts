import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { scratchTests } from '../../scratch.ts'
import { claimWantedSync, failWantedSync, wantedSync, wantSync } from '../../sync.ts'

const check = scratchTests()

const giveBack = async (sql: TransactionSql, attempt: number, due: string) => {
  const [row] = await sql<{ is_done: boolean }[]>`
    select api.update_wanted_sync_due(
      ${attempt}::integer, ${`2026-11-01T${due}Z`}::text::timestamptz
    ) as is_done`
  return row!.is_done
}

check('an attempt that is given back does not count, and comes up at its time', async (sql) => {
  await wantSync(sql, '12:00:00')
  await claimWantedSync(sql, '12:00:00')
  expect(await giveBack(sql, 1, '12:00:05')).toBe(true)
  expect(await wantedSync(sql)).toMatchObject({ state: 'queued', attempts: 0 })
  expect(await claimWantedSync(sql, '12:00:04')).toBeUndefined()
  expect(await claimWantedSync(sql, '12:00:05')).toMatchObject({ attempt: 1 })
})

check(
  'what broke off before waits again, with its reason, and what was wanted meanwhile stays wanted',
  async (sql) => {
    await wantSync(sql, '12:00:00')
    await claimWantedSync(sql, '12:00:00')
    await failWantedSync(sql, 1, { retry: '12:01:00' })
    await claimWantedSync(sql, '12:01:00')
    await wantSync(sql, '12:01:01')
    expect(await giveBack(sql, 2, '12:01:05')).toBe(true)
    expect(await wantedSync(sql)).toMatchObject({
      state: 'waiting',
      attempts: 1,
      is_wanted_again: true,
      reason: 'No answer',
    })
  },
)

check('what another process has by now is not given back', async (sql) => {
  await wantSync(sql, '12:00:00')
  await claimWantedSync(sql, '12:00:00')
  await claimWantedSync(sql, '12:01:00')
  expect(await giveBack(sql, 1, '12:01:01')).toBe(false)
  expect(await giveBack(sql, 2, '12:01:01')).toBe(true)
  expect(await giveBack(sql, 2, '12:01:01')).toBe(false)
})
