import { expect } from 'bun:test'
import { knownTopics } from '../../../src/intake/model.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

const kinds = {
  order: [
    'orders/create',
    'orders/updated',
    'orders/cancelled',
    'orders/paid',
    'orders/fulfilled',
    'orders/partially_fulfilled',
  ],
  order_delete: ['orders/delete'],
  product: ['products/create', 'products/update'],
  product_delete: ['products/delete'],
  level: ['inventory_levels/update', 'inventory_levels/connect'],
  level_disconnect: ['inventory_levels/disconnect'],
  item: ['inventory_items/create', 'inventory_items/update'],
  item_delete: ['inventory_items/delete'],
  customer_redact: ['customers/redact'],
  data_request: ['customers/data_request'],
  shop_redact: ['shop/redact'],
  uninstalled: ['app/uninstalled'],
}
const silent = ['orders/edited', 'refunds/create', 'bulk_operations/finish']

check('every topic has its kind', async (sql) => {
  for (const [kind, topics] of Object.entries(kinds)) {
    for (const topic of topics) {
      expect([topic, (await sql`select api.get_delivery_kind(${topic}) as kind`)[0]?.kind]).toEqual([
        topic,
        kind,
      ])
    }
  }
})

check('topics without a version of their record, and unknown ones, have none', async (sql) => {
  for (const topic of [...silent, 'themes/publish', '', 'Orders/Create']) {
    expect((await sql`select api.get_delivery_kind(${topic}) as kind`)[0]?.kind).toBeNull()
  }
})

check('TypeScript and SQL know the same topics', async () => {
  expect([...knownTopics].sort()).toEqual([...Object.values(kinds).flat(), ...silent].sort())
})
