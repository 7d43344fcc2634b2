import { expect } from 'bun:test'
import type { Session } from '../../../src/platform/database.ts'
import { apply, delivery, level, order, product, stockOf, variant } from '../../deliveries.ts'
import { expectAnyOrder, scratchTests } from '../../scratch.ts'

const check = scratchTests()

const line = (quantity: number, rest: Record<string, unknown> = {}) => ({
  id: 1,
  variant_id: 11,
  quantity,
  current_quantity: quantity,
  ...rest,
})
const at = (second: number) => `2026-11-01T12:00:${String(second).padStart(2, '0')}+01:00`
const created = (id: string, rest = {}) => delivery('orders/create', order(rest), { id })
const updated = (second: number, rest = {}) =>
  delivery('orders/updated', order({ updated_at: at(second), ...rest }))

function linesOf(sql: Session) {
  return sql<{ line_id: number; quantity: number; current_quantity: number }[]>`
    select line_id::integer, variant_id::integer, quantity, current_quantity
    from onsale.shopify_order_lines order by order_id, line_id`.then((rows) => [...rows])
}

check('an order of two events counts at both tickets', async (sql) => {
  await apply(sql, delivery('products/create', product({ variants: [variant(), variant({ id: 12 })] })))
  await apply(sql, delivery('products/create', product({ id: 2, variants: [variant({ id: 21 })] })))
  await apply(sql, created('o', { lines: [line(2), line(3, { id: 2, variant_id: 21 })] }))
  expect(await stockOf(sql, 11)).toMatchObject({ sold: 2, available: 98 })
  expect(await stockOf(sql, 12)).toMatchObject({ sold: 0, available: 100 })
  expect(await stockOf(sql, 21)).toMatchObject({ sold: 3, available: 97 })
})

check('two lines of one ticket in one order both count', async (sql) => {
  await apply(sql, delivery('products/create', product()))
  await apply(sql, created('o', { lines: [line(2), line(3, { id: 2 })] }))
  expect(await stockOf(sql)).toMatchObject({ sold: 5, available: 95 })
})

check('of a customer only his id is kept', async (sql) => {
  await apply(
    sql,
    created('o', {
      customer: { id: 7, email: 'ada@example.com', first_name: 'Ada' },
      email: 'ada@example.com',
      billing_address: { address1: 'Elm Street 1' },
    }),
  )
  const [row] = await sql`select to_jsonb(o) as o from onsale.shopify_orders o`
  expect(Object.keys(row?.o).sort()).toEqual([
    'created_at',
    'customer_id',
    'is_test',
    'order_id',
    'shop',
    'stamp',
    'status',
  ])
  expect(row?.o).toMatchObject({ customer_id: 7, shop: 'demo.myshopify.com', status: 'open' })
})

check('a body without customer, with nulls and unknown fields is an order like any other', async (sql) => {
  await apply(sql, delivery('products/create', product()))
  const { customer: _, ...body } = order({
    refunds: null,
    line_item_groups: [],
    fulfillments: null,
    note: null,
  })
  expect(await apply(sql, delivery('orders/create', body))).toEqual(['applied'])
  expect(await stockOf(sql)).toMatchObject({ sold: 1 })
})

check('a line without variant, and an order without lines, count nothing', async (sql) => {
  await apply(sql, delivery('products/create', product()))
  await apply(
    sql,
    created('a', { lines: [line(4, { variant_id: null })] }),
    created('b', { id: 501, lines: [] }),
  )
  expect(await linesOf(sql)).toEqual([
    { line_id: 1, variant_id: null, quantity: 4, current_quantity: 4 },
  ] as never)
  expect(await stockOf(sql)).toMatchObject({ sold: 0, available: 100 })
})

check('paid and fulfilled after create move no counter', async (sql) => {
  await apply(sql, delivery('products/create', product()), created('o'))
  const before = await stockOf(sql)
  for (const [nth, topic] of ['orders/paid', 'orders/fulfilled', 'orders/partially_fulfilled'].entries()) {
    expect(await apply(sql, delivery(topic, order({ updated_at: at(nth + 1) })))).toEqual(['applied'])
    expect(await stockOf(sql)).toEqual(before)
  }
})

check('a closed order still counts as sold', async (sql) => {
  await apply(sql, delivery('products/create', product()), created('o'))
  await apply(sql, updated(9, { closed_at: at(9) }))
  expect(await stockOf(sql)).toMatchObject({ sold: 1, available: 99 })
  expect([...(await sql`select status from onsale.shopify_orders`)]).toEqual([{ status: 'closed' }])
})

// Edits and refunds --------------------------------------------------------------------------------------------

