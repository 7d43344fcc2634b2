import { expect, test } from 'bun:test'
import { openPool, serviceRole } from '../../src/platform/database.ts'
import { applyAll, delivery, level, order, product } from '../deliveries.ts'
import { expectVerified, testDatabase } from '../harness.ts'

test('five thousand sales of one ticket are updates in place (HOT), and the row stays on few pages', async () => {
  const database = await testDatabase({ connections: 2 })
  const pool = openPool(database.url, { name: 'hot', max: 1, role: serviceRole })
  await applyAll(pool, [delivery('products/create', product())])
  for (let from = 0; from < 5_000; from += 10) {
    const batch = Array.from({ length: 10 }, (_, nth) =>
      delivery('orders/create', order({ id: 1 + from + nth })),
    )
    // A level now and then, as when stock is restocked.
    if (from % 500 === 0) {
      const updated_at = new Date(Date.UTC(2026, 10, 1, 10, 30, from / 500)).toISOString()
      batch.push(delivery('inventory_levels/update', level(5_000 - from, { updated_at })))
    }
    await applyAll(pool, batch)
  }
  // A backend tells the statistics when it goes at the latest.
  await pool.end({ timeout: 1 })
  let rows: Record<string, number>[] = []
  for (const deadline = performance.now() + 10_000; performance.now() < deadline; await Bun.sleep(5)) {
    await database.admin`select pg_stat_clear_snapshot()`
    rows = await database.admin`
      select relname, n_tup_upd::integer as updates, n_tup_hot_upd::integer as hot,
        (pg_relation_size(relid) / 8192)::integer as pages
      from pg_stat_user_tables where schemaname = 'onsale' and relname in ('stock', 'event_revisions')
      order by relname`
    if (rows.every((row) => row.updates! >= 500)) break
  }
  for (const { relname, updates, hot, pages } of rows) {
    expect([relname, updates! >= 500]).toEqual([relname, true])
    expect(hot! / updates!).toBeGreaterThanOrEqual(0.95)
    expect(pages).toBeLessThan(10)
  }
  expect(rows).toHaveLength(2)
  const [stock] = await database.admin`select sold::integer from onsale.stock`
  expect(stock).toEqual({ sold: 5_000 })
  await expectVerified(database.admin)
  await database.drop()
}, 60_000)
