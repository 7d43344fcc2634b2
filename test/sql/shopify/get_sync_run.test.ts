import { expect } from 'bun:test'
import { scratchTests } from '../../scratch.ts'
import { stagedRun } from '../../sync.ts'

const check = scratchTests()

check('a run is found by its id, and none is null', async (sql) => {
  const id = await stagedRun(sql, { orders: [] })
  const get = async (asked: number) => (await sql`select api.get_sync_run(${asked}) as run`)[0]?.run
  expect(await get(id)).toMatchObject({ id, purpose: 'sync', parts: [{ kind: 'orders' }] })
  expect(await get(id + 1)).toBeNull()
})
