import { expect } from 'bun:test'
import {
  apply,
  applyAll,
  delivery,
  level,
  order,
  product,
  stateOf,
  stockOf,
  variant,
} from '../../deliveries.ts'
import { applyAt, expectAnyOrder, scratchTests, sqlStateOf } from '../../scratch.ts'

const check = scratchTests()

check('one of each topic in one batch: every one has its outcome, in input order', async (sql) => {
  const outcomes = await apply(
    sql,
    delivery('products/create', product()),
    delivery('inventory_items/create', { id: 1011, tracked: true, updated_at: '2026-11-01T10:00:00Z' }),
    delivery('inventory_levels/connect', level(40)),
    delivery('inventory_levels/update', level(60, { location_id: 2 })),
    delivery('orders/create', order()),
    delivery('orders/edited', { order_edit: { id: 1, order_id: 500 } }),
    delivery('refunds/create', { id: 1, order_id: 500, refund_line_items: [] }),
    delivery('bulk_operations/finish', { admin_graphql_api_id: 'gid://shopify/BulkOperation/1' }),
    delivery('customers/data_request', { customer: { id: 1 } }),
    delivery('themes/publish', { id: 1 }),
    delivery('orders/delete', { id: 501 }),
    delivery('products/delete', { id: 2 }),
    delivery('inventory_items/delete', { id: 5 }),
    delivery('inventory_levels/disconnect', { inventory_item_id: 5, location_id: 1 }),
    delivery('app/uninstalled', { id: 1, updated_at: '2026-11-01T10:00:00Z' }),
    delivery('customers/redact', { customer: { id: 1 }, orders_to_redact: [] }),
    delivery('shop/redact', { shop_id: 1 }),
  )
  expect(outcomes).toEqual([
    ...Array(5).fill('applied'),
    ...Array(5).fill('ignored'),
    ...Array(7).fill('applied'),
  ])
  expect(await stockOf(sql)).toEqual({ capacity: 100, sold: 1, available: 99, base: 100, taken: 1 })
})

for (const topic of [
  'orders/create',
  'orders/updated',
  'orders/cancelled',
  'orders/paid',
  'orders/fulfilled',
  'orders/partially_fulfilled',
]) {
  check(`${topic} carries an order that counts`, async (sql) => {
    await apply(sql, delivery('products/create', product()))
    expect(await apply(sql, delivery(topic, order()))).toEqual(['applied'])
    expect(await stockOf(sql)).toEqual({ capacity: 100, sold: 1, available: 99, base: 100, taken: 1 })
  })
}

check('an empty batch answers no row', async (sql) => {
  expect(await apply(sql)).toEqual([])
})

check('an order with a bad body is kept as failed, its batch-mates are applied', async (sql) => {
  const results = await applyAll(sql, [
    delivery('products/create', product()),
    delivery('orders/create', { id: 5 }),
    delivery('orders/create', '[]'),
    delivery('inventory_levels/update', { inventory_item_id: 1011 }),
    delivery('products/update', { id: 3, title: 'No variants' }),
    delivery('orders/create', order()),
  ])
  expect(results).toEqual([
    { outcome: 'applied', reason: null },
    { outcome: 'failed', reason: 'Order has no created_at' },
    { outcome: 'failed', reason: 'Body is not an object' },
    { outcome: 'failed', reason: 'Level has no location_id' },
    { outcome: 'failed', reason: 'Product has no list of variants' },
    { outcome: 'applied', reason: null },
  ])
  expect(await stockOf(sql)).toMatchObject({ sold: 1, available: 99 })
  const kept = await sql`
    select topic, reason, convert_from(body, 'UTF8') as body from onsale.failed_deliveries order by reason`
  expect([...kept]).toEqual([
    { topic: 'orders/create', reason: 'Body is not an object', body: '[]' },
    {
      topic: 'inventory_levels/update',
      reason: 'Level has no location_id',
      body: '{"inventory_item_id":1011}',
    },
    { topic: 'orders/create', reason: 'Order has no created_at', body: '{"id":5}' },
    {
      topic: 'products/update',
      reason: 'Product has no list of variants',
      body: '{"id":3,"title":"No variants"}',
    },
  ])
})

