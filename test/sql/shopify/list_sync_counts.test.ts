import { expect } from 'bun:test'
import type { Session } from '../../../src/platform/database.ts'
import { apply, delivery, order, product, variant } from '../../deliveries.ts'
import { scratchTests } from '../../scratch.ts'
import { applyFile, itemLines, orderLines, productLines, stagedRun } from '../../sync.ts'

const check = scratchTests()

const counts = async (sql: Session, runId: number) =>
  (
    await sql`
      select kind, there::integer, here::integer, missing::integer, surplus::integer from api.list_sync_counts(${runId})`
  ).map((row) => Object.values(row))

check('after a snapshot was applied both sides have the same', async (sql) => {
  const runId = await stagedRun(sql, {
    products: productLines(),
    inventory: itemLines({ levels: { 1: 5, 2: 6 } }),
    orders: orderLines(),
  })
  expect(await counts(sql, runId)).toEqual([
    ['product', 1, 0, 1, 0],
    ['variant', 1, 0, 1, 0],
    ['item', 1, 0, 1, 0],
    ['level', 2, 0, 2, 0],
    ['order', 1, 0, 1, 0],
  ])
  for (const kind of ['products', 'inventory', 'orders'] as const) await applyFile(sql, { runId, kind })
  expect(await counts(sql, runId)).toEqual([
    ['product', 1, 1, 0, 0],
    ['variant', 1, 1, 0, 0],
    ['item', 1, 1, 0, 0],
    ['level', 2, 2, 0, 0],
    ['order', 1, 1, 0, 0],
  ])
})

check(
  'what the mirror has beyond it is surplus, but for older orders and files that were not asked for',
  async (sql) => {
    await apply(
      sql,
      delivery('products/create', product({ id: 1, variants: [variant({ id: 11 }), variant({ id: 12 })] })),
      delivery('products/create', product({ id: 2, variants: [variant({ id: 21 })] })),
      delivery('orders/create', order({ id: 500, at: '2026-11-01T11:00:00Z' })),
      delivery('orders/create', order({ id: 499, at: '2026-08-01T11:00:00Z' })),
    )
    const runId = await stagedRun(sql, { products: productLines(), orders: [] })
    expect(await counts(sql, runId)).toEqual([
      ['product', 1, 2, 0, 1],
      ['variant', 1, 3, 0, 2],
      ['order', 0, 1, 0, 1],
    ])
  },
)
