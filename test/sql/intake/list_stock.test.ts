import { expect, test } from 'bun:test'
import { apply, delivery, order, product, variant } from '../../deliveries.ts'
import { rollbackTest, testDatabase } from '../../harness.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

check('counters are listed by the names that people know', async (sql) => {
  await apply(
    sql,
    delivery(
      'products/create',
      product({ variants: [variant(), variant({ id: 12, title: 'Default Title' })] }),
    ),
    delivery('inventory_items/update', { id: 1012, tracked: false, updated_at: '2026-11-01T10:00:00Z' }),
    delivery('orders/create', order()),
  )
  const ids = (await sql`select ticket_id::text as id from onsale.stock order by 1`).map((row) => row.id)
  const rows = await sql`
    select event, ticket, capacity, sold, available from api.list_stock(${`{${ids}}`}::text::bigint[]) order by ticket`
  expect([...rows]).toEqual([
    { event: 'Rock Night', ticket: 'General', capacity: '100', sold: '1', available: '99' },
    { event: 'Rock Night', ticket: 'Rock Night', capacity: 'unlimited', sold: '0', available: 'unlimited' },
  ])
  expect(await sql`select from api.list_stock('{}')`).toHaveLength(0)
})

test('without a name: what this transaction wrote, and nothing else', async () => {
  const database = await testDatabase()
  try {
    await apply(
      database.service,
      delivery('products/create', product({ variants: [variant(), variant({ id: 12 })] })),
    )
    await rollbackTest(database.admin, async (sql) => {
      expect(await sql`select from api.list_stock()`).toHaveLength(0)
      await apply(sql, delivery('orders/create', order()))
      const rows = await sql`select ticket, sold from api.list_stock()`
      expect([...rows]).toEqual([{ ticket: 'General', sold: '1' }])
    })
  } finally {
    await database.drop()
  }
}, 20_000)
