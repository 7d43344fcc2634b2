import { expect } from 'bun:test'
import { delivery } from '../../deliveries.ts'
import { applyAt, scratchTests } from '../../scratch.ts'

const check = scratchTests()

const bad = (id: string) => delivery('orders/create', '{"id": 1}', { id })

check('failed deliveries are listed oldest first, without their bodies', async (sql) => {
  await applyAt(sql, '2026-11-01T11:00:00Z', [bad('b')])
  await applyAt(sql, '2026-11-01T10:00:00Z', [bad('a')])
  for (const now of ['11:00:10', '11:01:10', '11:07:10']) await applyAt(sql, `2026-11-01T${now}Z`, [bad('b')])
  expect([...(await sql`select * from api.list_failed_deliveries()`)]).toEqual([
    {
      shop: 'demo.myshopify.com',
      delivery_id: 'a',
      topic: 'orders/create',
      sqlstate: null,
      reason: 'Order has no created_at',
      attempts: 1,
      state: 'waiting',
      failed_at: new Date('2026-11-01T10:00:00Z'),
      next_attempt_at: new Date('2026-11-01T10:00:10Z'),
      body_bytes: 9,
    },
    expect.objectContaining({ delivery_id: 'b', attempts: 4, state: 'dead', next_attempt_at: null }),
  ])
})

check('at most so many are listed, and none where nothing failed', async (sql) => {
  expect(await sql`select from api.list_failed_deliveries()`).toHaveLength(0)
  await applyAt(sql, '2026-11-01T10:00:00Z', [bad('a'), bad('b'), bad('c')])
  const rows = await sql`select delivery_id as id from api.list_failed_deliveries(2)`
  expect(rows.map((row) => row.id)).toEqual(['a', 'b'])
  const rest = await sql`select delivery_id as id from api.list_failed_deliveries(2, 2)`
  expect(rest.map((row) => row.id)).toEqual(['c'])
})
