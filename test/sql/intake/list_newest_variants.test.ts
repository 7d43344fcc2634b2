import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { product, variant } from '../../deliveries.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

check('of each variant the newest body that holds it is told, with its place', async (sql) => {
  const newest = await newestOf(sql, [
    { at: 1, variants: [variant({ id: 11, price: '10.00' }), variant({ id: 12, price: '20.00' })] },
    { at: 2, variants: [variant({ id: 12, price: '21.00' })] },
  ])
  expect(newest).toEqual([
    { variant: '11', ordinal: 1, price: '10.00', nth: 1 },
    { variant: '12', ordinal: 2, price: '21.00', nth: 1 },
  ])
})

check('the order in which the bodies stand in the batch does not matter', async (sql) => {
  const newest = await newestOf(sql, [
    { at: 2, variants: [variant({ id: 12, price: '21.00' })] },
    { at: 1, variants: [variant({ id: 12, price: '20.00' })] },
  ])
  expect(newest).toEqual([{ variant: '12', ordinal: 1, price: '21.00', nth: 1 }])
})

check('a batch without products tells nothing', async (sql) => {
  expect(await newestOf(sql, [])).toEqual([])
})

async function newestOf(sql: TransactionSql, bodies: { at: number; variants: unknown[] }[]) {
  const rows = await sql`
    select n.variant_id::text as variant, n.ordinal, n.entry ->> 'price' as price, n.nth::integer
    from api.list_newest_variants(array(
      select row(
        b.ordinal, 'product', 'demo.myshopify.com', 'delivery-' || b.ordinal, b.entry -> 'body', null,
        row(timestamptz '2026-11-01' + (b.entry ->> 'at')::integer * interval '1 second', 0, '')::onsale.stamp
      )::onsale.delivery_fact
      from jsonb_array_elements(${JSON.stringify(bodies.map(({ at, variants }) => ({ at, body: product({ variants }) })))}::text::jsonb)
        with ordinality as b (entry, ordinal)
    )) n
    order by n.variant_id`
  return rows.map((row) => ({ ...row }))
}
