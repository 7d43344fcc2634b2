import { expect } from 'bun:test'
import { apply, delivery, order } from '../../deliveries.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

check('a failed delivery is shown with its bytes and its reason', async (sql) => {
  await apply(sql, delivery('orders/create', '{"id": 1}', { id: 'x', at: '2026-11-01T10:00:00.000000009Z' }))
  expect([...(await sql`select * from api.get_stored_delivery('x')`)]).toEqual([
    {
      shop: 'demo.myshopify.com',
      delivery_id: 'x',
      topic: 'orders/create',
      triggered_ns: '1793527200000000009',
      event_id: null,
      api_version: '2026-10',
      body: btoa('{"id": 1}'),
      outcome: 'failed',
      reason: 'Order has no created_at',
      attempts: 1,
    },
  ])
})

check('an applied delivery is shown where its body is kept', async (sql) => {
  await apply(sql, delivery('orders/create', order(), { id: 'gone' }))
  await sql`select api.update_settings('EUR', null, null, true, 24)`
  await apply(sql, delivery('orders/create', order({ id: 501 }), { id: 'kept' }))
  expect(await sql`select from api.get_stored_delivery('gone')`).toHaveLength(0)
  const [row] = await sql`select * from api.get_stored_delivery('kept')`
  expect(row).toMatchObject({ outcome: 'applied', reason: null, attempts: null })
  expect(JSON.parse(atob(row?.body.replaceAll('\n', '')))).toEqual(order({ id: 501 }))
})

check('what nobody knows is no row', async (sql) => {
  expect(await sql`select from api.get_stored_delivery('nobody')`).toHaveLength(0)
})

check('the shop tells two of the same id apart', async (sql) => {
  await apply(sql, delivery('orders/create', { id: 1 }, { id: 'x', shop: 'b.myshopify.com' }))
  await apply(sql, delivery('orders/create', { id: 2 }, { id: 'x', shop: 'a.myshopify.com' }))
  const shopOf = async (shop: string | null) =>
    (await sql`select shop from api.get_stored_delivery('x', ${shop}::text)`).map((row) => row.shop)
  expect(await shopOf('b.myshopify.com')).toEqual(['b.myshopify.com'])
  expect(await shopOf('c.myshopify.com')).toEqual([])
  expect(await shopOf(null)).toEqual(['a.myshopify.com'])
})
