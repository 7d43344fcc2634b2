import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { rollbackTest, type TestDatabase, testDatabase } from '../../harness.ts'

// One table for the file, which nobody writes to: large enough to be sampled, and for a word with very many hits.
const eventCount = 24_000
const now = '2026-11-01T10:00:00Z'
const searchSorts = ['relevance', 'starts_at', '-starts_at', 'title']
let database: TestDatabase

beforeAll(async () => {
  database = await testDatabase({ connections: 2 })
  const half = eventCount / 2
  await Promise.all(
    [1, half + 1].map(
      (first) => database.admin`
        select api.apply_seed(
          p_first => ${first}, p_count => ${half}, p_shop => 'seed.myshopify.com', p_now => ${now}::text::timestamptz
        )`,
    ),
  )
  await database.admin.unsafe('vacuum (analyze) onsale.events')
}, 60_000)
afterAll(() => database.drop())

function check(name: string, work: (sql: TransactionSql) => Promise<void>): void {
  test(name, () => rollbackTest(database.admin, work), 30_000)
}

type Page = {
  events: { id: number }[]
  next_cursor: string | null
  total: number | null
  total_relation: string | null
}

type Ask = {
  search?: string
  sort?: string
  category?: string
  from?: string
  to?: string
  limit?: number
  offset?: number
  cursor?: string | null
}

/** A page of the list or of the search, as a client would ask for it. */
async function pageOf(sql: TransactionSql, ask: Ask): Promise<Page> {
  const {
    search,
    sort = 'starts_at',
    category = null,
    from = null,
    to = null,
    limit = 20,
    offset = 0,
    cursor,
  } = ask
  const position = cursor ? JSON.parse(Buffer.from(cursor, 'base64url').toString()) : null
  const parameters = sql`
    p_sort => ${sort}, p_category => ${category}::text,
    p_from => ${from}::text::timestamptz, p_to => ${to}::text::timestamptz, p_limit => ${limit}::integer,
    p_offset => ${position ? null : offset}::integer, p_after_key => ${position?.[1] ?? null}::text,
    p_after_id => ${position?.[2] ?? null}::bigint, p_now => ${now}::text::timestamptz`
  const [row] =
    search === undefined
      ? await sql<{ body: Page }[]>`select r.body from api.list_events(${parameters}) r`
      : await sql<
          { body: Page }[]
        >`select r.body from api.search_events(p_search => ${search}, ${parameters}) r`
  return row!.body
}

async function commonHits(
  sql: TransactionSql,
  {
    query = "'the'",
    sort = 'starts_at',
    category = null as string | null,
    limit = 20,
    offset = 0,
    after = null as { score?: number; key?: string; at?: string; id: number } | null,
  },
) {
  const [row] = await sql<{ ids: number[] | null; scores: number[] | null }[]>`
    select array_to_json(h.ids) as ids, array_to_json(h.scores::real[]) as scores
    from api.list_common_hits(
      p_query => ${query}::text::tsquery, p_exact => ${query}::text::tsquery, p_sort => ${sort},
      p_category => ${category}::text, p_from => ${now}::text::timestamptz, p_to => 'infinity',
      p_over_from => ${now}::text::timestamptz, p_running_at => ${now}::text::timestamptz,
      p_limit => ${limit}, p_offset => ${offset}, p_after_score => ${after?.score ?? null}::real,
      p_after_key => ${after?.key ?? null}::text, p_after_at => ${after?.at ?? null}::text::timestamptz,
      p_after_id => ${after?.id ?? null}::bigint
    ) h`
  return row!
}

async function rareHits(
  sql: TransactionSql,
  { query = "'the'", sort = 'starts_at', category = null as string | null, limit = 20, offset = 0 },
) {
  const [row] = await sql<{ ids: number[] | null; scores: number[] | null }[]>`
    select array_to_json(h.ids) as ids, array_to_json(h.scores::real[]) as scores
    from api.list_rare_hits(
      p_query => ${query}::text::tsquery, p_exact => ${query}::text::tsquery, p_sort => ${sort},
      p_category => ${category}::text, p_from => '-infinity', p_to => 'infinity',
      p_over_from => ${now}::text::timestamptz, p_limit => ${limit}, p_offset => ${offset}, p_after_score => null,
      p_after_key => null, p_after_at => null, p_after_id => null
    ) h`
  return row!
}

