import { expect } from 'bun:test'
import { level, order, product } from '../../deliveries.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

const without = (body: Record<string, unknown>, ...keys: string[]) =>
  Object.fromEntries(Object.entries(body).filter(([key]) => !keys.includes(key)))

for (const [kind, body] of [
  ['order', order()],
  ['order', order({ lines: [] })],
  ['order_delete', { id: 1 }],
  ['product', product()],
  ['product', without(product(), 'updated_at', 'variant_gids')],
  ['product_delete', { id: 1 }],
  ['level', level(1)],
  ['level', without(level(null), 'updated_at')],
  ['level_disconnect', { inventory_item_id: 1, location_id: 2 }],
  ['item', { id: 1 }],
  ['item_delete', { id: 1 }],
  ['customer_redact', { customer: { id: 1 } }],
  ['customer_redact', { orders_to_redact: [] }],
  ['data_request', {}],
  ['shop_redact', {}],
  ['uninstalled', {}],
  [null, []],
] as const) {
  check(`${JSON.stringify(body).slice(0, 60)} is sound for ${kind}`, async (sql) => {
    const [row] =
      await sql`select api.get_delivery_fault(${kind}, ${JSON.stringify(body)}::text::jsonb) as fault`
    expect(row).toEqual({ fault: null })
  })
}

for (const [kind, body, fault] of [
  ['order', [], 'Body is not an object'],
  ['order', 'text', 'Body is not an object'],
  ['order', null, 'Body is not an object'],
  ['order', without(order(), 'id'), 'Body has no id'],
  ['order', { ...order(), id: null }, 'Body has no id'],
  ['order', without(order(), 'created_at'), 'Order has no created_at'],
  ['order', without(order(), 'line_items'), 'Order has no list of line_items'],
  ['order', { ...order(), line_items: {} }, 'Order has no list of line_items'],
  ['order', order({ updated_at: 'infinity' }), 'updated_at is not an instant'],
  ['order_delete', {}, 'Body has no id'],
  ['product', without(product(), 'title'), 'Product has no title'],
  ['product', without(product(), 'variants'), 'Product has no list of variants'],
  ['product_delete', {}, 'Body has no id'],
  ['level', without(level(1), 'inventory_item_id'), 'Level has no inventory_item_id'],
  ['level_disconnect', { inventory_item_id: 1 }, 'Level has no location_id'],
  ['item', {}, 'Body has no id'],
  ['customer_redact', { customer: {}, orders_to_redact: null }, 'Request names neither customer nor orders'],
] as const) {
  check(`${fault}: ${JSON.stringify(body).slice(0, 40)} for ${kind}`, async (sql) => {
    const [row] =
      await sql`select api.get_delivery_fault(${kind}, ${JSON.stringify(body)}::text::jsonb) as fault`
    expect(row).toEqual({ fault })
  })
}
