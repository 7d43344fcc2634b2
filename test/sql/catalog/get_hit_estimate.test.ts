import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { rollbackTest, type TestDatabase, testDatabase } from '../../harness.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await testDatabase({ connections: 2 })
  await database.admin`
    select api.apply_seed(p_first => 1, p_count => 3000, p_shop => 'seed.myshopify.com', p_now => '2026-11-01T10:00:00Z')`
})
afterAll(() => database.drop())

/** On 3,000 events, as if their table were large enough for a sample of a tenth. */
function check(name: string, work: (sql: TransactionSql) => Promise<void>): void {
  test(name, () =>
    rollbackTest(database.admin, async (sql) => {
      await sql`update pg_class set relpages = 3000 where oid = 'onsale.events'::regclass`
      await work(sql)
    }),
  )
}

async function estimate(sql: TransactionSql, query: string, category: string | null = null): Promise<number> {
  const [row] = await sql<{ count: number }[]>`
    select api.get_hit_estimate(
      p_query => ${query}::text::tsquery, p_category => ${category}::text,
      p_from => '-infinity', p_to => 'infinity', p_over_from => '2026-11-01'
    )::integer as count`
  return row!.count
}

async function countOf(sql: TransactionSql, query: string, category: string | null = null): Promise<number> {
  const [row] = await sql<{ count: number }[]>`
    select count(*)::integer as count from onsale.events e
    where e.status = 'active' and e.over_at >= '2026-11-01' and e.search @@ ${query}::text::tsquery
      and coalesce(e.category = ${category}::text, true)`
  return row!.count
}

check('a sample of a large table tells about how many there are', async (sql) => {
  for (const [query, category] of [
    ["'the'", null],
    ["'songs'", null],
    ["'the'", 'concert'],
  ] as const) {
    const ratio = (await estimate(sql, query, category)) / (await countOf(sql, query, category))
    expect(ratio).toBeWithin(0.6, 1.6)
  }
  expect(await estimate(sql, "'xylophone'")).toBe(0)
})

check('the same question has the same answer', async (sql) => {
  expect(await estimate(sql, "'live'")).toBe(await estimate(sql, "'live'"))
})

check('what is not public is not counted', async (sql) => {
  const before = await estimate(sql, "'the'")
  await sql`update onsale.events set status = 'draft' where id % 2 = 0`
  expect(await estimate(sql, "'the'")).toBeLessThan(before * 0.7)
})

check('a small table, and one that was never analyzed, is not worth a look', async (sql) => {
  for (const pages of [2999, 0, -1]) {
    await sql`update pg_class set relpages = ${pages} where oid = 'onsale.events'::regclass`
    expect(await estimate(sql, "'the'")).toBe(0)
  }
})
