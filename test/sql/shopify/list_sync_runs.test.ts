import { expect } from 'bun:test'
import { scratchTests } from '../../scratch.ts'
import { claimWantedSync, failWantedSync, stagedRun, wantSync } from '../../sync.ts'

const check = scratchTests()

check('the newest runs come first, and no more than asked for', async (sql) => {
  const list = async (limit: number) => {
    const [row] = await sql<
      { body: { runs: { id: number }[] } }[]
    >`select api.list_sync_runs(${limit}) as body`
    return row!.body.runs.map(({ id }) => id)
  }
  expect(await list(3)).toEqual([])
  const ids: number[] = []
  for (const _ of [1, 2, 3]) ids.unshift(await stagedRun(sql, { products: [] }, { state: 'done' }))
  expect(await list(3)).toEqual(ids)
  expect(await list(2)).toEqual(ids.slice(0, 2))
})

check('the sync that is wanted stands beside them, until it has ended', async (sql) => {
  const wanted = async () => {
    const [row] = await sql<{ body: { wanted: object | null } }[]>`select api.list_sync_runs(3) as body`
    return row!.body.wanted
  }
  expect(await wanted()).toBeNull()
  await wantSync(sql, '12:00:00', { ordersDays: 30 })
  await claimWantedSync(sql, '12:00:01')
  const running = {
    state: 'running',
    wanted_by: 'user 7',
    wanted_at: '2026-11-01T12:00:00.000Z',
    orders_days: 30,
    is_wanted_again: false,
    attempts: 1,
    next_attempt_at: null,
    reason: null,
  }
  expect(await wanted()).toEqual(running)
  await failWantedSync(sql, 1, { retry: '12:01:00' })
  expect(await wanted()).toEqual({
    ...running,
    state: 'waiting',
    next_attempt_at: '2026-11-01T12:01:00.000Z',
    reason: 'No answer',
  })
})
