import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { delivery, product, variant } from '../../deliveries.ts'
import { at, placed } from '../../reconcile.ts'
import { applyAt, scratchTests } from '../../scratch.ts'
import { productLines } from '../../sync.ts'

const check = scratchTests()

const hear = (sql: TransactionSql, rest: Record<string, unknown> = {}) =>
  applyAt(sql, at('11:00:00'), [
    delivery('products/update', product({ updated_at: at('09:00:00'), ...rest })),
  ])
async function differing(sql: TransactionSql, lines: Record<string, unknown>[]): Promise<string[]> {
  const { runId } = await placed(sql, { products: lines })
  const rows = await sql<{ there: Record<string, unknown>; here: Record<string, unknown> | null }[]>`
    select d.there, d.here from api.list_product_differences(${runId}::bigint, 0::bigint, 100::integer) d`
  return rows.flatMap(({ there, here }) =>
    here === null ? ['missing'] : Object.keys(there).filter((key) => !Bun.deepEquals(there[key], here[key])),
  )
}
const told = { title: 'Rock Night', product_type: 'Concert', tags: '', status: 'active' }

check('a product that was told as it is does not differ', async (sql) => {
  await hear(sql, told)
  expect(await differing(sql, productLines())).toEqual([])
})

check('one that was never told is missing', async (sql) => {
  expect(await differing(sql, productLines())).toEqual(['missing'])
})

check('each thing that differs is named', async (sql) => {
  await hear(sql, told)
  const lines = [
    ...productLines({
      title: 'Rock Morning',
      status: 'DRAFT',
      productType: 'Show',
      tags: ['new'],
      variants: [{ price: '26.00' }],
    }),
    {
      id: 'gid://shopify/Metafield/1',
      __parentId: 'gid://shopify/Product/1',
      namespace: 'onsale',
      key: 'subtitle',
      type: 'single_line_text_field',
      value: 'Late',
    },
  ]
  expect((await differing(sql, lines)).toSorted()).toEqual([
    'category',
    'metafields',
    'status',
    'tags',
    'tickets',
    'title',
  ])
})

check('a ticket more or less differs', async (sql) => {
  await hear(sql, { ...told, variants: [variant(), variant({ id: 12 })] })
  expect(await differing(sql, productLines())).toEqual(['tickets'])
})

check('what was told after it does not differ, nor what was deleted here', async (sql) => {
  await hear(sql, { ...told, updated_at: at('09:00:01') })
  expect(await differing(sql, productLines({ title: 'Old' }))).toEqual([])
  await applyAt(sql, at('11:00:00'), [delivery('products/delete', { id: 1 }, { at: at('10:00:00') })])
  expect(await differing(sql, productLines({ title: 'New', updatedAt: at('11:00:00') }))).toEqual([])
})
