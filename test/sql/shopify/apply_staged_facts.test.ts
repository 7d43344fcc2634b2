import { expect } from 'bun:test'
import { apply, delivery, level, order, product, stateOf, stockOf, variant } from '../../deliveries.ts'
import { scratchTests, sqlStateOf } from '../../scratch.ts'
import { applyFile, itemLines, orderLines, productLines, stagedRun } from '../../sync.ts'

const check = scratchTests()

const files = () => ({
  products: productLines({ variants: [{ id: 11 }, { id: 12, inventoryQuantity: 50 }] }),
  inventory: [
    ...itemLines({ levels: { 1: 60, 2: 30 } }),
    ...itemLines({ id: 1012, tracked: false, levels: {} }),
  ],
  orders: [
    ...orderLines({ id: 500, quantity: 2, at: '2026-11-01T08:00:00Z' }),
    ...orderLines({ id: 501, quantity: 3, at: '2026-11-01T11:00:00Z' }),
  ],
})

check('an empty mirror holds the shop afterwards', async (sql) => {
  const runId = await stagedRun(sql, files())
  expect(await applyFile(sql, { runId, kind: 'products' })).toBe(1)
  expect(await applyFile(sql, { runId, kind: 'inventory' })).toBe(2)
  expect(await applyFile(sql, { runId, kind: 'orders' })).toBe(2)
  // The second order is later than the levels.
  expect(await stockOf(sql, 11)).toEqual({ capacity: 92, sold: 5, available: 87, base: 90, taken: 3 })
  expect(await stockOf(sql, 12)).toMatchObject({ capacity: null, sold: 0 })
  const [event] = await sql`select title, status, category, shop from onsale.events`
  expect(event).toEqual({
    title: 'Rock Night',
    status: 'active',
    category: 'concert',
    shop: 'demo.myshopify.com',
  })
  const parts = await sql`
    select kind, applied_line::integer as line, applied_at is not null as is_applied, read_count::integer as facts,
      news_count::integer as news
    from onsale.sync_parts order by kind`
  expect(parts.map((part) => ({ ...part }))).toEqual([
    { kind: 'inventory', line: 4, is_applied: true, facts: 4, news: 4 },
    { kind: 'orders', line: 3, is_applied: true, facts: 2, news: 2 },
    { kind: 'products', line: 1, is_applied: true, facts: 1, news: 1 },
  ])
})

check('the order of the files and the size of the batches do not matter', async (sql) => {
  const inOrder = await stagedRun(sql, files())
  let state: unknown
  await sql
    .savepoint(async (first) => {
      for (const kind of ['products', 'inventory', 'orders'] as const)
        await applyFile(first, { runId: inOrder, kind })
      state = await stateOf(first)
      throw new Error('back')
    })
    .catch(() => {})
  for (const kind of ['orders', 'inventory', 'products'] as const)
    await applyFile(sql, { runId: inOrder, kind, limit: 1 })
  expect(await stateOf(sql)).toEqual(state as never)
})

check('lanes share a file, and it is applied when the last of them is through', async (sql) => {
  const products = Array.from({ length: 20 }, (_, nth) =>
    productLines({ id: 1 + nth, title: `Night ${nth}`, variants: [{ id: 100 + nth }] }),
  )
  const runId = await stagedRun(sql, { products: products.flat() })
  await sql`update onsale.sync_parts set lane_lines = '{0,0,0}'`
  const part = async () => {
    const [row] = await sql`
      select lane_lines::text as lanes, applied_line::integer as line, applied_at is not null as is_applied, read_count::integer as facts
      from onsale.sync_parts`
    return { ...row }
  }
  const counts: number[] = []
  for (const lane of [2, 3]) counts.push(await applyFile(sql, { runId, kind: 'products', limit: 3, lane }))
  expect(await part()).toMatchObject({ lanes: '{0,NULL,NULL}', is_applied: false })
  counts.push(await applyFile(sql, { runId, kind: 'products', limit: 3, lane: 1 }))
  expect(counts.every((count) => count > 0)).toBe(true)
  expect(counts.reduce((sum, count) => sum + count)).toBe(20)
  expect(await part()).toEqual({ lanes: '{NULL,NULL,NULL}', line: 39, is_applied: true, facts: 20 })
  expect(await sql`select from onsale.events`).toHaveLength(20)
  expect(await applyFile(sql, { runId, kind: 'products', lane: 2 })).toBe(0)
})

check('a lane that was stopped goes on behind its own last record', async (sql) => {
  const products = Array.from({ length: 20 }, (_, nth) =>
    productLines({ id: 1 + nth, variants: [{ id: 100 + nth }] }),
  )
  const runId = await stagedRun(sql, { products: products.flat() })
  await sql`update onsale.sync_parts set lane_lines = '{0,0}'`
  for (const lane of [1, 2])
    await sql`select from api.apply_staged_facts(p_run_id => ${runId}, p_kind => 'products', p_limit => 2, p_lane => ${lane})`
  let count = 4
  for (const lane of [1, 2]) count += await applyFile(sql, { runId, kind: 'products', lane })
  expect(count).toBe(20)
  const [part] =
    await sql`select read_count::integer as facts, news_count::integer as news from onsale.sync_parts`
  expect({ ...part }).toEqual({ facts: 20, news: 20 })
})

check('a second snapshot of the same shop is no news but for its date', async (sql) => {
  for (const startedAt of ['2026-11-01T12:00:00Z', '2026-11-01T13:00:00Z']) {
    const runId = await stagedRun(sql, files(), { startedAt })
    for (const kind of ['products', 'inventory', 'orders'] as const) await applyFile(sql, { runId, kind })
  }
  const [edits] = await sql`select version from onsale.events`
  expect(edits?.version).toBe(1)
  expect(await stockOf(sql, 11)).toMatchObject({ sold: 5, available: 87 })
})

