import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { scratchTests } from '../../scratch.ts'
import { claimWantedSync, failWantedSync, wantedSync, wantSync } from '../../sync.ts'

const check = scratchTests()

const audited = async (sql: TransactionSql) => [
  ...(await sql`select actor, action, subject, after from onsale.audit_log order by id`),
]

check('a sync is wanted, and the audit log says by whom', async (sql) => {
  expect(await wantSync(sql, '12:00:00', { ordersDays: 30 })).toBe('queued')
  expect(await wantedSync(sql)).toEqual({
    wanted_by: 'user 7',
    orders_days: 30,
    state: 'queued',
    is_wanted_again: false,
    attempts: 0,
    next_attempt_at: new Date('2026-11-01T12:00:00Z'),
    reason: null,
  })
  expect(await audited(sql)).toEqual([
    { actor: 'user 7', action: 'sync.want', subject: 'sync', after: { orders_days: 30 } },
  ])
})

check('one that waits is the same, and nothing changes', async (sql) => {
  await wantSync(sql, '12:00:00')
  expect(await wantSync(sql, '12:00:01', { actor: 'user 8', ordersDays: 5 })).toBe('unchanged')
  expect(await wantedSync(sql)).toMatchObject({ wanted_by: 'user 7', orders_days: null })
  await claimWantedSync(sql, '12:00:02')
  await failWantedSync(sql, 1, { retry: '12:01:00' })
  expect(await wantSync(sql, '12:00:10', { actor: 'user 8' })).toBe('unchanged')
  expect(await wantedSync(sql)).toMatchObject({ wanted_by: 'user 7', state: 'waiting', attempts: 1 })
  expect(await audited(sql)).toHaveLength(1)
})

check('one that is wanted while one runs is done after it, once', async (sql) => {
  await wantSync(sql, '12:00:00')
  await claimWantedSync(sql, '12:00:01')
  expect(await wantSync(sql, '12:00:02', { actor: 'user 8', ordersDays: 5 })).toBe('queued')
  const running = {
    wanted_by: 'user 8',
    orders_days: 5,
    state: 'running',
    is_wanted_again: true,
    attempts: 1,
    next_attempt_at: new Date('2026-11-01T12:00:21Z'),
  }
  expect(await wantedSync(sql)).toMatchObject(running)
  expect(await wantSync(sql, '12:00:03', { actor: 'user 9' })).toBe('unchanged')
  expect(await wantedSync(sql)).toMatchObject(running)
  expect((await audited(sql)).map(({ actor }) => actor)).toEqual(['user 7', 'user 8'])
})

check('after one that was given up another begins, with all its attempts', async (sql) => {
  await wantSync(sql, '12:00:00')
  await claimWantedSync(sql, '12:00:01')
  await failWantedSync(sql, 1)
  expect(await wantSync(sql, '13:00:00', { actor: 'user 8' })).toBe('queued')
  expect(await wantedSync(sql)).toMatchObject({
    wanted_by: 'user 8',
    state: 'queued',
    attempts: 0,
    reason: null,
  })
  expect(await claimWantedSync(sql, '13:00:00')).toMatchObject({ attempt: 1 })
})
