import { expect } from 'bun:test'
import type { Session } from '../../../src/platform/database.ts'
import { apply, delivery, order, product, stockOf } from '../../deliveries.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

async function cancel(sql: Session, id: string, shop = 'demo.myshopify.com') {
  const [row] = await sql`select api.cancel_failed_delivery(${shop}, ${id}) as found`
  return row?.found
}

check('a failed delivery is discarded for good', async (sql) => {
  await apply(sql, delivery('products/create', product()), delivery('orders/create', { id: 1 }, { id: 'x' }))
  expect(await cancel(sql, 'x')).toBe(true)
  expect(await sql`select from onsale.failed_deliveries`).toHaveLength(0)
  // Shopify may still repeat it: it is answered, and nothing more.
  expect(await apply(sql, delivery('orders/create', order(), { id: 'x' }))).toEqual(['duplicate'])
  expect(await stockOf(sql)).toMatchObject({ sold: 0 })
})

check('what is not there, or of another shop, or was applied, is not discarded', async (sql) => {
  await apply(
    sql,
    delivery('orders/create', { id: 1 }, { id: 'x' }),
    delivery('orders/create', order(), { id: 'ok' }),
  )
  expect(await cancel(sql, 'y')).toBe(false)
  expect(await cancel(sql, 'x', 'other.myshopify.com')).toBe(false)
  expect(await cancel(sql, 'ok')).toBe(false)
  const rows = await sql`select delivery_id as id, outcome from onsale.deliveries order by 1`
  expect([...rows]).toEqual([
    { id: 'ok', outcome: 'applied' },
    { id: 'x', outcome: 'failed' },
  ])
})

check('a second time there is nothing to discard', async (sql) => {
  await apply(sql, delivery('orders/create', { id: 1 }, { id: 'x' }))
  expect(await cancel(sql, 'x')).toBe(true)
  expect(await cancel(sql, 'x')).toBe(false)
})
