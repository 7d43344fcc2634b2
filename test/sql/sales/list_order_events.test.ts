import { expect } from 'bun:test'
import { ordered } from '../../payments.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

check('each order has its event, in input order, unknown and repeated ones too', async (sql) => {
  const first = await ordered(sql)
  const second = await ordered(sql)
  const rows = await sql<{ ordinal: number; event_id: number | null }[]>`
    select r.ordinal, r.event_id::integer
    from api.list_order_events(array[${second.order}::bigint, 999999, ${first.order}::bigint, ${second.order}::bigint]) r`
  expect([...rows]).toEqual([
    { ordinal: 1, event_id: second.event },
    { ordinal: 2, event_id: null },
    { ordinal: 3, event_id: first.event },
    { ordinal: 4, event_id: second.event },
  ])
})

check('nothing asked, nothing told', async (sql) => {
  expect(await sql`select from api.list_order_events('{}')`).toHaveLength(0)
})