check(
  'a webhook that was triggered after the start of the snapshot wins, before or after it is applied',
  async (sql) => {
    const at = '2026-11-01T09:00:00Z'
    const later = { at: '2026-11-01T12:00:01Z' }
    const told = [
      delivery('products/update', product({ title: 'Told', updated_at: at }), later),
      delivery('inventory_levels/update', level(7, { updated_at: '2026-11-01T10:00:00Z' }), later),
      delivery(
        'orders/updated',
        order({
          id: 500,
          at: '2026-11-01T08:00:00Z',
          lines: [{ id: 5001, variant_id: 11, quantity: 2, current_quantity: 1 }],
        }),
        later,
      ),
    ]
    const runId = await stagedRun(sql, files())
    await apply(sql, ...told.slice(0, 1))
    for (const kind of ['products', 'inventory', 'orders'] as const) await applyFile(sql, { runId, kind })
    await apply(sql, ...told.slice(1))
    const [event] = await sql`select title from onsale.events`
    expect(event?.title).toBe('Told')
    // One of the two of order 500 is wanted no more; of the locations the second is as the snapshot has it.
    expect(await stockOf(sql, 11)).toMatchObject({ sold: 4, base: 37 })
  },
)

check('a webhook that was triggered before it loses, where the record says the same instant', async (sql) => {
  const runId = await stagedRun(sql, files())
  for (const kind of ['products', 'inventory', 'orders'] as const) await applyFile(sql, { runId, kind })
  const old = delivery('products/update', product({ title: 'Old', updated_at: '2026-11-01T09:00:00Z' }), {
    at: '2026-11-01T11:59:59Z',
  })
  expect(await apply(sql, old)).toEqual(['stale'])
  const newer = delivery('products/update', product({ title: 'New', updated_at: '2026-11-01T09:00:01Z' }), {
    at: '2026-11-01T09:00:02Z',
  })
  expect(await apply(sql, newer)).toEqual(['applied'])
})

check('what was deleted does not come back', async (sql) => {
  await apply(sql, delivery('products/create', product({ variants: [variant(), variant({ id: 12 })] })))
  await apply(sql, delivery('products/delete', { id: 1 }, { at: '2026-11-01T11:00:00Z' }))
  await apply(sql, delivery('orders/delete', { id: 500 }))
  const runId = await stagedRun(sql, files())
  for (const kind of ['products', 'inventory', 'orders'] as const) await applyFile(sql, { runId, kind })
  const [event] = await sql`select deleted_at is not null as is_deleted from onsale.events`
  expect(event?.is_deleted).toBe(true)
  expect(await stockOf(sql, 11)).toMatchObject({ sold: 3 })
})

check('a stranger who was erased stays erased, and no customer is asked for', async (sql) => {
  await apply(
    sql,
    delivery('orders/create', order({ id: 500, at: '2026-11-01T08:00:00Z' }), { at: '2026-11-01T08:00:01Z' }),
  )
  const runId = await stagedRun(sql, files())
  await applyFile(sql, { runId, kind: 'orders' })
  const rows =
    await sql`select order_id::integer as id, customer_id::integer as customer from onsale.shopify_orders order by 1`
  expect(rows.map((row) => ({ ...row }))).toEqual([
    { id: 500, customer: 7500 },
    { id: 501, customer: null },
  ])
})

check('test orders count or not as the settings say', async (sql) => {
  await sql`update onsale.settings set counts_test_orders = false`
  const orders = [...orderLines({ id: 500, test: true }), ...orderLines({ id: 501 })]
  const runId = await stagedRun(sql, { products: productLines(), orders })
  for (const kind of ['products', 'orders'] as const) await applyFile(sql, { runId, kind })
  expect(await stockOf(sql, 11)).toMatchObject({ sold: 1 })
})

check('a body that lacks something is passed over and told', async (sql) => {
  const products = [
    ...productLines({ id: 1, title: null }),
    ...productLines({ id: 2, variants: [{ id: 21 }] }),
  ]
  const runId = await stagedRun(sql, { products })
  expect(await applyFile(sql, { runId, kind: 'products' })).toBe(2)
  const [part] = await sql`select fault_count::integer as count, faults from onsale.sync_parts`
  expect(part).toEqual({ count: 1, faults: [{ line: 1, reason: 'Product has no title' }] })
  expect(await sql`select from onsale.events`).toHaveLength(1)
})

check('a bad number undoes its batch, until the caller has it alone and passes it over', async (sql) => {
  const products = [
    ...productLines({ id: 1 }),
    ...productLines({ id: 2, variants: [{ id: 21, price: 'dear' }] }),
    ...productLines({ id: 3, variants: [{ id: 31 }] }),
  ]
  const runId = await stagedRun(sql, { products })
  const applyNext = (limit: number, fault: string | null = null) =>
    sqlStateOf(
      sql,
      (inner) => inner`select from api.apply_staged_facts(${runId}, 'products', ${limit}, ${fault})`,
    )
  expect(await applyNext(3)).toBe('22P02')
  expect(await applyNext(1)).toBeNull()
  expect(await applyNext(1)).toBe('22P02')
  expect(await applyNext(1, 'invalid input syntax')).toBeNull()
  expect(await applyFile(sql, { runId, kind: 'products' })).toBe(1)
  const [part] = await sql`select fault_count::integer as count, faults from onsale.sync_parts`
  expect(part).toEqual({ count: 1, faults: [{ line: 3, reason: 'invalid input syntax' }] })
  const ids = await sql`select product_id::integer as id from onsale.shopify_products order by 1`
  expect(ids.map(({ id }) => id)).toEqual([1, 3])
})
