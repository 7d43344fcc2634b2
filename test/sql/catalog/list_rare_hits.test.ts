import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { addEvent, type TestEvent } from '../../catalog.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

type Ask = {
  query?: string
  exact?: string
  sort?: string
  category?: string | null
  from?: string
  to?: string
  overFrom?: string
  limit?: number
  offset?: number
  after?: { score?: number; key?: string; at?: string; id: number } | null
}

async function rareHits(
  sql: TransactionSql,
  {
    query = "'rock':*",
    exact = "'rock'",
    sort = 'starts_at',
    category = null,
    from = '-infinity',
    to = 'infinity',
    overFrom = '2098-01-01T00:00:00Z',
    limit = 20,
    offset = 0,
    after = null,
  }: Ask = {},
) {
  const [row] = await sql<{ ids: number[] | null; scores: number[] | null; count: number }[]>`
    select array_to_json(h.ids) as ids, array_to_json(h.scores::real[]) as scores, h.hit_count::integer as count
    from api.list_rare_hits(
      p_query => ${query}::text::tsquery, p_exact => ${exact}::text::tsquery, p_sort => ${sort},
      p_category => ${category}::text, p_from => ${from}::text::timestamptz, p_to => ${to}::text::timestamptz,
      p_over_from => ${overFrom}::text::timestamptz, p_limit => ${limit}, p_offset => ${offset},
      p_after_score => ${after?.score ?? null}::real, p_after_key => ${after?.key ?? null}::text,
      p_after_at => ${after?.at ?? null}::text::timestamptz, p_after_id => ${after?.id ?? null}::bigint
    ) h`
  return row!
}

const idsOf = async (sql: TransactionSql, ask?: Ask) => (await rareHits(sql, ask)).ids ?? []

const day = (nth: number) => `2098-06-${String(nth).padStart(2, '0')}T19:00:00Z`

async function addEvents(sql: TransactionSql, events: TestEvent[]): Promise<number[]> {
  const ids: number[] = []
  for (const event of events) ids.push(await addEvent(sql, { tickets: [], ...event }))
  return ids
}

check('hits come in the order asked for, those without a date at the end of time', async (sql) => {
  const [b, a, undated, c] = await addEvents(sql, [
    { title: 'Rock B', startsAt: day(2) },
    { title: 'rock a', startsAt: day(3) },
    { title: 'Rock Ö', startsAt: null },
    { title: 'Rock C', startsAt: day(1) },
    { title: 'Jazz', startsAt: day(1) },
  ])
  expect(await rareHits(sql)).toMatchObject({ ids: [c!, b!, a!, undated!], count: 4 })
  expect(await idsOf(sql, { sort: '-starts_at' })).toEqual([undated!, a!, b!, c!])
  expect(await idsOf(sql, { sort: 'title' })).toEqual([a!, b!, c!, undated!])
})

check('by relevance words as they were typed come first, then the title, then the soonest', async (sql) => {
  const [beginning, inText, late, soon] = await addEvents(sql, [
    { title: 'Rocket', startsAt: day(1) },
    { title: 'Gala', description: 'A rock evening', startsAt: day(1) },
    { title: 'Rock', startsAt: day(9) },
    { title: 'Rock', startsAt: day(8) },
  ])
  const { ids, scores } = await rareHits(sql, { sort: 'relevance' })
  expect(ids).toEqual([soon!, late!, inText!, beginning!])
  expect(scores!.map((score) => score > 10)).toEqual([true, true, true, false])
  expect(scores![0]).toBe(scores![1]!)
})

check('of more than 500 hits the soonest are ranked, and the others follow by date', async (sql) => {
  await sql`
    insert into onsale.events (title, status, starts_at, currency)
    select 'Rocket ' || n, 'active', timestamptz '2098-06-01' + n * interval '1 hour', 'EUR'
    from generate_series(1, 503) as n`
  await sql`insert into onsale.event_revisions (event_id, revision) select id, 1 from onsale.events`
  const best = await addEvent(sql, { title: 'Rock', startsAt: '2099-01-01T00:00:00Z', tickets: [] })
  const { ids, scores, count } = await rareHits(sql, { sort: 'relevance', limit: 10, offset: 498 })
  expect(count).toBe(504)
  expect(scores!.map((score) => score === -1)).toEqual([false, false, true, true, true, true])
  expect(ids).toEqual(ids!.toSorted((one, other) => one - other))
  expect(ids!.at(-1)).toBe(best)
})

check('one id more than the page tells that there is another', async (sql) => {
  const ids = await addEvents(
    sql,
    [1, 2, 3].map((nth) => ({ startsAt: day(nth) })),
  )
  expect(await rareHits(sql, { limit: 2 })).toMatchObject({ ids, count: 3 })
  expect(await rareHits(sql, { limit: 2, offset: 2 })).toMatchObject({ ids: [ids[2]!], count: 3 })
  expect(await rareHits(sql, { limit: 2, offset: 9 })).toMatchObject({ ids: null, scores: null, count: 3 })
})

check('after a position only what follows it, also among equals', async (sql) => {
  const ids = await addEvents(
    sql,
    [1, 1, 1, 2, 2].map((nth) => ({ startsAt: day(nth) })),
  )
  const second = ids[1]!
  expect(await idsOf(sql, { after: { at: day(1), id: second } })).toEqual(ids.slice(2))
  expect(await idsOf(sql, { sort: '-starts_at', after: { at: day(1), id: second } })).toEqual([ids[0]!])
  expect(await idsOf(sql, { sort: 'title', after: { key: 'rock night', id: second } })).toEqual(ids.slice(2))
  const { scores } = await rareHits(sql, { sort: 'relevance' })
  const after = { score: scores![0]!, at: day(1), id: second }
  expect(await idsOf(sql, { sort: 'relevance', after })).toEqual(ids.slice(2))
})

check('only of the category and the time, and what is not over', async (sql) => {
  const [jazz, early, long] = await addEvents(sql, [
    { category: 'jazz', startsAt: day(5) },
    { startsAt: '2097-01-01T19:00:00Z' },
    { startsAt: '2097-01-01T19:00:00Z', endsAt: day(20) },
  ])
  expect(await idsOf(sql)).toEqual([long!, jazz!])
  expect(await idsOf(sql, { overFrom: '-infinity' })).toEqual([early!, long!, jazz!])
  expect(await idsOf(sql, { category: 'jazz' })).toEqual([jazz!])
  expect(await idsOf(sql, { from: day(5), to: day(5) })).toEqual([jazz!])
  expect(await idsOf(sql, { from: day(6) })).toEqual([])
})

check('drafts, archived, unlisted and deleted events are not found', async (sql) => {
  await addEvents(sql, [
    { status: 'draft' },
    { status: 'archived' },
    { status: 'unlisted' },
    { deletedAt: '2026-01-01' },
  ])
  for (const sort of ['relevance', 'starts_at', '-starts_at', 'title']) {
    expect(await rareHits(sql, { sort })).toEqual({ ids: null, scores: null, count: 0 })
  }
})
