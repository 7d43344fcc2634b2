import { expect } from 'bun:test'
import { scratchTests } from '../../scratch.ts'
import { stagedRun } from '../../sync.ts'

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
