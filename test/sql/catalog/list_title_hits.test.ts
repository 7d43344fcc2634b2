import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { rollbackTest, type TestDatabase, testDatabase } from '../../harness.ts'

// One table for the file, which nobody writes to. Whichever way is taken, few hits looked up or many met along the titles,
// the page is the same: the number of hits that is told decides.
const eventCount = 6_000
const now = '2026-11-01T10:00:00Z'
const many = 1_000_000
let database: TestDatabase

beforeAll(async () => {
  database = await testDatabase({ connections: 2 })
  await database.admin`
    select api.apply_seed(
      p_first => 1, p_count => ${eventCount}, p_shop => 'seed.myshopify.com', p_now => ${now}::text::timestamptz
    )`
  await database.admin`select api.apply_search_changes()`
  // Of the bitmaps, too: where no statistics know of them, to look all hits up takes 1.4 s instead of 25 ms.
  await database.admin.unsafe('vacuum (analyze)')
}, 60_000)
afterAll(() => database.drop())

function check(name: string, work: (sql: TransactionSql) => Promise<void>): void {
  test(name, () => rollbackTest(database.admin, work), 60_000)
}

type Ask = {
  search?: string
  category?: string | null
  from?: string | null
  to?: string
  after?: { key: string; id: number } | null
  offset?: number
  limit?: number
  told?: number
}

async function titleHits(sql: TransactionSql, ask: Ask): Promise<number[]> {
  const { search = null, category = null, from = null, to = 'infinity', after } = ask
  const [row] = await sql<{ ids: number[] | null }[]>`
    select array_to_json(api.list_title_hits(
      p_words => coalesce(t.words, '{}'), p_groups => coalesce(t.groups, '{}'), p_query => t.query,
      p_category => ${category}::text, p_from => coalesce(${from}::text, ${now})::timestamptz,
      p_to => ${to}::text::timestamptz,
      p_over_from => case when ${from}::text is null then ${now}::text else '-infinity' end::timestamptz,
      p_running_at => case when ${from}::text is null then ${now}::text::timestamptz end,
      p_after_key => ${after?.key ?? null}::text, p_after_id => ${after?.id ?? null}::bigint,
      p_offset => ${ask.offset ?? 0}::integer, p_limit => ${ask.limit ?? 20}::integer,
      p_hit_count => ${ask.told ?? many}::bigint
    )) as ids
    from api.get_search_terms(${search}) t`
  return row!.ids ?? []
}

async function truthOf(sql: TransactionSql, ask: Ask): Promise<{ id: number; key: string }[]> {
  const { search = null, category = null, from = null, to = 'infinity' } = ask
  return await sql<{ id: number; key: string }[]>`
    select e.id::integer as id, e.title_key as key
    from onsale.events e
    cross join api.get_search_terms(${search}) t
    where e.status = 'active' and (t.query is null or e.search @@ t.query)
      and (${category}::text is null or e.category = ${category})
      and e.sort_starts_at <= ${to}::text::timestamptz
      and case when ${from}::text is null then e.over_at >= ${now}::text::timestamptz
        else e.sort_starts_at >= ${from}::text::timestamptz end
    order by e.title_key collate "C", e.id`
}

for (const [what, ask] of [
  ['every event', {}],
  ['a category', { category: 'jazz' }],
  ['a range of time', { from: '2026-12-01', to: '2026-12-20' }],
  ['a word', { search: 'velvet' }],
  ['a word that titles begin with', { search: 'zoe' }],
  ['two words', { search: 'velvet berlin' }],
  ['nothing', { search: 'xylophone' }],
] as [string, Ask][]) {
  check(`${what}: the same page by either way, by number and by position`, async (sql) => {
    const truth = await truthOf(sql, ask)
    const ids = truth.map(({ id }) => id)
    for (const told of [1, many]) {
      for (const offset of [0, 3, 40, Math.max(0, ids.length - 2), ids.length + 1]) {
        const page = ids.slice(offset, offset + 8)
        expect(await titleHits(sql, { ...ask, told, offset, limit: 7 })).toEqual(page)
        const after = truth[offset - 1]
        if (after !== undefined) expect(await titleHits(sql, { ...ask, told, after, limit: 7 })).toEqual(page)
      }
    }
  })
}

check('hits that are far from each other along the titles are looked up after all', async (sql) => {
  await sql`update onsale.events set title = 'Zzz Zenith ' || id where id % 100 = 0`
  const truth = await truthOf(sql, { search: 'zenith' })
  const ids = truth.map(({ id }) => id)
  const told = ids.length + 40
  // More titles are before them than are passed by for so many hits.
  const passedMax = (3 * 6 * eventCount) / told + 1000
  const [row] = await sql<{ before: number }[]>`
    select count(*)::integer as before from onsale.events
    where status = 'active' and over_at >= ${now}::text::timestamptz and title_key collate "C" < ${truth[0]!.key}`
  expect(row!.before).toBeGreaterThan(passedMax)
  expect(await titleHits(sql, { search: 'zenith', told, limit: 5 })).toEqual(ids.slice(0, 6))
})
