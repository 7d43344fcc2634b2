import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { delivery, order } from '../../deliveries.ts'
import { at, placed } from '../../reconcile.ts'
import { applyAt, scratchTests } from '../../scratch.ts'
import { orderLines } from '../../sync.ts'

const check = scratchTests()

const line = { id: 5001, variant_id: 11, quantity: 1, current_quantity: 1 }
const hear = (sql: TransactionSql, rest: Record<string, unknown> = {}) =>
  applyAt(sql, at('11:00:00'), [
    delivery('orders/create', order({ at: at('11:00:00'), lines: [line], ...rest })),
  ])
async function differing(sql: TransactionSql, lines: Record<string, unknown>[]): Promise<string[]> {
  const { runId } = await placed(sql, { orders: lines })
  const rows = await sql<{ there: Record<string, unknown>; here: Record<string, unknown> | null }[]>`
    select d.there, d.here from api.list_order_differences(${runId}::bigint, 0::bigint, 100::integer) d`
  return rows.flatMap(({ there, here }) =>
    here === null ? ['missing'] : Object.keys(there).filter((key) => !Bun.deepEquals(there[key], here[key])),
  )
}

check('an order that was told as it is does not differ, and one that was not is missing', async (sql) => {
  expect(await differing(sql, orderLines())).toEqual(['missing'])
  await hear(sql)
  expect(await differing(sql, orderLines())).toEqual([])
})

check('a cancellation and other units differ', async (sql) => {
  await hear(sql)
  expect(await differing(sql, orderLines({ cancelledAt: at('11:00:00') }))).toEqual(['lines', 'status'])
  expect(await differing(sql, orderLines({ currentQuantity: 0 }))).toEqual(['lines'])
})

check('a line whose ticket is gone from the shop does not differ', async (sql) => {
  await hear(sql)
  expect(await differing(sql, orderLines({ variantId: null }))).toEqual([])
})

check('test orders that are not counted, and orders deleted here, are passed over', async (sql) => {
  await sql`update onsale.settings set counts_test_orders = false`
  expect(await differing(sql, orderLines({ test: true }))).toEqual([])
  await hear(sql)
  await applyAt(sql, at('11:00:00'), [delivery('orders/delete', { id: 500 })])
  expect(await differing(sql, orderLines({ updatedAt: at('11:30:00') }))).toEqual([])
})
