import { describe, expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { addEvent } from '../../catalog.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

const now = '2050-01-10T12:00:00Z'

export type Page = {
  events: { id: number; title: string }[]
  page: number | null
  limit: number
  total: number | null
  total_relation: string | null
  pages: number | null
  next_cursor: string | null
}

type Query = {
  sort?: string
  category?: string
  from?: string
  to?: string
  limit?: number
  offset?: number | null
  cursor?: string | null
}

async function listEvents(
  sql: TransactionSql,
  query: Query = {},
): Promise<Page & { expiresAt: Date | null }> {
  const position = query.cursor ? JSON.parse(Buffer.from(query.cursor, 'base64url').toString()) : null
  const offset = query.offset === undefined ? 0 : query.offset
  const [row] = await sql<{ body: Page; expires_at: Date | null; event_ids: string[] }[]>`
    select r.body, r.expires_at, r.event_ids
    from api.list_events(
      p_sort => ${query.sort ?? 'starts_at'},
      p_category => ${query.category ?? null}::text,
      p_from => ${query.from ?? null}::text::timestamptz,
      p_to => ${query.to ?? null}::text::timestamptz,
      p_limit => ${query.limit ?? 20}::integer,
      p_offset => ${position ? null : offset}::integer,
      p_after_key => ${position?.[1] ?? null}::text,
      p_after_id => ${position?.[2] ?? null}::bigint,
      p_now => ${now}::text::timestamptz
    ) r`
  expect(row!.event_ids.map(Number)).toEqual(row!.body.events.map(({ id }) => id))
  return { ...row!.body, expiresAt: row!.expires_at }
}

const titlesOf = async (sql: TransactionSql, query?: Query) =>
  (await listEvents(sql, query)).events.map(({ title }) => title)

describe('what is in the list', () => {
  const setUp = async (sql: TransactionSql) => {
    await addEvent(sql, { title: 'long over', startsAt: '2049-01-01' })
    await addEvent(sql, { title: 'just over', startsAt: '2050-01-10T11:59:59Z' })
    await addEvent(sql, { title: 'ended', startsAt: '2050-01-09', endsAt: '2050-01-10T11:00:00Z' })
    await addEvent(sql, { title: 'running', startsAt: '2050-01-01', endsAt: '2050-02-01' })
    await addEvent(sql, {
      title: 'running too',
      startsAt: '2050-01-10T11:00:00Z',
      endsAt: '2050-01-10T12:00:00Z',
    })
    await addEvent(sql, { title: 'begins now', startsAt: now })
    await addEvent(sql, { title: 'tomorrow', startsAt: '2050-01-11', category: 'jazz' })
    await addEvent(sql, { title: 'next year', startsAt: '2051-01-11', endsAt: '2051-01-12' })
    await addEvent(sql, { title: 'undated', startsAt: null })
    await addEvent(sql, { title: 'undated, ended', startsAt: null, endsAt: '2049-01-01' })
    await addEvent(sql, { title: 'ends before it starts', startsAt: '2050-03-01', endsAt: '2049-01-01' })
    await addEvent(sql, { title: 'draft', status: 'draft', startsAt: '2050-02-01' })
    await addEvent(sql, { title: 'unlisted', status: 'unlisted', startsAt: '2050-02-01' })
    await addEvent(sql, { title: 'archived', status: 'archived', startsAt: '2050-02-01' })
    await addEvent(sql, { title: 'deleted', deletedAt: '2049-01-01', startsAt: '2050-02-01' })
  }
  const open = ['running', 'running too', 'begins now', 'tomorrow', 'next year', 'undated']

  check('by default what has not ended, soonest first, without a date last', async (sql) => {
    await setUp(sql)
    expect(await titlesOf(sql)).toEqual(open)
    expect(await titlesOf(sql, { sort: '-starts_at' })).toEqual(open.toReversed())
    expect(await titlesOf(sql, { sort: 'title' })).toEqual(open.toSorted())
  })

  check('from an instant on, over or not; up to an instant, dated', async (sql) => {
    await setUp(sql)
    expect(await titlesOf(sql, { from: '2049-06-01' })).toEqual([
      'running',
      'ended',
      'running too',
      'just over',
      'begins now',
      'tomorrow',
      'ends before it starts',
      'next year',
      'undated',
      'undated, ended',
    ])
    expect(await titlesOf(sql, { from: '2050-01-11', to: '2050-12-31' })).toEqual([
      'tomorrow',
      'ends before it starts',
    ])
    expect(await titlesOf(sql, { to: '2050-01-10T11:30:00Z' })).toEqual(['running', 'running too'])
    expect(await titlesOf(sql, { to: '2050-01-11', sort: '-starts_at' })).toEqual([
      'tomorrow',
      'begins now',
      'running too',
      'running',
    ])
    expect(await titlesOf(sql, { to: '2050-01-11', sort: 'title' })).toEqual([
      'begins now',
      'running',
      'running too',
      'tomorrow',
    ])
    expect(await titlesOf(sql, { from: '2060-01-01' })).toEqual(['undated', 'undated, ended'])
    expect(await titlesOf(sql, { from: '2060-01-01', to: '2061-01-01' })).toEqual([])
  })

  check('of one category', async (sql) => {
    await setUp(sql)
    expect(await titlesOf(sql, { category: 'jazz' })).toEqual(['tomorrow'])
    expect(await titlesOf(sql, { category: 'opera' })).toEqual([])
    expect((await listEvents(sql, { category: 'jazz' })).total).toBe(1)
  })

  check('titles are sorted without regard to case and accents', async (sql) => {
    for (const title of ['zebra', 'Éclair', 'eagle', 'Ägypten', 'Über', 'apple'])
      await addEvent(sql, { title })
    expect(await titlesOf(sql, { sort: 'title' })).toEqual([
      'Ägypten',
      'apple',
      'eagle',
      'Éclair',
      'Über',
      'zebra',
    ])
  })

  check('the page holds until the next event ends', async (sql) => {
    await setUp(sql)
    expect((await listEvents(sql)).expiresAt).toEqual(new Date(now))
    await sql`update onsale.events set starts_at = null, ends_at = null where over_at = ${now}`
    expect((await listEvents(sql)).expiresAt).toEqual(new Date('2050-01-11'))
    expect((await listEvents(sql, { from: '2049-06-01' })).expiresAt).toBeNull()
  })
})

describe('pages', () => {
  const setUp = async (sql: TransactionSql, count: number) => {
    // Many begin at the same instant, some run already, some have no date: the places where pages break.
    await sql`
      insert into onsale.events (title, status, starts_at, ends_at, currency)
      select
        'Event ' || lpad((hashint8(n) & 1023)::text, 4, '0'), 'active',
        case when n % 20 > 0 then ${now}::timestamptz + (n % 7 - 2) * interval '1 day' end,
        case when n % 7 < 2 then ${now}::timestamptz + interval '3 days' end, 'EUR'
      from generate_series(1, ${count}::integer) as n`
    await sql`insert into onsale.event_revisions (event_id, revision) select id, 1 from onsale.events`
  }

  check('numbers tell where one is; past the end there is nothing', async (sql) => {
    await setUp(sql, 47)
    const total = 47
    const first = await listEvents(sql, { limit: 10 })
    expect(first).toMatchObject({ page: 1, limit: 10, total, total_relation: 'eq', pages: 5 })
    expect(first.events).toHaveLength(10)
    const last = await listEvents(sql, { limit: 10, offset: 40 })
    expect(last).toMatchObject({ page: 5, next_cursor: null })
    expect(last.events).toHaveLength(7)
    const past = await listEvents(sql, { limit: 10, offset: 50 })
    expect(past).toMatchObject({ page: 6, total, next_cursor: null, events: [] })
    expect(await listEvents(sql, { category: 'none' })).toMatchObject({ total: 0, pages: 0, events: [] })
  })

  for (const sort of ['starts_at', '-starts_at', 'title']) {
    for (const filter of [{}, { from: '2050-01-09', to: '2050-01-13' }, { to: '2050-01-12' }]) {
      check(
        `by ${sort} ${JSON.stringify(filter)}: pages and cursors show each event once, in one order`,
        async (sql) => {
          await setUp(sql, 143)
          const whole = (await listEvents(sql, { sort, ...filter, limit: 1000 })).events.map(({ id }) => id)
          expect(new Set(whole).size).toBe(whole.length)
          expect(whole.length).toBeGreaterThan(20)

          const byPage: number[] = []
          for (let offset = 0; offset < whole.length; offset += 9) {
            byPage.push(
              ...(await listEvents(sql, { sort, ...filter, limit: 9, offset })).events.map(({ id }) => id),
            )
          }
          expect(byPage).toEqual(whole)

          const byCursor: number[] = []
          let cursor: string | null = null
          do {
            const page: Page = await listEvents(sql, { sort, ...filter, limit: 9, cursor })
            if (cursor !== null) {
              expect(page).toMatchObject({ page: null, total: null, total_relation: null, pages: null })
            }
            byCursor.push(...page.events.map(({ id }) => id))
            cursor = page.next_cursor
          } while (cursor !== null)
          expect(byCursor).toEqual(whole)
        },
      )
    }
  }

  check('a total is exact up to 10,000, and says so when there is more', async (sql) => {
    await setUp(sql, 10_000)
    expect(await listEvents(sql)).toMatchObject({ total: 10_000, total_relation: 'eq', pages: 500 })
    const titles = await listEvents(sql, { sort: 'title', limit: 3 })
    await addEvent(sql, { title: 'Zulu' })
    expect(await listEvents(sql)).toMatchObject({ total: 10_000, total_relation: 'gte', pages: 500 })
    // The other way by title, which many events take, agrees with the first.
    expect((await listEvents(sql, { sort: 'title', limit: 3 })).events).toEqual(titles.events)
    const page = await listEvents(sql, { offset: 9_980 })
    expect(page.events).toHaveLength(20)
    expect((await listEvents(sql, { cursor: page.next_cursor })).events).toHaveLength(1)
  })
})
