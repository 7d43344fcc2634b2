import { expect } from 'bun:test'
import type { Session } from '../../../src/platform/database.ts'
import { apply, delivery, level, order, product, stockOf, variant } from '../../deliveries.ts'
import { scratchTests } from '../../scratch.ts'
import { applyFile, orderLines, productLines, stagedRun } from '../../sync.ts'

const check = scratchTests()

const say = async (sql: Session, figures: Record<number, number>) => {
  const rows = await sql<{ outcome: string }[]>`
    select s.outcome
    from api.apply_sold_before(
      ${`{${Object.keys(figures).join(',')}}`}::text::bigint[], ${`{${Object.values(figures).join(',')}}`}::text::integer[]
    ) s`
  return rows.map(({ outcome }) => outcome)
}

check('what was sold before counts as sold, and nothing is taken from what is left', async (sql) => {
  await apply(sql, delivery('products/create', product()), delivery('inventory_levels/update', level(80)))
  await apply(sql, delivery('orders/create', order()))
  const before = await stockOf(sql)
  expect(before).toMatchObject({ sold: 1 })
  expect(await say(sql, { 11: 40 })).toEqual(['applied'])
  const after = await stockOf(sql)
  expect(after).toMatchObject({ sold: 41, available: before?.available, taken: before?.taken })
  expect(after?.capacity).toBe((before?.capacity ?? 0) + 40)
})

check('a second figure takes the place of the first, and 0 takes it back', async (sql) => {
  await apply(sql, delivery('products/create', product()))
  for (const [units, sold] of [
    [40, 40],
    [25, 25],
    [25, 25],
    [0, 0],
  ] as const) {
    await say(sql, { 11: units })
    expect(await stockOf(sql)).toMatchObject({ sold })
  }
})

check('one of a ticket that is not known yet counts as soon as it is', async (sql) => {
  expect(await say(sql, { 11: 40, 12: 7 })).toEqual(['unknown', 'unknown'])
  await apply(sql, delivery('products/create', product({ variants: [variant(), variant({ id: 12 })] })))
  expect(await stockOf(sql, 11)).toMatchObject({ sold: 40 })
  expect(await stockOf(sql, 12)).toMatchObject({ sold: 7 })
  expect(await say(sql, { 12: 8, 13: 1 })).toEqual(['applied', 'unknown'])
})

check('a snapshot neither counts it nor takes it away', async (sql) => {
  await say(sql, { 11: 40 })
  const runId = await stagedRun(sql, { products: productLines(), orders: orderLines() })
  for (const kind of ['products', 'orders'] as const) await applyFile(sql, { runId, kind })
  const [orders] = await sql`
    select there::integer, here::integer, surplus::integer from api.list_sync_counts(${runId}) where kind = 'order'`
  expect(orders).toEqual({ there: 1, here: 1, surplus: 0 })
  expect(await stockOf(sql)).toMatchObject({ sold: 41 })
})

check('events whose tickets it changes get another revision', async (sql) => {
  await apply(sql, delivery('products/create', product()))
  const revision = async () => (await sql`select revision::integer as n from onsale.event_revisions`)[0]?.n
  const before = await revision()
  await say(sql, { 11: 40 })
  expect(await revision()).toBe(before + 1)
})