// What PostgreSQL refuses undoes the whole call, so that the caller can halve its batch.
for (const [fault, topic, body, sqlState] of [
  ['no JSON', 'orders/create', '{"id":', '22P02'],
  ['an empty body', 'orders/create', '', '22P02'],
  ['an escaped NUL', 'orders/create', '{"id":1,"note":"\\u0000"}', '22P05'],
  [
    'an id of 2^63',
    'orders/create',
    `{"id":9223372036854775808,"created_at":"2026-11-01T12:00:00Z","line_items":[]}`,
    '22003',
  ],
  ['a day that is none', 'orders/create', order({ updated_at: '2026-02-30T10:00:00Z' }), '22008'],
  ['an id that is no number', 'orders/create', { ...order(), id: 'one' }, '22P02'],
  [
    'a negative quantity',
    'orders/create',
    order({ lines: [{ id: 1, variant_id: 11, quantity: -1 }] }),
    '23514',
  ],
  ['a line without id', 'orders/create', order({ lines: [{ variant_id: 11, quantity: 1 }] }), '23502'],
  ['a line without quantity', 'orders/create', order({ lines: [{ id: 1, variant_id: 11 }] }), '23502'],
  ['lines that are no objects', 'orders/create', order({ lines: [7] }), '22023'],
  [
    'the same line twice',
    'orders/create',
    order({ lines: [1, 1].map((id) => ({ id, variant_id: 11, quantity: 1 })) }),
    '23505',
  ],
  ['a nesting bomb', 'orders/create', `{"a":${'['.repeat(50_000)}${']'.repeat(50_000)}}`, '54001'],
  ['a number bomb', 'orders/create', '{"id":1e999999}', '22003'],
  [
    'a price that is no number',
    'products/create',
    product({ variants: [variant({ price: 'free' })] }),
    '22P02',
  ],
  ['a negative price', 'products/create', product({ variants: [variant({ price: '-1.00' })] }), '23514'],
  ['a variant without id', 'products/create', product({ variants: [{ title: 'x', price: '1' }] }), '23502'],
  ['a status of tomorrow', 'products/create', product({ status: 'hibernating' }), '22P02'],
  ['an available of 2^31', 'inventory_levels/update', level(2_147_483_648), '22003'],
] as const) {
  check(`${fault} refuses the whole call and leaves nothing`, async (sql) => {
    await apply(sql, delivery('products/create', product()))
    const before = await stateOf(sql)
    const refusal = await sqlStateOf(sql, (sql) =>
      apply(sql, delivery('orders/create', order()), delivery(topic, body as string)),
    )
    expect(refusal).toBe(sqlState)
    expect(await stateOf(sql)).toEqual(before)
  })
}

check('the largest id there is, and ids beyond 2^53, keep their digits', async (sql) => {
  const big = JSON.stringify(order()).replace('"id":500', '"id":9223372036854775807')
  const sample = JSON.stringify(order({ lines: [{ id: 1, variant_id: 2, quantity: 1 }] }))
    .replace('"id":500', '"id":820982911946154508')
    .replace('"variant_id":2', '"variant_id":808950810808950811')
  expect(await apply(sql, delivery('orders/create', big), delivery('orders/create', sample))).toEqual([
    'applied',
    'applied',
  ])
  const ids = await sql`
    select o.order_id::text, l.variant_id::text
    from onsale.shopify_orders o join onsale.shopify_order_lines l using (order_id) order by 1`
  expect([...ids]).toEqual([
    { order_id: '820982911946154508', variant_id: '808950810808950811' },
    { order_id: '9223372036854775807', variant_id: '11' },
  ])
})

check('bodies of several bytes a character are cut where they end', async (sql) => {
  const titles = ['Zoë', '東京の夜', '🎸🎸', 'plain']
  await apply(
    sql,
    ...titles.map((title, nth) => delivery('products/create', product({ id: nth + 1, title, variants: [] }))),
  )
  const rows = await sql`select title from onsale.events order by shopify_product_id`
  expect(rows.map((row) => row.title)).toEqual(titles)
})

// Twice ------------------------------------------------------------------------------------------------------

