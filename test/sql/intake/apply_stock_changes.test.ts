import { expect } from 'bun:test'
import type { Session } from '../../../src/platform/database.ts'
import { apply, delivery, level, order, product, stockOf, variant } from '../../deliveries.ts'
import { backCounters } from '../../sales.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

const line = (quantity: number) => [{ id: 1, variant_id: 11, quantity, current_quantity: quantity }]
const stocked = (units: number) =>
  delivery('products/create', product({ variants: [variant({ inventory_quantity: units })] }))

async function changesOf(sql: Session, variantId: number, quantity: number, createdAt: string) {
  const [row] = await sql<{ changed: string[] | null; flipped: string[] | null }[]>`
    select c.changed, c.flipped
    from api.apply_stock_changes(
      array[row(${variantId}, ${createdAt}, ${quantity}, ${quantity})::onsale.line_change], null, null, null
    ) c`
  return { isChanged: row?.changed !== null, isFlipped: row?.flipped !== null }
}

check('an order after the base lowers what is left, one before it only counts as sold', async (sql) => {
  await apply(sql, stocked(10), delivery('orders/create', order({ lines: line(3) })))
  expect(await stockOf(sql)).toEqual({ capacity: 10, sold: 3, available: 7, base: 10, taken: 3 })
  await apply(sql, delivery('orders/create', order({ id: 501, lines: line(2), at: '2026-11-01T08:00:00Z' })))
  expect(await stockOf(sql)).toEqual({ capacity: 12, sold: 5, available: 7, base: 10, taken: 3 })
})

check('more sold than there is: the mirror says so, and says it back', async (sql) => {
  await apply(sql, stocked(2), delivery('orders/create', order({ lines: line(5) })))
  expect(await stockOf(sql)).toEqual({ capacity: 2, sold: 5, available: -3, base: 2, taken: 5 })
  await apply(
    sql,
    delivery('inventory_levels/update', level(-3, { updated_at: '2026-11-01T12:00:00+01:00' })),
  )
  expect(await stockOf(sql)).toEqual({ capacity: 2, sold: 5, available: -3, base: -3, taken: 0 })
})

check('a batch of orders, cancellations and levels of one ticket is one sum', async (sql) => {
  await apply(sql, stocked(10))
  await apply(
    sql,
    delivery('orders/create', order({ id: 1, lines: line(1) })),
    delivery('orders/create', order({ id: 2, lines: line(2) })),
    delivery('orders/cancelled', order({ id: 3, lines: line(4), cancelled_at: '2026-11-01T12:00:00+01:00' })),
    delivery('inventory_levels/update', level(20, { updated_at: '2026-11-01T11:00:00+01:00' })),
    delivery('orders/delete', { id: 2 }),
  )
  expect(await stockOf(sql)).toEqual({ capacity: 16, sold: 1, available: 15, base: 20, taken: 5 })
})

check(
  'what leaves at least one is a change, what takes or gives the last one is a flip',
  async (sql) => {
    await apply(sql, stocked(3))
    const later = '2026-11-01T13:00:00Z'
    expect(await changesOf(sql, 11, 2, later)).toEqual({ isChanged: true, isFlipped: false })
    expect(await changesOf(sql, 11, 1, later)).toEqual({ isChanged: true, isFlipped: true })
    expect(await changesOf(sql, 11, 1, later)).toEqual({ isChanged: true, isFlipped: false })
    expect(await changesOf(sql, 11, -2, later)).toEqual({ isChanged: true, isFlipped: true })
    expect(await changesOf(sql, 11, 0, later)).toEqual({ isChanged: false, isFlipped: false })
  },
  { isVerified: false },
)

check(
  'an unlimited ticket never flips',
  async (sql) => {
    await apply(
      sql,
      stocked(1),
      delivery('inventory_items/update', { id: 1011, tracked: false, updated_at: '2026-11-01T12:00:00Z' }),
    )
    expect(await changesOf(sql, 11, 5, '2026-11-01T13:00:00Z')).toEqual({ isChanged: true, isFlipped: false })
  },
  { isVerified: false },
)

check('a variant without ticket changes nothing', async (sql) => {
  expect(await changesOf(sql, 99, 5, '2026-11-01T13:00:00Z')).toEqual({ isChanged: false, isFlipped: false })
})

check("the direct channel's counters of the same ticket are left alone", async (sql) => {
  await apply(sql, stocked(10))
  await sql`
    insert into onsale.stock (event_id, ticket_id, channel, capacity, sold)
    select event_id, ticket_id, 'direct', 5, 1 from onsale.stock`
  await backCounters(sql)
  await apply(
    sql,
    delivery('orders/create', order({ lines: line(3) })),
    delivery('inventory_levels/update', level(4)),
  )
  const [direct] =
    await sql`select capacity::integer, sold::integer from onsale.stock where channel = 'direct'`
  expect(direct).toEqual({ capacity: 5, sold: 1 })
})
