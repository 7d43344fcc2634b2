import { expect } from 'bun:test'
import { apply, delivery, level, order, product, stockOf, variant } from '../../deliveries.ts'
import { expectAnyOrder, scratchTests } from '../../scratch.ts'

const check = scratchTests()

const at = (second: number) => `2026-11-01T11:00:${String(second).padStart(2, '0')}+01:00`
const told = (available: number | null, second: number, rest: Record<string, unknown> = {}) =>
  delivery('inventory_levels/update', level(available, { updated_at: at(second), ...rest }))
const disconnect = (second: number, location_id = 1) =>
  delivery('inventory_levels/disconnect', { inventory_item_id: 1011, location_id }, { at: at(second) })
const item = (topic: string, rest: Record<string, unknown> = {}) =>
  delivery(`inventory_items/${topic}`, { id: 1011, ...rest })

check('the levels of several locations are summed', async (sql) => {
  await apply(
    sql,
    delivery('products/create', product()),
    told(3, 0),
    told(4, 0, { location_id: 2 }),
    told(-2, 1, { location_id: 3 }),
  )
  expect(await stockOf(sql)).toMatchObject({ base: 5, available: 5 })
})

check('an available of null is nought, a negative one is what it says', async (sql) => {
  await apply(sql, delivery('products/create', product()))
  await apply(sql, told(null, 0))
  expect(await stockOf(sql)).toMatchObject({ available: 0 })
  await apply(sql, told(-7, 1))
  expect(await stockOf(sql)).toMatchObject({ available: -7 })
})

check('connect tells a level as update does', async (sql) => {
  await apply(sql, delivery('products/create', product()), delivery('inventory_levels/connect', level(9)))
  expect(await stockOf(sql)).toMatchObject({ available: 9 })
})

check('the level of an item of nothing of ours is kept and harms nobody', async (sql) => {
  expect(await apply(sql, told(9, 0, { inventory_item_id: 4 }))).toEqual(['applied'])
  expect(await sql`select from onsale.inventory_levels`).toHaveLength(1)
})

check('late level does not undo a newer one', async (sql) => {
  await apply(sql, delivery('products/create', product()), told(5, 3))
  expect(await apply(sql, told(9, 2))).toEqual(['stale'])
  expect(await stockOf(sql)).toMatchObject({ available: 5 })
})

check('two levels of one second: the later trigger wins, in any order', async (sql) => {
  await apply(sql, delivery('products/create', product()))
  const state = await expectAnyOrder(sql, [
    delivery('inventory_levels/update', level(10, { updated_at: at(0) }), {
      at: '2026-11-01T10:00:00.000000001Z',
      id: 'z',
    }),
    delivery('inventory_levels/update', level(0, { updated_at: at(0) }), {
      at: '2026-11-01T10:00:00.000000002Z',
      id: 'a',
    }),
    told(20, 0),
  ])
  expect(state.stock).toMatchObject([{ available: 0 }])
})

check('a level without updated_at is dated by its trigger', async (sql) => {
  await apply(sql, delivery('products/create', product()), told(5, 3))
  const undated = { inventory_item_id: 1011, location_id: 1, available: 8 }
  expect(await apply(sql, delivery('inventory_levels/update', undated, { at: at(2) }))).toEqual(['stale'])
  expect(await apply(sql, delivery('inventory_levels/update', undated))).toEqual(['stale'])
  expect(await apply(sql, delivery('inventory_levels/update', undated, { at: at(4) }))).toEqual(['applied'])
  expect(await stockOf(sql)).toMatchObject({ available: 8 })
})

check('a disconnected location has no level until a newer one comes', async (sql) => {
  await apply(sql, delivery('products/create', product()), told(5, 0), told(3, 0, { location_id: 2 }))
  await apply(sql, disconnect(5))
  expect(await stockOf(sql)).toMatchObject({ available: 3 })
  expect(await apply(sql, told(9, 4))).toEqual(['stale'])
  expect(await stockOf(sql)).toMatchObject({ available: 3 })
  expect(await apply(sql, told(9, 6))).toEqual(['applied'])
  expect(await stockOf(sql)).toMatchObject({ available: 12 })
})

check('disconnected and connected again in any order ends connected', async (sql) => {
  await apply(sql, delivery('products/create', product()))
  const state = await expectAnyOrder(sql, [
    told(5, 0),
    disconnect(5),
    delivery('inventory_levels/connect', level(2, { updated_at: at(7) })),
  ])
  expect(state.stock).toMatchObject([{ available: 2 }])
})

check('a disconnect before anything was told of the location', async (sql) => {
  await apply(sql, disconnect(5), delivery('products/create', product()), told(4, 0, { location_id: 2 }))
  expect(await stockOf(sql)).toMatchObject({ available: 4 })
})

check('an untracked item is unlimited, and tracked again counts as before', async (sql) => {
  await apply(sql, delivery('products/create', product()), told(5, 0), delivery('orders/create', order()))
  await apply(sql, item('update', { tracked: false, updated_at: at(1) }))
  expect(await stockOf(sql)).toMatchObject({ capacity: null, available: null, sold: 1 })
  await apply(sql, delivery('orders/create', order({ id: 501 })), told(3, 2))
  expect(await stockOf(sql)).toMatchObject({ capacity: null, available: null, sold: 2 })
  expect(await apply(sql, item('update', { tracked: true, updated_at: at(0) }))).toEqual(['stale'])
  await apply(sql, item('update', { tracked: true, updated_at: at(3) }))
  expect(await stockOf(sql)).toEqual({ capacity: 3, sold: 2, available: 1, base: 3, taken: 2 })
})

check('inventory_management null makes a variant unlimited, absent or named does not', async (sql) => {
  const managed = (second: number, rest: Record<string, unknown>) =>
    delivery('products/update', product({ updated_at: at(second), variants: [variant(rest)] }))
  await apply(sql, managed(0, { inventory_management: null }))
  expect(await stockOf(sql)).toMatchObject({ capacity: null, available: null })
  await apply(sql, managed(1, { inventory_management: 'shopify' }))
  expect(await stockOf(sql)).toMatchObject({ available: 100 })
  await apply(sql, managed(2, {}))
  expect(await stockOf(sql)).toMatchObject({ available: 100 })
})

check('an item without tracked counts as tracked', async (sql) => {
  await apply(sql, delivery('products/create', product()), item('create', { updated_at: at(1) }))
  expect(await stockOf(sql)).toMatchObject({ available: 100 })
})

check('a deleted item is marked once', async (sql) => {
  await apply(sql, delivery('products/create', product()))
  expect(await apply(sql, item('delete'))).toEqual(['applied'])
  expect(await apply(sql, item('delete'))).toEqual(['stale'])
  expect([...(await sql`select is_deleted from onsale.inventory_items`)]).toEqual([{ is_deleted: true }])
})

check(
  'ten levels of one item in one batch: the newest of each location is news, the others are stale',
  async (sql) => {
    await apply(sql, delivery('products/create', product()))
    const outcomes = await apply(
      sql,
      ...Array.from({ length: 10 }, (_, nth) => told(nth, nth, { location_id: 1 + (nth % 2) })),
    )
    expect(outcomes).toEqual([...Array(8).fill('stale'), 'applied', 'applied'])
    expect(await stockOf(sql)).toMatchObject({ base: 17 })
  },
)