check('an edited order counts what it says now', async (sql) => {
  await apply(sql, delivery('products/create', product({ variants: [variant(), variant({ id: 12 })] })))
  await apply(sql, created('o', { lines: [line(4)] }))
  await apply(
    sql,
    delivery('orders/edited', {
      order_edit: { id: 1, order_id: 500, line_items: { removals: [{ id: 1, delta: 3 }] } },
    }),
  )
  expect(await stockOf(sql)).toMatchObject({ sold: 4 })
  await apply(
    sql,
    updated(5, { lines: [line(4, { current_quantity: 1 }), line(2, { id: 2, variant_id: 12 })] }),
  )
  expect(await stockOf(sql, 11)).toMatchObject({ sold: 1, available: 96 })
  expect(await stockOf(sql, 12)).toMatchObject({ sold: 2, available: 98 })
})

check('a line that the newest version no longer has is gone', async (sql) => {
  await apply(
    sql,
    delivery('products/create', product()),
    created('o', { lines: [line(4), line(2, { id: 2 })] }),
  )
  await apply(sql, updated(5, { lines: [line(2, { id: 2 })] }))
  expect(await linesOf(sql)).toHaveLength(1)
  expect(await stockOf(sql)).toMatchObject({ sold: 2, available: 98 })
})

check('a line that becomes one of another variant moves its units', async (sql) => {
  await apply(sql, delivery('products/create', product({ variants: [variant(), variant({ id: 12 })] })))
  await apply(sql, created('o', { lines: [line(4)] }))
  await apply(sql, updated(5, { lines: [line(4, { variant_id: 12 })] }))
  expect(await stockOf(sql, 11)).toMatchObject({ sold: 0, available: 100 })
  expect(await stockOf(sql, 12)).toMatchObject({ sold: 4, available: 96 })
})

check('a partial refund without restock lowers what is sold and gives nothing back', async (sql) => {
  await apply(sql, delivery('products/create', product()), created('o', { lines: [line(4)] }))
  await apply(
    sql,
    delivery('refunds/create', {
      id: 1,
      order_id: 500,
      refund_line_items: [{ line_item_id: 1, quantity: 3 }],
    }),
    updated(5, { lines: [line(4, { current_quantity: 1 })] }),
  )
  expect(await stockOf(sql)).toEqual({ capacity: 97, sold: 1, available: 96, base: 100, taken: 4 })
})

check('a partial refund with restock gives back by the level that Shopify sends', async (sql) => {
  await apply(sql, delivery('products/create', product()), delivery('inventory_levels/update', level(100)))
  await apply(sql, created('o', { lines: [line(4)] }))
  await apply(sql, delivery('inventory_levels/update', level(96, { updated_at: at(0) })))
  expect(await stockOf(sql)).toEqual({ capacity: 100, sold: 4, available: 96, base: 96, taken: 0 })
  await expectAnyOrder(sql, [
    updated(30, { lines: [line(4, { current_quantity: 1 })] }),
    delivery('inventory_levels/update', level(99, { updated_at: at(30) })),
    delivery('refunds/create', {
      id: 1,
      order_id: 500,
      refund_line_items: [{ line_item_id: 1, quantity: 3 }],
    }),
  ])
  await apply(
    sql,
    updated(30, { lines: [line(4, { current_quantity: 1 })] }),
    delivery('inventory_levels/update', level(99, { updated_at: at(30) })),
  )
  expect(await stockOf(sql)).toEqual({ capacity: 100, sold: 1, available: 99, base: 99, taken: 0 })
})

check(
  'a body of before 2024 without current_quantity: what was refunded is no longer wanted',
  async (sql) => {
    await apply(sql, delivery('products/create', product()))
    const refund = (...quantities: [number, number][]) => ({
      refund_line_items: quantities.map(([line_item_id, quantity]) => ({ line_item_id, quantity })),
    })
    await apply(
      sql,
      created('o', {
        lines: [
          { id: 1, variant_id: 11, quantity: 5 },
          { id: 2, variant_id: 11, quantity: 1 },
          line(7, { id: 3 }),
        ],
        refunds: [refund([1, 1], [3, 7]), refund([1, 2], [2, 5])],
      }),
    )
    // Line 3 says current_quantity itself, and its word stands.
    expect(await linesOf(sql)).toEqual([
      { line_id: 1, variant_id: 11, quantity: 5, current_quantity: 2 },
      { line_id: 2, variant_id: 11, quantity: 1, current_quantity: 0 },
      { line_id: 3, variant_id: 11, quantity: 7, current_quantity: 7 },
    ] as never)
    expect(await stockOf(sql)).toMatchObject({ sold: 9 })
  },
)

// Cancelled ----------------------------------------------------------------------------------------------------

check('a cancelled order is not sold, and gives nothing back by itself', async (sql) => {
  await apply(sql, delivery('products/create', product()), created('o', { lines: [line(4)] }))
  await apply(
    sql,
    delivery('orders/cancelled', order({ lines: [line(4)], updated_at: at(9), cancelled_at: at(9) })),
  )
  expect(await stockOf(sql)).toEqual({ capacity: 96, sold: 0, available: 96, base: 100, taken: 4 })
})

