import { expect } from 'bun:test'
import type { Session } from '../../../src/platform/database.ts'
import { apply, delivery, level, order, product, stockOf, variant } from '../../deliveries.ts'
import { expectAnyOrder, scratchTests } from '../../scratch.ts'

const check = scratchTests()

const at = (second: number) => `2026-11-01T12:00:${String(second).padStart(2, '0')}+01:00`
const update = (second: number, rest: Record<string, unknown> = {}) =>
  delivery('products/update', product({ updated_at: at(second), ...rest }))
const gids = (...ids: number[]) =>
  ids.map((id) => ({
    admin_graphql_api_id: `gid://shopify/ProductVariant/${id}`,
    updated_at: '2026-11-01T10:00:00.000Z',
  }))

async function ticketOf(sql: Session, variantId = 11) {
  const [row] = await sql`select t.* from onsale.tickets t where t.shopify_variant_id = ${variantId}`
  return row as Record<string, unknown>
}

async function visible(sql: Session) {
  const rows = await sql`
    select shopify_variant_id::integer as id from onsale.tickets where not is_removed order by 1`
  return rows.map((row) => row.id)
}

check('a variant is a ticket, field by field', async (sql) => {
  await apply(
    sql,
    update(0, {
      variants: [
        variant({
          title: 'Front / Sat',
          option1: 'Front',
          sku: 'F-1',
          price: '49.50',
          compare_at_price: '60.00',
          position: 3,
          inventory_policy: 'continue',
          metafields: [
            { namespace: 'onsale', key: 'features', value: '["seat"]' },
            { namespace: 'onsale', key: 'restrictions', value: '{"age":18}' },
            { namespace: 'onsale', key: 'sale_starts_at', value: '2026-11-01T09:00:00Z' },
            { namespace: 'onsale', key: 'sale_ends_at', value: 'soon' },
          ],
        }),
      ],
    }),
  )
  expect(await ticketOf(sql)).toMatchObject({
    name: 'Front / Sat',
    ticket_type: 'Front',
    sku: 'F-1',
    price_cents: '4950',
    compare_at_price_cents: '6000',
    position: 3,
    is_oversell_allowed: true,
    is_visible: true,
    is_removed: false,
    features: ['seat'],
    restrictions: { age: 18 },
    sale_starts_at: new Date('2026-11-01T09:00:00Z'),
    sale_ends_at: null,
  })
})

check("Shopify's Default Title is no name: the ticket goes by its event's", async (sql) => {
  await apply(
    sql,
    update(0, { variants: [variant({ title: 'Default Title', option1: 'Default Title', sku: '' })] }),
  )
  expect(await ticketOf(sql)).toMatchObject({ name: null, ticket_type: null, sku: null })
})

check('an empty compare_at_price is none', async (sql) => {
  await apply(
    sql,
    update(0, { variants: [variant({ compare_at_price: '' }), variant({ id: 12, compare_at_price: null })] }),
  )
  expect(await ticketOf(sql, 11)).toMatchObject({ compare_at_price_cents: null })
  expect(await ticketOf(sql, 12)).toMatchObject({ compare_at_price_cents: null })
})

check('a variant without inventory item, as in samples, is a ticket all the same', async (sql) => {
  await apply(
    sql,
    update(0, {
      variants: [variant({ inventory_item_id: null }), variant({ id: 12, inventory_item_id: null })],
    }),
  )
  expect(await stockOf(sql, 11)).toMatchObject({ available: 100 })
  expect(await stockOf(sql, 12)).toMatchObject({ available: 100 })
})

check('a variant without inventory_quantity starts from nothing', async (sql) => {
  await apply(sql, update(0, { variants: [variant({ inventory_quantity: null })] }))
  expect(await stockOf(sql)).toMatchObject({ capacity: 0, available: 0 })
  await apply(sql, delivery('inventory_levels/update', level(7)))
  expect(await stockOf(sql)).toMatchObject({ available: 7 })
})

check('a price change is an edit of the ticket', async (sql) => {
  await apply(sql, update(0))
  await apply(sql, update(1, { variants: [variant({ price: '30.00' })] }))
  expect(await ticketOf(sql)).toMatchObject({ price_cents: '3000', version: 2 })
  await apply(sql, update(2, { variants: [variant({ price: '30.00', inventory_quantity: 3 })] }))
  expect(await ticketOf(sql)).toMatchObject({ version: 2 })
})

check(
  'a variant missing from body and gids is removed, and comes back when it is listed again',
  async (sql) => {
    await apply(sql, update(0, { variants: [variant(), variant({ id: 12 })] }))
    await apply(sql, update(1))
    expect(await visible(sql)).toEqual([11])
    await apply(sql, update(2, { variants: [variant(), variant({ id: 12 })] }))
    expect(await visible(sql)).toEqual([11, 12])
  },
)

check('a removed ticket still counts its orders', async (sql) => {
  await apply(sql, update(0, { variants: [variant(), variant({ id: 12 })] }))
  await apply(
    sql,
    update(1),
    delivery('orders/create', order({ lines: [{ id: 1, variant_id: 12, quantity: 2 }] })),
  )
  expect(await stockOf(sql, 12)).toMatchObject({ sold: 2 })
})

