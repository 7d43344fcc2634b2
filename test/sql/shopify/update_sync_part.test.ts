import { expect } from 'bun:test'
import type { Session } from '../../../src/platform/database.ts'
import { scratchTests } from '../../scratch.ts'
import { stagedRun } from '../../sync.ts'

const check = scratchTests()

async function runOf(sql: Session) {
  const id = await stagedRun(sql, { products: [], orders: [] }, { state: 'loading' })
  await sql`update onsale.sync_parts set loaded_at = null`
  return id
}

async function partOf(sql: Session, kind = 'products') {
  const [row] = await sql<{ part: Record<string, unknown> }[]>`
    select to_json(p) as part from onsale.sync_parts p where kind = ${kind}`
  return row!.part
}

check('what was loaded is added up, and what is not named stays', async (sql) => {
  const id = await runOf(sql)
  await sql`select from api.update_sync_part(${id}, 'products', 'gid://shopify/BulkOperation/1')`
  await sql`select from api.update_sync_part(${id}, 'products', p_file_bytes => 900, p_object_count => 12)`
  for (const _ of [1, 2]) {
    await sql`select from api.update_sync_part(${id}, 'products', p_bytes => 300, p_lines => 4, p_records => 3)`
  }
  expect(await partOf(sql)).toMatchObject({
    operation_id: 'gid://shopify/BulkOperation/1',
    file_bytes: 900,
    object_count: 12,
    loaded_bytes: 600,
    loaded_lines: 8,
    staged_count: 6,
    loaded_at: null,
  })
  expect(await partOf(sql, 'orders')).toMatchObject({ operation_id: null, loaded_bytes: 0 })
})

check('the run is loaded when its last file is', async (sql) => {
  const id = await runOf(sql)
  const state = async () => (await sql`select state from onsale.sync_runs where id = ${id}`)[0]?.state
  await sql`select from api.update_sync_part(${id}, 'products', p_is_loaded => true)`
  expect(await state()).toBe('loading')
  await sql`select from api.update_sync_part(${id}, 'orders', p_is_loaded => true)`
  expect(await state()).toBe('loaded')
})

check('all faults are counted, and a hundred of them kept', async (sql) => {
  const id = await runOf(sql)
  const faults = JSON.stringify(
    Array.from({ length: 60 }, (_, nth) => ({ line: nth + 1, reason: 'Not JSON' })),
  )
  for (const _ of [1, 2]) {
    await sql`select from api.update_sync_part(${id}, 'products', p_faults => ${faults}::text::jsonb)`
  }
  const part = await partOf(sql)
  expect(part.fault_count).toBe(120)
  expect(part.faults).toHaveLength(100)
  expect(part.faults).toMatchObject([{ line: 1, reason: 'Not JSON' }, ...Array(99).fill({})])
})