check('the same id again is a duplicate and changes nothing', async (sql) => {
  const batch = [delivery('products/create', product()), delivery('orders/create', order())]
  expect(await apply(sql, ...batch)).toEqual(['applied', 'applied'])
  const before = await stateOf(sql)
  expect(await apply(sql, ...batch)).toEqual(['duplicate', 'duplicate'])
  expect(await stateOf(sql)).toEqual(before)
})

check('the same id within one batch counts once', async (sql) => {
  const one = delivery('orders/create', order())
  await apply(sql, delivery('products/create', product()))
  expect(await apply(sql, one, one, delivery('orders/create', order({ id: 501 })), one)).toEqual([
    'applied',
    'duplicate',
    'applied',
    'duplicate',
  ])
  expect((await stockOf(sql))?.sold).toBe(2)
})

check('the same id of another shop is another delivery', async (sql) => {
  const first = delivery('orders/create', order(), { id: 'same' })
  const second = delivery('orders/create', order({ id: 501 }), { id: 'same', shop: 'other.myshopify.com' })
  expect(await apply(sql, first, second)).toEqual(['applied', 'applied'])
})

check('the same body under another id is stale, not counted again', async (sql) => {
  await apply(sql, delivery('products/create', product()), delivery('orders/create', order(), { id: 'b' }))
  expect(await apply(sql, delivery('orders/paid', order(), { id: 'a' }))).toEqual(['stale'])
  expect((await stockOf(sql))?.sold).toBe(1)
})

check('an id that had failed is tried again, and its kept bytes go when it succeeds', async (sql) => {
  expect(await apply(sql, delivery('orders/create', { id: 500 }, { id: 'x' }))).toEqual(['failed'])
  expect(await apply(sql, delivery('orders/create', order(), { id: 'x' }))).toEqual(['applied'])
  expect(await apply(sql, delivery('orders/create', order(), { id: 'x' }))).toEqual(['duplicate'])
  expect([...(await sql`select * from onsale.failed_deliveries`)]).toEqual([])
  expect([...(await sql`select outcome from onsale.deliveries`)]).toEqual([{ outcome: 'applied' }])
})

check('an id that fails again counts one more attempt', async (sql) => {
  const bad = delivery('orders/create', { id: 500 }, { id: 'x' })
  await apply(sql, bad)
  expect(await apply(sql, bad)).toEqual(['failed'])
  expect([...(await sql`select delivery_id, attempts from onsale.failed_deliveries`)]).toEqual([
    { delivery_id: 'x', attempts: 2 },
  ])
})

check('a failing id repeated in one batch stays kept', async (sql) => {
  const bad = delivery('orders/create', { id: 500 }, { id: 'x' })
  await apply(sql, bad)
  expect(await apply(sql, bad, bad)).toEqual(['failed', 'duplicate'])
  expect(await sql`select from onsale.failed_deliveries`).toHaveLength(1)
})

check('a failing id repeated beside one that is tried again stays kept', async (sql) => {
  await apply(sql, delivery('orders/create', { id: 500 }, { id: 'x' }))
  const bad = delivery('orders/create', { id: 501 }, { id: 'y' })
  expect(await apply(sql, delivery('orders/create', order(), { id: 'x' }), bad, bad)).toEqual([
    'applied',
    'failed',
    'duplicate',
  ])
  expect([...(await sql`select delivery_id from onsale.failed_deliveries`)]).toEqual([{ delivery_id: 'y' }])
})

check(
  'a kept row of an id that was answered as applied meanwhile goes with its next attempt',
  async (sql) => {
    const good = delivery('orders/create', order(), { id: 'x' })
    await apply(sql, good)
    await sql`
    insert into onsale.failed_deliveries
      (shop, delivery_id, topic, triggered_ns, body, reason, failed_at, next_attempt_at)
    values (${good.shop}, 'x', 'orders/create', 0, '', 'lost a race', now(), now())`
    expect(await apply(sql, good)).toEqual(['duplicate'])
    expect(await sql`select from onsale.failed_deliveries`).toHaveLength(0)
  },
)

check('a Triggered-At beyond what 64 bits hold cannot stop its batch', async (sql) => {
  const far = delivery('orders/create', order(), { at: '9999-12-31T23:59:59Z' })
  expect(await apply(sql, far)).toEqual(['applied'])
})

