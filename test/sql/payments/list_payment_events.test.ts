import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { ordered, start } from '../../payments.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

const events = async (sql: TransactionSql, ids: number[]) =>
  (
    await sql`
      select r.ordinal, r.event_id::integer
      from api.list_payment_events(p_payment_ids => ${`{${ids}}`}::text::bigint[]) r`
  ).map(({ ordinal, event_id }) => [ordinal, event_id])

check('each payment has its event, in input order, unknown and repeated ones too', async (sql) => {
  const [one, two] = [await ordered(sql), await ordered(sql)]
  const first = await start(sql, one.event, one.order)
  const second = await start(sql, two.event, two.order)
  expect(await events(sql, [second.payment_id, 999_999, first.payment_id, second.payment_id])).toEqual([
    [1, two.event],
    [2, null],
    [3, one.event],
    [4, two.event],
  ])
})

check('nothing asked, nothing told', async (sql) => {
  expect(await events(sql, [])).toEqual([])
})