check('more than a hundred variants: those that come without body stay as they were', async (sql) => {
  const all = Array.from({ length: 120 }, (_, nth) =>
    variant({ id: 100 + nth, inventory_item_id: 9_000 + nth }),
  )
  const ids = all.map((entry) => entry.id)
  // The newest first in full, the rest by gid: first one end of the list, then the other.
  await apply(sql, update(0, { variants: all.slice(0, 100), variant_gids: gids(...ids) }))
  expect(await visible(sql)).toHaveLength(100)
  await apply(
    sql,
    update(1, {
      variants: all.slice(20).map((entry) => ({ ...entry, price: '9.00' })),
      variant_gids: gids(...ids),
    }),
  )
  expect(await visible(sql)).toEqual(ids)
  expect(await ticketOf(sql, 100)).toMatchObject({ price_cents: '2500' })
  expect(await ticketOf(sql, 219)).toMatchObject({ price_cents: '900' })
  await apply(sql, update(2, { variants: all.slice(0, 99), variant_gids: gids(...ids.slice(0, 119)) }))
  expect(await visible(sql)).toEqual(ids.slice(0, 119))
})

check('an order of the hundred-and-first variant counts when its body comes', async (sql) => {
  await apply(sql, update(0, { variant_gids: gids(11, 12) }))
  await apply(sql, delivery('orders/create', order({ lines: [{ id: 1, variant_id: 12, quantity: 2 }] })))
  expect(await stockOf(sql, 12)).toBeNull()
  await apply(
    sql,
    update(30, { variants: [variant({ id: 12, inventory_quantity: 8 })], variant_gids: gids(11, 12) }),
  )
  expect(await stockOf(sql, 12)).toEqual({ capacity: 10, sold: 2, available: 8, base: 8, taken: 0 })
})

check('a body of before variant_gids lists its variants by themselves', async (sql) => {
  const { variant_gids: _, ...old } = product({ variants: [variant(), variant({ id: 12 })] })
  await apply(sql, delivery('products/create', old))
  expect(await visible(sql)).toEqual([11, 12])
})

check('a late body with a variant that is gone does not show it again', async (sql) => {
  await apply(sql, update(5))
  await apply(sql, update(4, { variants: [variant(), variant({ id: 12 })] }))
  expect(await visible(sql)).toEqual([11])
  expect(await ticketOf(sql, 12)).toMatchObject({ is_removed: true })
})

check('bodies with different parts of the variants in any order end in the same tickets', async (sql) => {
  await expectAnyOrder(sql, [
    update(0, { variants: [variant(), variant({ id: 12, price: '1.00' })] }),
    update(1, { variants: [variant({ id: 12, price: '2.00' })], variant_gids: gids(11, 12, 13) }),
    update(2, { variants: [variant({ id: 13 })], variant_gids: gids(11, 13) }),
  ])
})

check('metafields of a variant come with their own stamp', async (sql) => {
  const features = (value: string) => [{ namespace: 'onsale', key: 'features', value }]
  const state = await expectAnyOrder(sql, [
    update(0, { variants: [variant({ metafields: features('["a"]') })] }),
    update(1, { variants: [variant({ metafields: features('["b"]') })] }),
    update(2, { variants: [variant({ price: '1.00' })] }),
  ])
  expect(state.tickets).toMatchObject([{ features: ['b'], price_cents: 100 }])
  await apply(sql, update(3, { variants: [variant({ metafields: features('["b"]') })] }))
  await apply(sql, update(4, { variants: [variant({ metafields: [] })] }))
  expect(await ticketOf(sql)).toMatchObject({ features: [] })
})

check('levels of an item that nobody knows yet count as soon as its product comes', async (sql) => {
  await apply(
    sql,
    delivery('inventory_levels/update', level(30)),
    delivery('inventory_levels/update', level(12, { location_id: 2 })),
    delivery('inventory_items/update', { id: 1011, tracked: true, updated_at: at(0) }),
  )
  await apply(sql, delivery('products/create', product()))
  expect(await stockOf(sql)).toMatchObject({ available: 42 })
})

check('an item that turned out to be untracked before its product came', async (sql) => {
  await apply(sql, delivery('inventory_items/update', { id: 1011, tracked: false, updated_at: at(0) }))
  await apply(sql, delivery('products/create', product()), delivery('orders/create', order()))
  expect(await stockOf(sql)).toMatchObject({ capacity: null, available: null, sold: 1 })
})

check('a variant that gets another inventory item goes by the levels of that one', async (sql) => {
  await apply(sql, update(0), delivery('inventory_levels/update', level(5, { updated_at: at(9) })))
  await apply(
    sql,
    delivery('inventory_levels/update', level(50, { inventory_item_id: 77, updated_at: at(9) })),
  )
  await apply(sql, update(1, { variants: [variant({ inventory_item_id: 77 })] }))
  expect(await stockOf(sql)).toMatchObject({ available: 50 })
})

check('a body of 2,048 variants in full makes as many tickets', async (sql) => {
  const variants = Array.from({ length: 2_048 }, (_, nth) =>
    variant({
      id: 10_000 + nth,
      inventory_item_id: 50_000 + nth,
      barcode: 'x'.repeat(300),
      option2: null,
      option3: null,
    }),
  )
  await apply(sql, update(0, { variants }))
  await apply(sql, update(1, { variants: variants.map((entry) => ({ ...entry, price: '9.00' })) }))
  expect(await visible(sql)).toHaveLength(2_048)
})
