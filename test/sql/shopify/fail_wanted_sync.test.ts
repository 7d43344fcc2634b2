import { expect } from 'bun:test'
import { scratchTests } from '../../scratch.ts'
import { claimWantedSync, failWantedSync, wantedSync, wantSync } from '../../sync.ts'

const check = scratchTests()

check('one that broke off waits for its time, and says why', async (sql) => {
  await wantSync(sql, '12:00:00')
  await claimWantedSync(sql, '12:00:00')
  expect(await failWantedSync(sql, 1, { retry: '12:01:00' })).toBe(true)
  expect(await wantedSync(sql)).toMatchObject({
    state: 'waiting',
    attempts: 1,
    next_attempt_at: new Date('2026-11-01T12:01:00Z'),
    reason: 'No answer',
  })
})

check('one that is given up says why', async (sql) => {
  await wantSync(sql, '12:00:00')
  await claimWantedSync(sql, '12:00:00')
  expect(await failWantedSync(sql, 1)).toBe(true)
  expect(await wantedSync(sql)).toMatchObject({ state: 'failed', attempts: 1, reason: 'No answer' })
  expect(await failWantedSync(sql, 1)).toBe(false)
})

check('where somebody asked meanwhile it begins anew instead of being given up', async (sql) => {
  await wantSync(sql, '12:00:00')
  await claimWantedSync(sql, '12:00:00')
  await wantSync(sql, '12:00:01')
  await failWantedSync(sql, 1, { retry: '12:01:00' })
  expect(await wantedSync(sql)).toMatchObject({ state: 'waiting', attempts: 1, is_wanted_again: true })
  await claimWantedSync(sql, '12:01:00')
  await failWantedSync(sql, 2, { time: '12:01:05' })
  expect(await wantedSync(sql)).toMatchObject({
    state: 'queued',
    attempts: 0,
    is_wanted_again: false,
    next_attempt_at: new Date('2026-11-01T12:01:05Z'),
    reason: 'No answer',
  })
})

check('whoever lost it ends nothing', async (sql) => {
  await wantSync(sql, '12:00:00')
  await claimWantedSync(sql, '12:00:00')
  await claimWantedSync(sql, '12:01:00')
  expect(await failWantedSync(sql, 1)).toBe(false)
  expect(await wantedSync(sql)).toMatchObject({ state: 'running', attempts: 2, reason: null })
})
