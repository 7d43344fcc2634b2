import { expect } from 'bun:test'
import { at, compared, placed } from '../../reconcile.ts'
import { scratchTests } from '../../scratch.ts'
import { orderLines } from '../../sync.ts'

const check = scratchTests()

check('it ends once, and what it would have written is gone', async (sql) => {
  const { id } = await placed(sql, { orders: orderLines() })
  await compared(sql, id)
  for (const [reason, time] of [
    [null, '12:40:00'],
    ['stopped', '12:50:00'],
  ]) {
    await sql`select from api.complete_reconciliation(${id}::bigint, ${reason!}::text, ${at(time!)}::text::timestamptz)`
  }
  const [row] = await sql`select ended_at, reason from onsale.reconciliations`
  expect(row).toEqual({ ended_at: new Date(at('12:40:00')), reason: null })
  expect((await sql`select body from onsale.differences`)[0]).toEqual({ body: null })
})
