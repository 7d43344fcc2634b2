import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { ReservedSql } from 'postgres'
import type { Session } from '../../../src/platform/database.ts'
import { addEvent } from '../../catalog.ts'
import { rollbackTest, type TestDatabase, testDatabase } from '../../harness.ts'

// One table for the file, large enough for blocks of all kinds: what has happened, what is to come, what has no date. Half
// of the tests look at it as the bitmaps know it, the other half after edits that they do not know.
const eventCount = 6_000
const now = '2026-11-01T10:00:00Z'
let database: TestDatabase

beforeAll(async () => {
  database = await testDatabase({ connections: 2 })
  const { admin } = database
  await admin`
    select api.apply_seed(
      p_first => 1, p_count => ${eventCount}, p_shop => 'seed.myshopify.com', p_now => ${now}::text::timestamptz
    )`
  // Many that start at one instant, on both sides of a block's end.
  await admin`update onsale.events set starts_at = '2026-12-24T20:00:00Z', ends_at = null where id % 9 = 0`
  await admin`update onsale.events set starts_at = '2026-10-20T20:00:00Z', ends_at = '2027-02-01' where id % 70 = 0`
  await admin`update onsale.events set starts_at = '2027-01-10', ends_at = '2026-01-01' where id % 300 = 0`
  for (;;) {
    const [row] = await admin<{ taken: number }[]>`
      select api.apply_search_changes(p_changes_min => 1, p_block_events => 500) as taken`
    if (row!.taken === 0) break
  }
  await admin.unsafe('vacuum (analyze)')
}, 60_000)
afterAll(() => database.drop())

function check(name: string, work: (sql: Session) => Promise<void>): void {
  test(name, () => rollbackTest(database.admin, work), 60_000)
}

type Ask = {
  search?: string
  category?: string | null
  from?: string | null
  to?: string
  isDescending?: boolean
  after?: { at: string; id: number } | null
  offset?: number
  limit?: number
  countMin?: number
}

type Hits = { ids: number[]; starts: string[]; count: number }

/** What a caller gets; without `from`, what is not over at `now`. */
async function hitsOf(sql: Session, ask: Ask = {}): Promise<Hits> {
  const { search = null, category = null, from = null, to = 'infinity', isDescending = false, after } = ask
  const [row] = await sql<Hits[]>`
    select
      coalesce(array_to_json(h.ids), '[]') as ids, coalesce(array_to_json(h.starts), '[]') as starts,
      h.hit_count::integer as count
    from api.get_search_terms(${search}) t
    cross join lateral api.list_hits(
      p_words => coalesce(t.words, '{}'), p_groups => coalesce(t.groups, '{}'), p_query => t.query,
      p_category => ${category}::text, p_from => coalesce(${from}::text, ${now})::timestamptz,
      p_to => ${to}::text::timestamptz,
      p_over_from => case when ${from}::text is null then ${now}::text else '-infinity' end::timestamptz,
      p_running_at => case when ${from}::text is null then ${now}::text::timestamptz end,
      p_is_descending => ${isDescending}::boolean,
      p_after_at => ${after?.at ?? null}::text::timestamptz, p_after_id => ${after?.id ?? null}::bigint,
      p_offset => ${ask.offset ?? 0}::integer, p_limit => ${ask.limit ?? 100_000}::integer,
      p_count_min => ${ask.countMin ?? 100_000}::integer
    ) h`
  return row!
}

/** The same by looking at every event. */
async function truthOf(sql: Session, ask: Ask = {}): Promise<{ id: number; at: string }[]> {
  const { search = null, category = null, from = null, to = 'infinity', isDescending = false } = ask
  const rows = await sql<{ id: number; at: string }[]>`
    select e.id::integer as id, e.sort_starts_at::text as at
    from onsale.events e
    cross join api.get_search_terms(${search}) t
    where e.status = 'active' and e.deleted_at is null
      and (t.query is null or e.search @@ t.query)
      and (${category}::text is null or e.category = ${category})
      and e.sort_starts_at <= ${to}::text::timestamptz
      and case when ${from}::text is null then e.over_at >= ${now}::text::timestamptz
        else e.sort_starts_at >= ${from}::text::timestamptz end
    order by e.sort_starts_at, e.id`
  return isDescending ? [...rows].reverse() : [...rows]
}

const asks: Record<string, Ask> = {
  'every event': {},
  'a category': { category: 'jazz' },
  'no such category': { category: 'opera' },
  'a word that most have': { search: 'the' },
  'a word': { search: 'velvet' },
  'a beginning': { search: 'ma' },
  'two words': { search: 'velvet berlin' },
  'three words, one of them a beginning': { search: 'concert with s' },
  'a word that nobody wrote': { search: 'xylophone' },
  'a word that nobody wrote beside one that most have': { search: 'the xylophone' },
  'a word in a category': { search: 'songs', category: 'concert' },
  'from an instant on': { from: '2026-12-01', search: 'live' },
  'up to an instant': { to: '2026-12-24T20:00:00Z', search: 'live' },
  'a range with an end where many start': { from: '2026-12-24T20:00:00Z', to: '2027-03-01', search: 'the' },
  'a single instant': { from: '2026-12-24T20:00:00Z', to: '2026-12-24T20:00:00Z' },
  'the past as well': { from: '2001-01-01', search: 'silver' },
  'only what has no date': { from: '2090-01-01' },
  'nothing at all': { from: '2090-01-01', to: '2091-01-01' },
}

