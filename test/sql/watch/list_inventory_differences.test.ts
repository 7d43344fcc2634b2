import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { delivery, level } from '../../deliveries.ts'
import { at, placed } from '../../reconcile.ts'
import { applyAt, scratchTests } from '../../scratch.ts'
import { itemLines } from '../../sync.ts'

const check = scratchTests()

const hear = (sql: TransactionSql, { available = 100, tracked = true, time = '10:00:00' } = {}) =>
  applyAt(sql, at('11:00:00'), [
    delivery('inventory_items/update', { id: 1011, tracked, updated_at: '2026-10-01T10:00:00Z' }),
    delivery('inventory_levels/update', level(available, { updated_at: at(time) })),
  ])
async function differing(sql: TransactionSql, lines: Record<string, unknown>[]) {
  const { runId } = await placed(sql, { inventory: lines })
  const rows = await sql<{ key: string; there: unknown; here: unknown }[]>`
    select d.key, d.there, d.here from api.list_inventory_differences(${runId}::bigint, 0::bigint, 100::integer) d
    order by d.key`
  return [...rows]
}

check('an item and its level that were told as they are do not differ', async (sql) => {
  await hear(sql)
  expect(await differing(sql, itemLines())).toEqual([])
})

check('what was never told is missing', async (sql) => {
  expect(await differing(sql, itemLines())).toEqual([
    { key: '1011', there: { tracked: true }, here: null },
    { key: '1011/1', there: { available: 100 }, here: null },
  ])
})

check('another number, or a later one, differs; an older one does not', async (sql) => {
  await hear(sql)
  expect(await differing(sql, itemLines({ levels: { 1: 99 } }))).toEqual([
    { key: '1011/1', there: { available: 99 }, here: { available: 100 } },
  ])
  expect(await differing(sql, itemLines({ at: at('10:00:01') }))).toHaveLength(1)
  expect(await differing(sql, itemLines({ levels: { 1: 99 }, at: at('09:59:59') }))).toEqual([])
})

check('of an item that is not tracked no number differs, but whether it is', async (sql) => {
  await hear(sql, { available: 0, tracked: false })
  expect(await differing(sql, itemLines({ tracked: false }))).toEqual([])
  expect(await differing(sql, itemLines())).toEqual([
    { key: '1011', there: { tracked: true }, here: { tracked: false } },
    { key: '1011/1', there: { available: 100 }, here: { available: 0 } },
  ])
})

check('a location that was connected again without a word differs', async (sql) => {
  await hear(sql)
  const gone = { inventory_item_id: 1011, location_id: 1 }
  await applyAt(sql, at('11:00:00'), [delivery('inventory_levels/disconnect', gone, { at: at('10:30:00') })])
  expect(await differing(sql, itemLines())).toEqual([])
  expect(await differing(sql, itemLines({ at: at('10:31:00') }))).toEqual([
    { key: '1011/1', there: { available: 100 }, here: { available: null } },
  ])
})
