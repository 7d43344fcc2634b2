import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { delivery, level, order, product } from '../../deliveries.ts'
import { at, differences, placed } from '../../reconcile.ts'
import { applyAt, scratchTests } from '../../scratch.ts'
import { itemLines, orderLines, productLines } from '../../sync.ts'

const check = scratchTests()

const hear = (sql: TransactionSql, shop = 'demo.myshopify.com') =>
  applyAt(sql, at('11:00:00'), [
    delivery('products/create', product({ updated_at: at('09:00:00') }), { shop }),
    delivery('inventory_items/create', { id: 1011, tracked: true, updated_at: at('09:00:00') }, { shop }),
    delivery('inventory_levels/update', level(5, { updated_at: at('09:00:00') }), { shop }),
    delivery('inventory_levels/update', level(5, { location_id: 2, updated_at: at('09:00:00') }), { shop }),
    delivery('orders/create', order({ at: at('11:00:00') }), { shop }),
  ])
const absences = async (sql: TransactionSql, id: number, time: string) =>
  (await sql`select api.apply_absences(${id}::bigint, ${at(time)}::text::timestamptz) as count`)[0]?.count

check('what the shop has no more is late until the grace is over, and then lost', async (sql) => {
  await hear(sql)
  const { id } = await placed(sql, { products: [], inventory: itemLines(), orders: [] })
  expect(await absences(sql, id, '12:09:59')).toBe(3)
  expect(new Set((await differences(sql)).map(({ cause }) => cause))).toEqual(new Set(['late']))
  expect(await absences(sql, id, '12:10:01')).toBe(3)
  expect(await differences(sql)).toMatchObject([
    { what: 'product 1', cause: 'lost', topic: 'products/delete', evidence: { there: null } },
    { what: 'level 1011/2', cause: 'lost', topic: 'inventory_levels/disconnect' },
    { what: 'order 500', cause: 'lost', topic: 'orders/delete', evidence: { here: { status: 'open' } } },
  ])
})

check('an item that is gone is told with its levels', async (sql) => {
  await hear(sql)
  const { id } = await placed(sql, { inventory: [] })
  expect(await absences(sql, id, '12:30:00')).toBe(1)
  expect(await differences(sql)).toMatchObject([{ what: 'item 1011', topic: 'inventory_items/delete' }])
})

check('what is there, and what came after the snapshot was begun, is not absent', async (sql) => {
  await hear(sql)
  const files = {
    products: productLines(),
    inventory: itemLines({ levels: { 1: 5, 2: 5 } }),
    orders: orderLines(),
  }
  const { id } = await placed(sql, files)
  await applyAt(sql, at('12:05:00'), [
    delivery('products/create', product({ id: 2, updated_at: at('12:01:00'), variants: [] })),
    delivery('orders/create', order({ id: 501, at: at('12:01:00') })),
  ])
  expect(await absences(sql, id, '12:30:00')).toBe(0)
})

check('files that had a line which could not be read, or were not asked for, say nothing', async (sql) => {
  await hear(sql)
  const { id, runId } = await placed(sql, { products: [], orders: [] })
  await sql`update onsale.sync_parts set fault_count = 1 where run_id = ${runId} and kind = 'products'`
  expect(await absences(sql, id, '12:30:00')).toBe(1)
  expect(await differences(sql)).toMatchObject([{ what: 'order 500' }])
})

check('what another shop told, and orders from before the snapshot, are not looked for', async (sql) => {
  await hear(sql, 'other.myshopify.com')
  await applyAt(sql, at('11:00:00'), [
    delivery('orders/create', order({ id: 501, at: '2026-09-01T11:00:00Z' })),
  ])
  const { id } = await placed(sql, {
    products: [],
    inventory: itemLines({ levels: { 1: 5, 2: 5 } }),
    orders: [],
  })
  expect(await absences(sql, id, '12:30:00')).toBe(0)
})