/** Edits of all kinds that the bitmaps have not taken in. */
async function edit(sql: Session): Promise<void> {
  await sql`update onsale.events set title = 'Velvet Berlin Maria' where id % 200 = 1`
  await sql`update onsale.events set title = 'Nothing of this', subtitle = null, description = null where id % 200 = 2`
  await sql`update onsale.events set starts_at = starts_at + interval '40 days', ends_at = null where id % 200 = 3`
  await sql`update onsale.events set starts_at = null where id % 200 = 4`
  await sql`update onsale.events set status = 'draft' where id % 200 = 5`
  await sql`update onsale.events set deleted_at = ${now} where id % 200 = 6`
  await sql`update onsale.events set category = 'jazz' where id % 200 = 7`
  await sql`update onsale.events set ends_at = '2026-10-01' where id % 200 = 8`
  await sql`update onsale.events set status = 'active' where status = 'draft' and id % 2 = 0`
  await addEvent(sql, { title: 'Velvet Newcomer', startsAt: '2026-11-05', category: 'jazz' })
  await addEvent(sql, { title: 'The Velvet Season', startsAt: '2026-09-05', endsAt: '2027-09-05' })
}

/** One edit of so many that the list of changes does not tell what they are, and others after it. */
async function editMany(sql: Session): Promise<void> {
  await sql`
    update onsale.events set
      subtitle = case when id % 3 = 0 then 'velvet' end, starts_at = starts_at + interval '1 day',
      ends_at = ends_at + interval '1 day'
    where id % 4 = 0`
  await edit(sql)
}

for (const [state, prepare] of [
  ['as the bitmaps know them', async () => {}],
  ['with edits that they do not know', edit],
  ['with edits of very many that they do not know', editMany],
] as const) {
  describe(`hits ${state}`, () => {
    // Edited once, for tests that only read.
    let sql: ReservedSql
    beforeAll(async () => {
      sql = await database.admin.reserve()
      await sql`begin`
      await prepare(sql)
    }, 60_000)
    afterAll(async () => {
      await sql`rollback`
      sql.release()
    })

    for (const [what, ask] of Object.entries(asks)) {
      test(`${what}: those that there are, in either order, and how many`, async () => {
        for (const isDescending of [false, true]) {
          const truth = await truthOf(sql, { ...ask, isDescending })
          const hits = await hitsOf(sql, { ...ask, isDescending })
          expect(hits.ids).toEqual(truth.map(({ id }) => id))
          expect(hits.starts.map((at) => new Date(at).getTime())).toEqual(
            truth.map(({ at }) => new Date(at).getTime()),
          )
          expect(hits.count).toBe(truth.length)
        }
      })

      test(`${what}: a page is a part of them, by number and by position`, async () => {
        for (const isDescending of [false, true]) {
          const truth = await truthOf(sql, { ...ask, isDescending })
          const ids = truth.map(({ id }) => id)
          for (const offset of [0, 1, 7, 95, 700, Math.max(0, truth.length - 3), truth.length + 5]) {
            const page = { ...ask, isDescending, limit: 8, countMin: 0 }
            expect((await hitsOf(sql, { ...page, offset })).ids).toEqual(ids.slice(offset, offset + 8))
            const before = truth[offset - 1]
            if (before === undefined) continue
            expect((await hitsOf(sql, { ...page, after: before })).ids).toEqual(ids.slice(offset, offset + 8))
          }
        }
      })
    }
  })
}

describe('the count', () => {
  check('is exact below what must be counted, and no less than that from there on', async (sql) => {
    const all = (await truthOf(sql)).length
    for (const countMin of [1, 500, all - 1, all]) {
      const { count } = await hitsOf(sql, { limit: 0, countMin })
      expect(count).toBeWithin(countMin, all + 1)
    }
    expect(await hitsOf(sql, { limit: 0, countMin: all + 1 })).toEqual({ ids: [], starts: [], count: all })
  })

  check('needs no page, and a page no count', async (sql) => {
    const { count, ids } = await hitsOf(sql, { search: 'velvet', limit: 0, countMin: 10_001 })
    expect([count, ids]).toEqual([(await truthOf(sql, { search: 'velvet' })).length, []])
  })
})

check('a position far from any hit goes on at the next one', async (sql) => {
  const truth = await truthOf(sql, { search: 'the' })
  const ids = truth.map(({ id }) => id)
  const ask = { search: 'the', limit: 5 }
  expect((await hitsOf(sql, { ...ask, after: { at: '2001-01-01', id: 5 } })).ids).toEqual(ids.slice(0, 5))
  expect((await hitsOf(sql, { ...ask, after: { at: 'infinity', id: 1e9 } })).ids).toEqual([])
  const undated = truth.filter(({ at }) => at === 'infinity').map(({ id }) => id)
  expect(undated.length).toBeGreaterThan(1)
  expect((await hitsOf(sql, { ...ask, limit: 99, after: { at: 'infinity', id: undated[0]! } })).ids).toEqual(
    undated.slice(1),
  )
})

check('what the bitmaps know is not looked up among the events', async (sql) => {
  const readSoFar = async () => {
    const [row] = await sql<{ reads: number }[]>`
      select pg_stat_get_xact_tuples_fetched('onsale.events'::regclass)::integer as reads`
    return row!.reads
  }
  const before = await readSoFar()
  const { count, ids } = await hitsOf(sql, {
    search: 'the live',
    from: '2026-11-02',
    limit: 20,
    countMin: 10_001,
  })
  expect(ids).toHaveLength(20)
  expect(count).toBeGreaterThan(500)
  // Those that end before they start are.
  expect((await readSoFar()) - before).toBeLessThan(50)
})