check('a cancelled order with restock gives back by the level that Shopify sends', async (sql) => {
  await apply(sql, delivery('products/create', product()), created('o', { lines: [line(4)] }))
  const state = await expectAnyOrder(sql, [
    delivery('inventory_levels/update', level(96, { updated_at: at(0) })),
    delivery('orders/cancelled', order({ lines: [line(4)], updated_at: at(40), cancelled_at: at(40) })),
    delivery('inventory_levels/update', level(100, { updated_at: at(40) })),
  ])
  expect(state.stock).toMatchObject([{ capacity: 100, sold: 0, available: 100 }])
})

check('the topic does not make a cancelled order, its cancelled_at does', async (sql) => {
  await apply(sql, delivery('products/create', product()))
  await apply(sql, delivery('orders/cancelled', order()))
  expect(await stockOf(sql)).toMatchObject({ sold: 1 })
  await apply(sql, updated(9, { cancelled_at: at(9) }))
  expect(await stockOf(sql)).toMatchObject({ sold: 0 })
})

// Late ---------------------------------------------------------------------------------------------------------

check('late order does not bring a cancelled sale back', async (sql) => {
  await apply(sql, delivery('products/create', product()))
  await apply(sql, delivery('orders/cancelled', order({ updated_at: at(9), cancelled_at: at(9) })))
  expect(await apply(sql, created('late'), delivery('orders/paid', order({ updated_at: at(1) })))).toEqual([
    'stale',
    'stale',
  ])
  expect(await stockOf(sql)).toMatchObject({ sold: 0, available: 99 })
})

check('a deleted order is as if it had never been', async (sql) => {
  await apply(sql, delivery('products/create', product()), created('o', { lines: [line(4)] }))
  expect(await apply(sql, delivery('orders/delete', { id: 500 }))).toEqual(['applied'])
  expect(await linesOf(sql)).toEqual([])
  expect(await stockOf(sql)).toEqual({ capacity: 100, sold: 0, available: 100, base: 100, taken: 0 })
})

check('an order deleted first stays deleted whatever comes later', async (sql) => {
  await apply(sql, delivery('products/create', product()))
  await apply(sql, delivery('orders/delete', { id: 500 }, { at: '2020-01-01T00:00:00Z' }))
  expect(await apply(sql, created('o'), updated(50), delivery('orders/delete', { id: 500 }))).toEqual([
    'stale',
    'stale',
    'stale',
  ])
  expect(await stockOf(sql)).toMatchObject({ sold: 0, available: 100 })
})

check('created, updated and deleted in any order is deleted', async (sql) => {
  await apply(sql, delivery('products/create', product()))
  const state = await expectAnyOrder(sql, [
    created('o', { lines: [line(2)] }),
    updated(5, { lines: [line(3)] }),
    delivery('orders/delete', { id: 500 }),
  ])
  expect(state.stock).toMatchObject([{ sold: 0, available: 100 }])
  expect(state.orders).toMatchObject([{ order_id: 500, status: 'deleted', customer_id: null, shop: '' }])
})

check('of two versions in one batch only the newer is news', async (sql) => {
  await apply(sql, delivery('products/create', product()))
  expect(await apply(sql, created('o', { lines: [line(2)] }), updated(5, { lines: [line(3)] }))).toEqual([
    'stale',
    'applied',
  ])
  expect(await stockOf(sql)).toMatchObject({ sold: 3, available: 97 })
})

check('offsets of the shop do not matter, instants do', async (sql) => {
  await apply(sql, delivery('products/create', product()))
  await apply(sql, updated(0, { updated_at: '2026-11-01T18:00:00+07:00', lines: [line(2)] }))
  expect(await apply(sql, updated(0, { updated_at: '2026-11-01T11:59:59+01:00', lines: [line(9)] }))).toEqual(
    ['stale'],
  )
  expect(await apply(sql, updated(0, { updated_at: '2026-11-01T03:00:01-08:00', lines: [line(3)] }))).toEqual(
    ['applied'],
  )
  expect(await stockOf(sql)).toMatchObject({ sold: 3 })
})

check('orders of a ticket that nobody knows yet count as soon as its product comes', async (sql) => {
  await apply(sql, created('a', { lines: [line(2)] }), created('b', { id: 501, lines: [line(3)] }))
  await apply(
    sql,
    delivery(
      'orders/cancelled',
      order({ id: 501, lines: [line(3)], updated_at: at(9), cancelled_at: at(9) }),
    ),
  )
  expect(await stockOf(sql)).toBeNull()
  await apply(sql, delivery('products/create', product()))
  expect(await stockOf(sql)).toEqual({ capacity: 97, sold: 2, available: 95, base: 100, taken: 5 })
})
