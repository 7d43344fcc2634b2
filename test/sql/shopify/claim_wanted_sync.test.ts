import { expect } from 'bun:test'
import { scratchTests } from '../../scratch.ts'
import { claimWantedSync, failWantedSync, wantedSync, wantSync } from '../../sync.ts'

const check = scratchTests()

check('what is wanted goes to whoever asks first, and to nobody else while its lease lasts', async (sql) => {
  expect(await claimWantedSync(sql, '12:00:00')).toBeUndefined()
  await wantSync(sql, '12:00:00', { ordersDays: 30 })
  expect(await claimWantedSync(sql, '12:00:01')).toEqual({
    outcome: 'claimed',
    attempt: 1,
    orders_days: 30,
    wanted_by: 'user 7',
  })
  expect(await claimWantedSync(sql, '12:00:20')).toBeUndefined()
})

check('a process that does not come back loses it to another', async (sql) => {
  await wantSync(sql, '12:00:00')
  await claimWantedSync(sql, '12:00:01')
  expect(await claimWantedSync(sql, '12:00:21')).toMatchObject({ outcome: 'claimed', attempt: 2 })
})

check('one that broke off comes up at its time', async (sql) => {
  await wantSync(sql, '12:00:00')
  await claimWantedSync(sql, '12:00:01')
  await failWantedSync(sql, 1, { retry: '12:01:00' })
  expect(await claimWantedSync(sql, '12:00:59')).toBeUndefined()
  expect(await claimWantedSync(sql, '12:01:00')).toMatchObject({ outcome: 'claimed', attempt: 2 })
})

check('one whose processes never come back is given up, and says why', async (sql) => {
  await wantSync(sql, '12:00:00')
  for (const [time, attempt] of [
    ['12:01:00', 1],
    ['12:02:00', 2],
    ['12:03:00', 3],
  ] as const) {
    expect(await claimWantedSync(sql, time)).toMatchObject({ outcome: 'claimed', attempt })
  }
  expect(await claimWantedSync(sql, '12:04:00')).toMatchObject({ outcome: 'failed', attempt: 3 })
  expect(await wantedSync(sql)).toMatchObject({
    state: 'failed',
    reason: 'The process that was at it did not come back',
  })
  expect(await claimWantedSync(sql, '12:05:00')).toBeUndefined()
})

check('one that was given up is nobody’s', async (sql) => {
  await wantSync(sql, '12:00:00')
  await claimWantedSync(sql, '12:00:01')
  await failWantedSync(sql, 1)
  expect(await claimWantedSync(sql, '23:00:00')).toBeUndefined()
})