check(
  'a replay applies although the id was answered, and stays stale where nothing is newer',
  async (sql) => {
    const first = delivery('orders/create', order(), { id: 'x' })
    await apply(sql, first)
    expect(await applyAt(sql, '2026-11-02', [first], { isReplay: true })).toEqual([
      { outcome: 'stale', reason: null },
    ])
    await sql`delete from onsale.shopify_order_lines`
    await sql`delete from onsale.shopify_orders`
    expect(await applyAt(sql, '2026-11-02', [first], { isReplay: true })).toEqual([
      { outcome: 'applied', reason: null },
    ])
  },
)

check(
  'bodies are kept only where the settings ask for it, once each, and never those of privacy',
  async (sql) => {
    await apply(sql, delivery('orders/create', order({ id: 1 })))
    expect(await sql`select from onsale.delivery_bodies`).toHaveLength(0)
    await sql`select api.update_settings('EUR', null, null, true, 24)`
    const kept = delivery('orders/create', order({ id: 2 }), {
      id: 'kept',
      at: '2026-11-01T10:00:00.000000009Z',
    })
    await apply(
      sql,
      kept,
      kept,
      delivery('customers/data_request', { customer: { id: 9 } }),
      delivery('themes/publish', { id: 1 }),
      delivery('orders/create', { id: 3 }),
    )
    await apply(sql, kept)
    const rows = await sql`
    select delivery_id, triggered_ns::text, convert_from(body, 'UTF8')::jsonb ->> 'id' as id
    from onsale.delivery_bodies`
    expect([...rows]).toEqual([{ delivery_id: 'kept', triggered_ns: '1793527200000000009', id: '2' }])
  },
)

check('where bodies are kept, excerpts are sent back undone and the bodies are sent', async (sql) => {
  await sql`select api.update_settings('EUR', null, null, true, 24)`
  const body = { ...order(), note: 'all of it' }
  const undone = await sql`
    select r.outcome
    from api.apply_deliveries(
      p_shops => '{demo.myshopify.com}', p_delivery_ids => '{a}', p_topics => '{orders/create}', p_triggered_ns => '{0}',
      p_event_ids => '{null}', p_api_versions => '{null}', p_bodies => ${JSON.stringify(body)}::text,
      p_body_lengths => array[${JSON.stringify(body).length}::integer], p_descriptions => '{null}', p_is_whole => false
    ) r`
  expect([...undone]).toEqual([])
  expect(await sql`select from onsale.deliveries`).toHaveLength(0)
  expect(await apply(sql, delivery('orders/create', body, { id: 'a' }))).toEqual(['applied'])
  const kept = await sql`select convert_from(body, 'UTF8') as body from onsale.delivery_bodies`
  expect([...kept]).toEqual([{ body: JSON.stringify(body) }])
})

check('test orders count by default', async (sql) => {
  await apply(sql, delivery('products/create', product()), delivery('orders/create', order({ test: true })))
  expect(await stockOf(sql)).toMatchObject({ sold: 1, available: 99 })
})

check('test orders are ignored where the settings say so', async (sql) => {
  await sql`select api.update_settings('EUR', null, null, false, 0)`
  const outcomes = await apply(
    sql,
    delivery('products/create', product()),
    delivery('orders/create', order({ test: true })),
    delivery('orders/create', order({ id: 501, test: false })),
  )
  expect(outcomes).toEqual(['applied', 'ignored', 'applied'])
  expect(await stockOf(sql)).toMatchObject({ sold: 1, available: 99 })
})

check(
  'a test order that was counted before the switch goes on being followed, a new one is not',
  async (sql) => {
    await apply(sql, delivery('products/create', product()), delivery('orders/create', order({ test: true })))
    await sql`select api.update_settings('EUR', null, null, false, 0)`
    const later = '2026-11-01T13:00:00+01:00'
    const outcomes = await apply(
      sql,
      delivery('orders/cancelled', order({ test: true, updated_at: later, cancelled_at: later })),
      delivery('orders/create', order({ id: 501, test: true })),
    )
    expect(outcomes).toEqual(['applied', 'ignored'])
    expect(await stockOf(sql)).toMatchObject({ sold: 0 })
  },
)

