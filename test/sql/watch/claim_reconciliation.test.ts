import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

const claim = async (sql: TransactionSql, time: string, every: string | null = '24 hours') => [
  ...(await sql`select * from api.claim_reconciliation(${every}::text::interval, ${time}::text::timestamptz)`),
]

check('the schedule gives one to whoever asks first', async (sql) => {
  await sql`update onsale.reconcile_schedule set claimed_at = '2026-11-01T12:00:00Z'`
  expect(await claim(sql, '2026-11-02T11:59:59Z')).toEqual([])
  expect(await claim(sql, '2026-11-02T12:00:00Z')).toEqual([
    { wanted_by: 'schedule', is_dry_run: false, repairs_max: null },
  ])
  expect(await claim(sql, '2026-11-02T12:00:01Z')).toEqual([])
})

check('what somebody wants comes at once, once, and also where there is no schedule', async (sql) => {
  await sql`select from api.update_reconcile_wanted('a person', true, 5)`
  expect(await claim(sql, '2026-11-01T12:00:00Z', null)).toEqual([
    { wanted_by: 'a person', is_dry_run: true, repairs_max: 5 },
  ])
  expect(await claim(sql, '2036-11-01T12:00:00Z', null)).toEqual([])
})

check('none is given while a sync that is wanted has not ended', async (sql) => {
  await sql`select from api.update_reconcile_wanted('a person', false, null)`
  await sql`select from api.place_wanted_sync('a person', null, '2026-11-01T12:00:00Z')`
  expect(await claim(sql, '2036-11-01T12:00:00Z')).toEqual([])
  await sql`update onsale.wanted_syncs set state = 'failed'`
  expect(await claim(sql, '2036-11-01T12:00:00Z')).toHaveLength(1)
})
