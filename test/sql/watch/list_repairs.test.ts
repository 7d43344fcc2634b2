import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { delivery, product } from '../../deliveries.ts'
import { at, compared, placed } from '../../reconcile.ts'
import { applyAt, scratchTests } from '../../scratch.ts'
import { orderLines, productLines } from '../../sync.ts'

const check = scratchTests()

const repairs = (sql: TransactionSql, id: number, limit = 10) =>
  sql`select * from api.list_repairs(${id}::bigint, ${limit}::integer)`

check(
  'what is lost is told as its webhook would have, triggered when the snapshot was begun',
  async (sql) => {
    const { id } = await placed(sql, {
      products: productLines({ descriptionHtml: '<p>Loud</p>' }),
      orders: orderLines(),
    })
    await compared(sql, id)
    const rows = await repairs(sql, id)
    expect(rows).toMatchObject([
      {
        kind: 'product',
        key: '1',
        is_absent: false,
        shop: 'demo.myshopify.com',
        topic: 'products/update',
        triggered_ns: String(Date.parse(at('12:00:00')) * 1e6),
        description: '<p>Loud</p>',
      },
      { kind: 'order', key: '500', topic: 'orders/updated' },
    ])
    const body = JSON.parse(rows[1]?.body)
    await applyAt(sql, at('12:31:00'), [delivery('orders/updated', body)])
    expect((await sql`select count(*)::integer as count from onsale.shopify_orders`)[0]?.count).toBe(1)
  },
)

check('what is gone is told so', async (sql) => {
  await applyAt(sql, at('11:00:00'), [delivery('products/create', product({ updated_at: at('09:00:00') }))])
  const { id } = await placed(sql, { products: [] })
  await sql`select from api.apply_absences(${id}::bigint, ${at('12:30:00')}::text::timestamptz)`
  const rows = await repairs(sql, id)
  expect(rows).toMatchObject([{ is_absent: true, topic: 'products/delete', body: '{"id": 1}' }])
})

check('what is late or ours is left alone, and in a dry run everything', async (sql) => {
  const late = await placed(sql, { orders: orderLines() })
  await compared(sql, late.id, '11:05:00')
  expect(await repairs(sql, late.id)).toHaveLength(0)
  await sql`update onsale.differences set cause = 'ours'`
  expect(await repairs(sql, late.id)).toHaveLength(0)
  const dry = await placed(sql, { orders: orderLines() }, { isDryRun: true })
  await compared(sql, dry.id)
  expect(await repairs(sql, dry.id)).toHaveLength(0)
})

check('no more come than the reconciliation allows, whatever became of the first', async (sql) => {
  const orders = [1, 2, 3].flatMap((id) => orderLines({ id }))
  const { id } = await placed(sql, { orders }, { repairsMax: 2 })
  await compared(sql, id)
  const first = await repairs(sql, id, 1)
  expect(first).toHaveLength(1)
  await sql`select from api.complete_repairs(array[${first[0]?.id}]::bigint[], '{overtaken}')`
  const second = await repairs(sql, id)
  expect(second).toHaveLength(1)
  await sql`select from api.complete_repairs(array[${second[0]?.id}]::bigint[], '{repaired}')`
  expect(await repairs(sql, id)).toHaveLength(0)
})
