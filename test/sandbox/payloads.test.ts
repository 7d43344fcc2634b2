import { describe, expect, test } from 'bun:test'
import { createShop } from '../../sandbox/life.ts'
import { amount, FULL_VARIANTS_MAX, shopRedactBody, stamp, uninstalledBody } from '../../sandbox/payloads.ts'
import type { ShopFacts } from '../../sandbox/records.ts'
import type { Delivery } from '../../sandbox/world.ts'
import { parseBig } from './rule.ts'

const shop = createShop({
  seed: 'payloads',
  events: 10,
  large_events: 1,
  personal_share: 1,
  big_id_share: 0.5,
})
shop.live(4000)

function bodies(topic: string) {
  const found = shop.deliveries
    .filter((delivery) => delivery.topic === topic)
    .map(({ body }) => parseBig(body))
  expect(found.length).toBeGreaterThan(0)
  return found
}

const facts: ShopFacts = {
  id: '548380009',
  domain: 'demo.myshopify.com',
  name: 'Demo',
  currency: 'EUR',
  exponent: 2,
  utc_offset_min: -210,
  api_version: '2026-10',
}

describe('the text of a body', () => {
  test('ids are integers of any size: neighbours above 2^53 stay apart', () => {
    const ids = new Set<string>()
    for (const { topic, body } of shop.deliveries) {
      const id = /^\{"id":(\d+)/.exec(body)?.[1]
      if (topic === 'orders/create') ids.add(id!)
    }
    const big = [...ids].filter((id) => BigInt(id) > 2n ** 53n)
    expect(big.length).toBeGreaterThan(10)
    expect(new Set(big.map(Number)).size).toBeLessThan(big.length)
    expect(big.every((id) => BigInt(id) < 2n ** 63n)).toBe(true)
  })

  test('it is escaped as Shopify escapes it, so that other encoders make other bytes', () => {
    const product = shop.deliveries.find(({ topic }) => topic === 'products/create')!
    expect(product.body).toContain('\\u003cp\\u003e')
    expect(product.body).toContain('gid:\\/\\/shopify\\/Product\\/')
    expect(product.body).not.toMatch(/[<>&]/)
    expect(JSON.stringify(JSON.parse(product.body))).not.toBe(product.body)
  })

  test('stamps carry the offset of the shop and whole seconds, cut off', () => {
    const us = Date.parse('2026-03-16T08:35:06Z') * 1000 + 999_999
    expect(stamp(facts, us)).toBe('2026-03-16T05:05:06-03:30')
    expect(stamp({ ...facts, utc_offset_min: 420 }, us)).toBe('2026-03-16T15:35:06+07:00')
    expect(stamp({ ...facts, utc_offset_min: 0 }, us)).toBe('2026-03-16T08:35:06+00:00')
  })

  test('money is a string with the digits of its currency', () => {
    expect(amount(facts, 2550)).toBe('25.50')
    expect(amount({ ...facts, exponent: 0 }, 2550)).toBe('2550')
    expect(amount({ ...facts, exponent: 3 }, 2550)).toBe('2.550')
  })

  test('sizes are those of real deliveries', () => {
    const of = (topic: string) => shop.deliveries.filter((d) => d.topic === topic).map((d) => d.body.length)
    const mean = (sizes: number[]) => sizes.reduce((sum, size) => sum + size, 0) / sizes.length
    expect(mean(of('orders/create'))).toBeWithin(4000, 9000)
    expect(mean(of('inventory_levels/update'))).toBeWithin(180, 320)
  })
})

describe('orders/*', () => {
  test('every topic carries the one order shape', () => {
    for (const topic of [
      'orders/create',
      'orders/updated',
      'orders/cancelled',
      'orders/paid',
      'orders/fulfilled',
    ]) {
      for (const order of bodies(topic)) {
        expect(Object.keys(order)).toEqual(expect.arrayContaining(ORDER_FIELDS))
        for (const line of order.line_items)
          expect(Object.keys(line)).toEqual(expect.arrayContaining(LINE_FIELDS))
      }
    }
  })

  test('a cancelled order says so by its own fields', () => {
    for (const order of bodies('orders/cancelled')) {
      expect(order.cancelled_at).toMatch(STAMP)
      expect(order.closed_at).toBe(order.cancelled_at)
    }
    expect(bodies('orders/create').some((order) => order.cancelled_at === null)).toBe(true)
  })

  test('current_quantity is quantity less what was refunded', () => {
    let seen = 0
    for (const order of bodies('orders/updated')) {
      for (const line of order.line_items) {
        const refunded = order.refunds
          .flatMap(
            (refund: { refund_line_items: { line_item_id: string; quantity: number }[] }) =>
              refund.refund_line_items,
          )
          .filter((part: { line_item_id: string }) => part.line_item_id === line.id)
          .reduce((sum: number, part: { quantity: number }) => sum + part.quantity, 0)
        expect(line.current_quantity).toBe(line.quantity - refunded)
        seen += refunded
      }
    }
    expect(seen).toBeGreaterThan(0)
  })

  test('without protected customer data no field of a person is there', () => {
    const blank = createShop({ seed: 'blank', personal_share: 0, large_events: 0 })
    blank.live(300)
    const order = parseBig(blank.deliveries.find(({ topic }) => topic === 'orders/create')!.body)
    for (const field of [
      'email',
      'contact_email',
      'phone',
      'customer',
      'billing_address',
      'shipping_address',
    ]) {
      expect(field in order).toBe(false)
    }
  })

  test('orders/edited names the order and its lines, but no variant and no stamp of the order', () => {
    for (const { order_edit } of bodies('orders/edited')) {
      expect(Object.keys(order_edit)).toEqual(
        expect.arrayContaining(['id', 'order_id', 'committed_at', 'line_items']),
      )
      expect('updated_at' in order_edit).toBe(false)
      const { additions, removals } = order_edit.line_items
      for (const change of [...additions, ...removals]) expect(Object.keys(change)).toEqual(['id', 'delta'])
    }
  })

  test('refunds/create tells restock type and place, with numbers for money where Shopify has numbers', () => {
    const parts = bodies('refunds/create').flatMap((refund) => refund.refund_line_items)
    expect(new Set(parts.map((part) => part.restock_type))).toContain('no_restock')
    expect(new Set(parts.map((part) => part.restock_type))).toContain('cancel')
    for (const part of parts) {
      expect(typeof part.subtotal).toBe('number')
      expect(part.location_id === null).toBe(part.restock_type === 'no_restock')
      expect('current_quantity' in part.line_item).toBe(false)
    }
    for (const refund of bodies('refunds/create')) expect('updated_at' in refund).toBe(false)
  })

  test('in 2023-10 lines have no current_quantity, and variants tell inventory_management', () => {
    const old = createShop({ seed: 'old', api_version: '2023-10' })
    old.live(300)
    const order = parseBig(old.deliveries.find(({ topic }) => topic === 'orders/create')!.body)
    expect('current_quantity' in order.line_items[0]).toBe(false)
    expect('checkout_id' in order).toBe(true)
    const product = parseBig(old.deliveries.find(({ topic }) => topic === 'products/create')!.body)
    expect(['shopify', null]).toContain(product.variants[0].inventory_management)
    expect('variant_gids' in product).toBe(false)
  })
})

describe('products/*', () => {
  test('every field of the published shape is there', () => {
    for (const product of [...bodies('products/create'), ...bodies('products/update')]) {
      expect(Object.keys(product)).toEqual(expect.arrayContaining(PRODUCT_FIELDS))
      for (const variant of product.variants) expect(Object.keys(variant)).toEqual(VARIANT_FIELDS)
    }
  })

  test('of more than 100 variants the newest 100 come in full and all as gids', () => {
    const large = bodies('products/update').filter(
      (product) => product.variant_gids.length > FULL_VARIANTS_MAX,
    )
    expect(large.length).toBeGreaterThan(0)
    for (const product of large) {
      expect(product.variants.length).toBe(FULL_VARIANTS_MAX)
      const stamps = product.variant_gids.map((gid: { updated_at: string }) => gid.updated_at)
      expect(stamps).toEqual([...stamps].sort().reverse())
      expect(stamps[0]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    }
  })

  test('metafields of namespace onsale are text by type', () => {
    const fields = bodies('products/create').flatMap((product) => product.metafields)
    const value = (key: string) => fields.find((field) => field.key === key)
    expect(fields.every((field) => field.namespace === 'onsale' && typeof field.value === 'string')).toBe(
      true,
    )
    expect(value('starts_at')).toMatchObject({
      type: 'date_time',
      value: expect.stringMatching(/^[\d-]{10}T[\d:]{8}\+00:00$/),
    })
    expect(Object.keys(JSON.parse(value('venue').value))).toEqual([
      'name',
      'address',
      'city',
      'country',
      'latitude',
      'longitude',
      'timezone',
    ])
    expect(value('per_user_limit').value).toMatch(/^\d+$/)
  })

  test('products/delete and orders/delete carry an id and nothing else', () => {
    for (const body of [...bodies('products/delete'), ...bodies('orders/delete')])
      expect(Object.keys(body)).toEqual(['id'])
  })
})

describe('inventory', () => {
  test('a level has five fields, and a gid whose number is not the location', () => {
    for (const level of [...bodies('inventory_levels/update'), ...bodies('inventory_levels/connect')]) {
      expect(Object.keys(level).sort()).toEqual([
        'admin_graphql_api_id',
        'available',
        'inventory_item_id',
        'location_id',
        'updated_at',
      ])
      expect(level.updated_at).toMatch(STAMP)
      expect(level.admin_graphql_api_id).toEndWith(`?inventory_item_id=${level.inventory_item_id}`)
      expect(level.admin_graphql_api_id).not.toContain(`/${level.location_id}?`)
    }
  })

  test('a disconnect has two fields', () => {
    for (const body of bodies('inventory_levels/disconnect')) {
      expect(Object.keys(body)).toEqual(['inventory_item_id', 'location_id'])
    }
  })

  test('an item tells whether it is tracked; its levels say null while it is not', () => {
    const untracked = new Set(
      bodies('inventory_items/create')
        .filter((item) => !item.tracked)
        .map((item) => item.id),
    )
    expect(untracked.size).toBeGreaterThan(0)
    const levels = bodies('inventory_levels/connect').filter((level) =>
      untracked.has(level.inventory_item_id),
    )
    expect(levels.length).toBeGreaterThan(0)
    expect(levels.every((level) => level.available === null)).toBe(true)
  })
})

describe('the other topics', () => {
  test('compliance topics name the customer and the orders', () => {
    for (const body of bodies('customers/redact')) {
      expect(Object.keys(body)).toEqual(['shop_id', 'shop_domain', 'customer', 'orders_to_redact'])
      expect(Object.keys(body.customer)).toEqual(['id', 'email', 'phone'])
      expect(Array.isArray(body.orders_to_redact)).toBe(true)
    }
    expect(parseBig(shopRedactBody(facts))).toEqual({
      shop_id: '548380009',
      shop_domain: 'demo.myshopify.com',
    })
  })

  test('app/uninstalled is the shop, bulk_operations/finish has its status in lower case', () => {
    expect(parseBig(uninstalledBody(facts))).toMatchObject({
      myshopify_domain: 'demo.myshopify.com',
      currency: 'EUR',
    })
    expect(bodies('bulk_operations/finish')[0]).toMatchObject({
      status: 'completed',
      type: 'query',
      error_code: null,
    })
  })
})

describe('headers', () => {
  test('each delivery has an id of its own; what one action sends shares the Event-Id', () => {
    const header = (name: string) => shop.deliveries.map((delivery: Delivery) => delivery.headers[name]!)
    expect(new Set(header('X-Shopify-Webhook-Id')).size).toBe(shop.deliveries.length)
    const events = Map.groupBy(shop.deliveries, (delivery) => delivery.headers['X-Shopify-Event-Id']!)
    const sale = [...events.values()].find((list) => list.some(({ topic }) => topic === 'orders/create'))!
    expect(new Set(sale.map(({ topic }) => topic))).toContain('inventory_levels/update')
    expect(new Set(sale.map(({ topic }) => topic))).toContain('products/update')
  })

  test('Triggered-At has nanoseconds', () => {
    for (const { headers } of shop.deliveries) {
      expect(headers['X-Shopify-Triggered-At']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/)
    }
  })
})

const STAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d$/

// Required fields of the published samples (API 2026-07); those of protected customer data may be absent
const ORDER_FIELDS =
  `admin_graphql_api_id app_id browser_ip buyer_accepts_marketing cancel_reason cancelled_at cart_token
  checkout_token client_details closed_at confirmation_number confirmed created_at currency current_shipping_price_set
  current_subtotal_price current_subtotal_price_set current_total_additional_fees_set current_total_discounts
  current_total_discounts_set current_total_duties_set current_total_price current_total_price_set current_total_tax
  current_total_tax_set customer_locale device_id discount_applications discount_codes duties_included estimated_taxes
  financial_status fulfillment_status fulfillments id landing_site landing_site_ref line_item_groups line_items location_id
  merchant_business_entity_id merchant_of_record_app_id name note note_attributes number order_number order_status_url
  original_total_additional_fees_set original_total_duties_set payment_gateway_names payment_terms po_number
  presentment_currency processed_at reference referring_site refunds returns shipping_lines source_identifier source_name
  source_url subtotal_price subtotal_price_set tags tax_exempt tax_lines taxes_included test token
  total_cash_rounding_payment_adjustment_set total_cash_rounding_refund_adjustment_set total_discounts total_discounts_set
  total_line_items_price total_line_items_price_set total_outstanding total_price total_price_set total_shipping_price_set
  total_tax total_tax_set total_tip_received total_weight updated_at user_id`.split(/\s+/)

const LINE_FIELDS =
  `admin_graphql_api_id attributed_staffs current_quantity discount_allocations duties fulfillable_quantity
  fulfillment_service fulfillment_status gift_card grams id name price price_set product_exists product_id properties
  quantity requires_shipping sales_line_item_group_id sku tax_lines taxable title total_discount total_discount_set
  variant_id variant_inventory_management variant_title vendor`.split(/\s+/)

const PRODUCT_FIELDS =
  `admin_graphql_api_id body_html category created_at handle has_variants_that_requires_components id
  image images media options product_type published_at published_scope status tags template_suffix title updated_at
  variant_gids variants vendor`.split(/\s+/)

const VARIANT_FIELDS =
  `admin_graphql_api_id barcode compare_at_price created_at id inventory_policy position price
  product_id sku taxable title updated_at option1 option2 option3 image_id inventory_item_id inventory_quantity
  old_inventory_quantity`.split(/\s+/)
