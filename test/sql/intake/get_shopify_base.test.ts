import { expect } from 'bun:test'
import type { Session } from '../../../src/platform/database.ts'
import { apply, delivery, level, order, product, stockOf, variant } from '../../deliveries.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

const at = (second: number) => `2026-11-01T11:00:${String(second).padStart(2, '0')}.000Z`
const told = (available: number, second: number, location_id = 1) =>
  delivery('inventory_levels/update', level(available, { updated_at: at(second), location_id }))
const disconnect = (second: number, location_id = 1) =>
  delivery('inventory_levels/disconnect', { inventory_item_id: 1011, location_id }, { at: at(second) })
const total = (inventory_quantity: number | null, second: number) =>
  delivery(
    'products/update',
    product({ updated_at: at(second), variants: [variant({ inventory_quantity })] }),
  )
const sold = (second: number, rest: Record<string, unknown> = {}) =>
  delivery('orders/create', order({ at: at(second), ...rest }))

async function baseOf(sql: Session) {
  const [row] = await sql`
    select b.base::integer, b.base_at, b.is_tracked from api.get_shopify_base(array[11]) b`
  return row
}

check("before any level the product's total is the base, as of the product", async (sql) => {
  await apply(sql, total(40, 7))
  expect(await baseOf(sql)).toEqual({ base: 40, base_at: new Date(at(7)), is_tracked: true })
})

check('levels are the base as of the newest of them', async (sql) => {
  await apply(sql, total(40, 0), told(10, 3, 1), told(20, 7, 2), told(5, 5, 3))
  expect(await baseOf(sql)).toMatchObject({ base: 35, base_at: new Date(at(7)) })
})

check('a product five seconds newer than all levels does not speak, one of six seconds does', async (sql) => {
  await apply(sql, told(10, 10), total(40, 15))
  expect(await baseOf(sql)).toMatchObject({ base: 10, base_at: new Date(at(10)) })
  await apply(sql, total(41, 16))
  expect(await baseOf(sql)).toMatchObject({ base: 41, base_at: new Date(at(16)) })
  await apply(sql, told(9, 11))
  expect(await baseOf(sql)).toMatchObject({ base: 9, base_at: new Date(at(11)) })
})

check('five seconds are counted from the newest level, not from each', async (sql) => {
  await apply(sql, told(10, 1, 1), told(20, 12, 2), total(40, 16))
  expect(await baseOf(sql)).toMatchObject({ base: 30, base_at: new Date(at(12)) })
})

check('a product without a total never speaks over levels', async (sql) => {
  await apply(sql, told(10, 1), total(null, 50))
  expect(await baseOf(sql)).toMatchObject({ base: 10, base_at: new Date(at(1)) })
})

check('neither total nor level: nothing is left, as of the start of time', async (sql) => {
  await apply(sql, total(null, 50), sold(51))
  expect(await stockOf(sql)).toEqual({ capacity: 0, sold: 1, available: -1, base: 0, taken: 1 })
})

check('an order two seconds after the base is in it, one of three seconds is not', async (sql) => {
  await apply(sql, total(40, 0), told(10, 10), sold(12, { id: 1 }))
  expect(await stockOf(sql)).toMatchObject({ available: 10, taken: 0, sold: 1 })
  await apply(sql, sold(13, { id: 2 }))
  expect(await stockOf(sql)).toMatchObject({ available: 9, taken: 1, sold: 2 })
})

check('a newer base takes in the orders that it contains, an older one gives them back', async (sql) => {
  await apply(sql, total(40, 0), told(10, 10), sold(20, { id: 1 }), sold(30, { id: 2 }))
  expect(await stockOf(sql)).toMatchObject({ base: 10, taken: 2, available: 8 })
  await apply(sql, told(9, 20))
  expect(await stockOf(sql)).toMatchObject({ base: 9, taken: 1, available: 8 })
  await apply(sql, told(8, 30))
  expect(await stockOf(sql)).toMatchObject({ base: 8, taken: 0, available: 8 })
})

// The amended rule (ARCHITECTURE.md): a disconnected location counts as a level of 0 at its own moment.

check(
  'an order served from a location that is disconnected then is not subtracted from the others',
  async (sql) => {
    await apply(sql, total(8, 0), told(5, 1, 1), told(3, 21, 2), sold(20), told(2, 22, 2))
    await apply(sql, disconnect(30, 2))
    expect(await stockOf(sql)).toMatchObject({ base: 5, taken: 0, available: 5 })
    expect(await baseOf(sql)).toMatchObject({ base_at: new Date(at(30)) })
  },
)

check('where the only location is disconnected, an older total does not speak', async (sql) => {
  await apply(sql, total(10, 5), told(10, 5), disconnect(9))
  expect(await baseOf(sql)).toMatchObject({ base: 0, base_at: new Date(at(9)) })
})

check(
  'where all are disconnected, a total of the same second speaks, of the second before does not',
  async (sql) => {
    await apply(sql, total(10, 5), told(10, 5), disconnect(9, 1), disconnect(12, 2))
    await apply(sql, total(6, 11))
    expect(await baseOf(sql)).toMatchObject({ base: 0, base_at: new Date(at(12)) })
    await apply(sql, total(7, 12))
    expect(await baseOf(sql)).toMatchObject({ base: 7, base_at: new Date(at(12)) })
  },
)

check('a disconnect within the second of the total is not newer than it', async (sql) => {
  await apply(
    sql,
    total(7, 12),
    told(7, 5),
    delivery(
      'inventory_levels/disconnect',
      { inventory_item_id: 1011, location_id: 1 },
      { at: '2026-11-01T11:00:12.9Z' },
    ),
  )
  expect(await baseOf(sql)).toMatchObject({ base: 7 })
})

check('one location still connected: the total waits its five seconds', async (sql) => {
  await apply(sql, told(4, 5, 1), disconnect(9, 2), total(10, 14))
  expect(await baseOf(sql)).toMatchObject({ base: 4, base_at: new Date(at(9)) })
  await apply(sql, total(10, 15))
  expect(await baseOf(sql)).toMatchObject({ base: 10, base_at: new Date(at(15)) })
})

check('it is asked for many at once and answers only for those there are', async (sql) => {
  await apply(sql, total(10, 1))
  const rows = await sql`select b.variant_id::integer as id from api.get_shopify_base(array[11, 12, 13]) b`
  expect([...rows]).toEqual([{ id: 11 }])
})