describe('hits along the dates', () => {
  for (const sort of ['starts_at', '-starts_at', 'title']) {
    check(`by ${sort} they are those that the index of words finds`, async (sql) => {
      for (const ask of [
        { sort, query: "'live'" },
        { sort, category: 'jazz', offset: 100 },
        { sort, query: "'songs' & 'vip'" },
        { sort, query: "'jansen'", limit: 3 },
      ]) {
        expect((await commonHits(sql, ask)).ids).toEqual((await rareHits(sql, ask)).ids)
      }
    })
  }

  check('where all hits are ranked, both ways rank them the same', async (sql) => {
    const ask = { sort: 'relevance', query: "'jansen' & 'silver'", limit: 200 }
    const hits = await commonHits(sql, ask)
    expect(hits).toEqual(await rareHits(sql, ask))
    expect(hits.ids!.length).toBeWithin(5, 200)
  })

  check('the soonest 300 are ranked and come first, the others follow by date', async (sql) => {
    const { ids, scores } = await commonHits(sql, { sort: 'relevance', limit: 999 })
    expect(scores).toHaveLength(1000)
    expect(scores!.filter((score) => score !== -1)).toHaveLength(300)
    expect(scores).toEqual(scores!.toSorted((one, other) => other - one))
    const byDate = (await commonHits(sql, { limit: 999 })).ids!
    expect(new Set(ids!.slice(0, 300))).toEqual(new Set(byDate.slice(0, 300)))
    expect(ids!.slice(300)).toEqual(byDate.slice(300))
  })

  check('a word that nobody wrote has no hits', async (sql) => {
    for (const sort of ['relevance', 'starts_at', '-starts_at', 'title']) {
      expect((await commonHits(sql, { sort, query: "'xylophone'" })).ids).toBeNull()
    }
  })
})

// What a page may read of the table's 24,000 rows, in entries of indexes and rows behind them: with numbered pages
// up to 10,001 entries are counted, after a cursor nothing is, but by title, where the number decides the way.
for (const [what, ask, sorts, firstReadsMax, nextReadsMax] of [
  ['a list', {}, ['starts_at', '-starts_at'], 10_300, 300],
  ['a list', {}, ['title'], 10_300, 10_300],
  ['a list of one category', { category: 'jazz' }, ['starts_at', '-starts_at'], 1500, 300],
  ['a list of one category', { category: 'jazz' }, ['title'], 4000, 4000],
  ['a search for a rare word', { search: 'jansen silver' }, searchSorts, 300, 300],
  ['a search for a word that most events have', { search: 'the' }, searchSorts, 1500, 1500],
] as [string, Ask, string[], number, number][]) {
  for (const sort of sorts) {
    check(`${what} by ${sort}: pages and cursor show the same, each event once`, async (sql) => {
      const { events } = await pageOf(sql, { ...ask, sort, limit: 700 })
      const whole = events.map(({ id }) => id)
      const byPage: number[] = []
      const byCursor: number[] = []
      let cursor: string | null = null
      for (let offset = 0; offset < whole.length; offset += 100) {
        const page = await pageOf(sql, { ...ask, sort, limit: 100, offset })
        byPage.push(...page.events.map(({ id }) => id))
        const next: Page = await pageOf(sql, { ...ask, sort, limit: 100, cursor })
        byCursor.push(...next.events.map(({ id }) => id))
        cursor = next.next_cursor
      }
      expect(new Set(whole).size).toBe(whole.length)
      expect(byPage).toEqual(whole)
      expect(byCursor).toEqual(whole)
    })

    check(`a page of ${what} by ${sort} never reads the whole table`, async (sql) => {
      const first = await readBy(sql, () => pageOf(sql, { ...ask, sort, limit: 5 }))
      expect(first.page.events).toHaveLength(5)
      expect(first.scans).toBe(0)
      expect(first.reads).toBeLessThan(firstReadsMax)
      const deep = await pageOf(sql, { ...ask, sort, offset: ask.search === 'the' ? 300 : 0 })
      const cursor = deep.next_cursor ?? first.page.next_cursor
      const next = await readBy(sql, () => pageOf(sql, { ...ask, sort, limit: 5, cursor }))
      expect(next.page.events.length).toBeGreaterThan(0)
      expect(next.scans).toBe(0)
      expect(next.reads).toBeLessThan(nextReadsMax)
    })
  }
}

/** What `work` read of the events: scans of the whole table, and entries of its indexes with the rows behind them. */
async function readBy(sql: TransactionSql, work: () => Promise<Page>) {
  const readSoFar = async () => {
    const [row] = await sql<{ scans: number; reads: number }[]>`
      select
        pg_stat_get_xact_numscans('onsale.events'::regclass)::integer as scans,
        (
          pg_stat_get_xact_tuples_fetched('onsale.events'::regclass)
          + sum(pg_stat_get_xact_tuples_returned(i.indexrelid))
        )::integer as reads
      from pg_index i
      where i.indrelid = 'onsale.events'::regclass`
    return row!
  }
  const before = await readSoFar()
  const page = await work()
  const after = await readSoFar()
  return { page, scans: after.scans - before.scans, reads: after.reads - before.reads }
}
