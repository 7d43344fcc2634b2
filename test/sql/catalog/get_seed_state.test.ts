import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { apply, delivery, product } from '../../deliveries.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

async function seedState(sql: TransactionSql) {
  const [row] = await sql`
    select r.seeded_count::integer as seeded, r.last_number::integer as last, r.foreign_count::integer as foreign
    from api.get_seed_state(p_shop => 'seed.myshopify.com') r`
  return row
}

check('an empty mirror begins with number 1', async (sql) => {
  expect(await seedState(sql)).toEqual({ seeded: 0, last: 0, foreign: 0 })
})

check('what is filled, with its highest number, is told apart from what others have', async (sql) => {
  await sql`select api.apply_seed(p_first => 1, p_count => 3, p_shop => 'seed.myshopify.com')`
  await sql`select api.apply_seed(p_first => 8, p_count => 2, p_shop => 'seed.myshopify.com')`
  await apply(
    sql,
    delivery('products/create', product()),
    delivery('products/create', product({ id: 2, variants: [] })),
  )
  expect(await seedState(sql)).toEqual({ seeded: 5, last: 9, foreign: 2 })
})
