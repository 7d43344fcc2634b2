import { expect } from 'bun:test'
import { scratchTests } from '../../scratch.ts'
import { productLines, stagedRun } from '../../sync.ts'

const check = scratchTests()

check('a card has the run and its files in the order in which they are applied', async (sql) => {
  const id = await stagedRun(sql, { orders: [], products: productLines(), inventory: [] })
  await sql`update onsale.sync_parts set file_bytes = 900, loaded_bytes = 450 where kind = 'inventory'`
  const [row] = await sql<
    { card: { parts: object[] } }[]
  >`select card from api.list_sync_cards(array[${id}::bigint])`
  expect(row?.card).toMatchObject({
    id,
    purpose: 'sync',
    state: 'loaded',
    shop: 'demo.myshopify.com',
    orders_since: '2026-09-02T12:00:00.000Z',
    started_at: '2026-11-01T12:00:00.000Z',
    ended_at: null,
    reason: null,
    report: null,
    parts: [
      { kind: 'products', is_loaded: true, is_applied: false, faults: [] },
      { kind: 'inventory', file_bytes: 900, loaded_bytes: 450 },
      { kind: 'orders', file_bytes: null, applied_line: 0 },
    ],
  })
})

check('the address of a file is nowhere in it', async (sql) => {
  const id = await stagedRun(sql, { products: [] })
  await sql`update onsale.sync_parts set operation_id = 'gid://shopify/BulkOperation/1'`
  const [row] = await sql`select card::text as text from api.list_sync_cards(array[${id}::bigint])`
  expect(row?.text).toContain('BulkOperation/1')
  expect(row?.text).not.toContain('http')
})
