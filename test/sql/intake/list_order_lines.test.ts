import { expect } from 'bun:test'
import type { Session } from '../../../src/platform/database.ts'
import { order } from '../../deliveries.ts'
import { scratchTests, sqlStateOf } from '../../scratch.ts'

const check = scratchTests()

async function linesOf(sql: Session, body: unknown) {
  const rows = await sql`
    select line_id::text, variant_id::text, quantity, current_quantity
    from api.list_order_lines(${JSON.stringify(body)}::text::jsonb)`
  return rows.map((row) => Object.values(row))
}

check('a line is told with what was ordered and what is still wanted', async (sql) => {
  const lines = [
    { id: 1, variant_id: 11, quantity: 3, current_quantity: 2 },
    { id: 2, variant_id: null, quantity: 1, current_quantity: 1 },
  ]
  expect(await linesOf(sql, order({ lines }))).toEqual([
    ['1', '11', 3, 2],
    ['2', null, 1, 1],
  ])
})

check('a cancelled order wants nothing', async (sql) => {
  const lines = [{ id: 1, variant_id: 11, quantity: 3, current_quantity: 3 }]
  expect(await linesOf(sql, order({ lines, cancelled_at: '2026-11-01T12:00:00Z' }))).toEqual([
    ['1', '11', 3, 0],
  ])
})

check(
  'without current_quantity it is what was ordered less what was refunded, and never below nought',
  async (sql) => {
    const lines = [
      { id: 1, variant_id: 11, quantity: 3 },
      { id: 2, variant_id: 11, quantity: 1 },
      { id: 3, variant_id: 11, quantity: 2 },
    ]
    const refunds = [
      {
        refund_line_items: [
          { line_item_id: 1, quantity: 1 },
          { line_item_id: 2, quantity: 5 },
        ],
      },
      { refund_line_items: [{ line_item_id: 1, quantity: 1 }] },
    ]
    expect(await linesOf(sql, order({ lines, refunds }))).toEqual([
      ['1', '11', 3, 1],
      ['2', '11', 1, 0],
      ['3', '11', 2, 2],
    ])
  },
)

check('a body without lines has none', async (sql) => {
  expect(await linesOf(sql, { id: 1 })).toEqual([])
  expect(await linesOf(sql, order({ lines: [] }))).toEqual([])
})

check('lines that are no objects are refused', async (sql) => {
  expect(await sqlStateOf(sql, (sql) => linesOf(sql, order({ lines: [7] })))).toBe('22023')
})