check('a date that is none is a fault of its body alone', async (sql) => {
  for (const updated_at of ['yesterday at noon', 'infinity', 'now', 7]) {
    const results = await applyAll(sql, [
      delivery('orders/create', order({ updated_at })),
      delivery('themes/publish', { id: 1 }),
    ])
    expect(results).toEqual([
      { outcome: 'failed', reason: 'updated_at is not an instant' },
      { outcome: 'ignored', reason: null },
    ])
  }
})

// Late -------------------------------------------------------------------------------------------------------

check('of two versions of one order the newer wins, whichever comes first', async (sql) => {
  await apply(sql, delivery('products/create', product()))
  const lines = (quantity: number) => [{ id: 1, variant_id: 11, quantity, current_quantity: quantity }]
  await expectAnyOrder(sql, [
    delivery('orders/create', order({ lines: lines(1) })),
    delivery('orders/updated', order({ lines: lines(2), updated_at: '2026-11-01T12:00:05+01:00' })),
    delivery('orders/updated', order({ lines: lines(3), updated_at: '2026-11-01T11:00:06Z' })),
  ])
  await apply(sql, delivery('orders/updated', order({ lines: lines(3), updated_at: '2026-11-01T11:00:06Z' })))
  expect(await apply(sql, delivery('orders/create', order({ lines: lines(1) })))).toEqual(['stale'])
  expect((await stockOf(sql))?.sold).toBe(3)
})

check('equal seconds are told apart by the nanosecond they were triggered', async (sql) => {
  await apply(sql, delivery('products/create', product()))
  const version = (quantity: number, at: string) =>
    delivery(
      'orders/updated',
      order({ lines: [{ id: 1, variant_id: 11, quantity, current_quantity: quantity }] }),
      {
        at,
      },
    )
  const state = await expectAnyOrder(sql, [
    version(1, '2026-11-01T11:00:00.100000001Z'),
    version(4, '2026-11-01T11:00:00.100000003Z'),
    version(2, '2026-11-01T11:00:00.100000002Z'),
  ])
  expect(state.stock).toMatchObject([{ sold: 4 }])
})

check('equal in everything is told apart by the id of the delivery', async (sql) => {
  await apply(sql, delivery('products/create', product()))
  const version = (quantity: number, id: string) =>
    delivery(
      'orders/updated',
      order({ lines: [{ id: 1, variant_id: 11, quantity, current_quantity: quantity }] }),
      {
        id,
      },
    )
  // By the byte, not by a language's rules: B stands before a.
  const state = await expectAnyOrder(sql, [version(1, 'B'), version(2, 'a'), version(3, 'A')])
  expect(state.stock).toMatchObject([{ sold: 2 }])
})

check('a delivery without Triggered-At is older than one of the same second that has it', async (sql) => {
  await apply(sql, delivery('products/create', product()))
  const lines = (quantity: number) => [{ id: 1, variant_id: 11, quantity, current_quantity: quantity }]
  const state = await expectAnyOrder(sql, [
    delivery('orders/updated', order({ lines: lines(1) }), { id: 'z' }),
    delivery('orders/updated', order({ lines: lines(2) }), { id: 'a', at: '2020-01-01T00:00:00Z' }),
  ])
  expect(state.stock).toMatchObject([{ sold: 2 }])
})

check('everything about one ticket in any order ends in the same rows', async (sql) => {
  const state = await expectAnyOrder(sql, [
    delivery('products/create', product(), { id: 'p' }),
    delivery('orders/create', order(), { id: 'o' }),
    delivery('inventory_levels/update', level(50), { id: 'l' }),
    delivery(
      'inventory_items/update',
      { id: 1011, tracked: true, updated_at: '2026-11-01T10:00:00Z' },
      { id: 'i' },
    ),
  ])
  expect(state.stock).toMatchObject([{ capacity: 50, sold: 1, available: 49, base: 50, taken: 1 }])
})

check('five hundred orders in one batch are one delta', async (sql) => {
  await apply(sql, delivery('products/create', product()))
  const batch = Array.from({ length: 500 }, (_, nth) => delivery('orders/create', order({ id: 1_000 + nth })))
  expect(new Set(await apply(sql, ...batch))).toEqual(new Set(['applied']))
  expect(await stockOf(sql)).toEqual({ capacity: 100, sold: 500, available: -400, base: 100, taken: 500 })
})
