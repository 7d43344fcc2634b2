import { describe, expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { addEvent } from '../../catalog.ts'
import { scratchTests } from '../../scratch.ts'
import type { Page } from './list_events.test.ts'

const check = scratchTests()

type Query = {
  sort?: string
  category?: string
  from?: string
  to?: string
  limit?: number
  offset?: number
  cursor?: string | null
}

async function search(sql: TransactionSql, text: string, query: Query = {}): Promise<Page> {
  const position = query.cursor ? JSON.parse(Buffer.from(query.cursor, 'base64url').toString()) : null
  const [row] = await sql<{ body: Page }[]>`
    select r.body
    from api.search_events(
      p_search => ${text},
      p_sort => ${query.sort ?? 'relevance'},
      p_category => ${query.category ?? null}::text,
      p_from => ${query.from ?? null}::text::timestamptz,
      p_to => ${query.to ?? null}::text::timestamptz,
      p_limit => ${query.limit ?? 20}::integer,
      p_offset => ${position ? null : (query.offset ?? 0)}::integer,
      p_after_key => ${position?.[1] ?? null}::text,
      p_after_id => ${position?.[2] ?? null}::bigint
    ) r`
  return row!.body
}

const found = async (sql: TransactionSql, text: string, query?: Query) =>
  (await search(sql, text, query)).events.map(({ title }) => title)

const setUp = async (sql: TransactionSql) => {
  await addEvent(sql, {
    title: 'Björk: Cornucopia',
    venue: { name: 'Elbphilharmonie', city: 'Hamburg' },
    startsAt: '2098-05-01',
  })
  await addEvent(sql, {
    title: 'AC/DC Tribute',
    subtitle: "Rock'n'Roll all night",
    description: '<p>With <b>thunderous</b> guitars in São Paulo&nbsp;style</p>',
    venue: { name: 'Olympiahalle', city: 'München' },
    startsAt: '2098-04-01',
  })
  await addEvent(sql, {
    title: 'Metallica',
    category: 'metal',
    venue: { name: 'Waldbühne', city: 'Berlin' },
    startsAt: '2098-03-01',
  })
  await addEvent(sql, {
    title: 'Evening with Berlin strings',
    category: 'classical',
    venue: { name: 'Old Hall', city: 'Hamburg' },
    startsAt: '2098-06-01',
  })
}

describe('what is found', () => {
  check('words wherever they stand: title, subtitle, venue, city, category, description', async (sql) => {
    await setUp(sql)
    expect(await found(sql, 'cornucopia')).toEqual(['Björk: Cornucopia'])
    expect(await found(sql, 'roll')).toEqual(['AC/DC Tribute'])
    expect(await found(sql, 'elbphilharmonie')).toEqual(['Björk: Cornucopia'])
    expect(await found(sql, 'metal')).toEqual(['Metallica'])
    expect(await found(sql, 'thunderous guitars')).toEqual(['AC/DC Tribute'])
    expect(await found(sql, 'paragraph')).toEqual([])
  })

  check('without regard to case, accents and punctuation', async (sql) => {
    await setUp(sql)
    for (const text of [
      'BJÖRK',
      'bjork',
      'björk!',
      'Bjo\u0308rk',
      '"Björk"',
      'björk: cornucopia',
      'cornucopia,bjork',
    ]) {
      expect([text, await found(sql, text)]).toEqual([text, ['Björk: Cornucopia']])
    }
    for (const text of ['ac/dc', 'dc', 'AC DC', 'ac-dc', 'sao paulo', 'munchen']) {
      expect([text, await found(sql, text)]).toEqual([text, ['AC/DC Tribute']])
    }
  })

  check('from the beginnings of words, all of which must occur', async (sql) => {
    await setUp(sql)
    expect(await found(sql, 'metal ber')).toEqual(['Metallica'])
    expect(await found(sql, 'b')).toHaveLength(3)
    expect(await found(sql, 'bjo ham')).toEqual(['Björk: Cornucopia'])
    expect(await found(sql, 'bjork berlin')).toEqual([])
  })

  check('a word that is new is found as soon as the event is there', async (sql) => {
    await setUp(sql)
    const id = await addEvent(sql, { title: 'Quetzalcoatlus' })
    expect(await found(sql, 'quetz')).toEqual(['Quetzalcoatlus'])
    await sql`update onsale.events set title = 'Xylophagous' where id = ${id}`
    expect(await found(sql, 'xylo')).toEqual(['Xylophagous'])
    expect(await found(sql, 'quetz')).toEqual([])
  })

  check('typos are forgiven, but only where nothing else is found', async (sql) => {
    await setUp(sql)
    expect(await found(sql, 'metalica')).toEqual(['Metallica'])
    expect(await found(sql, 'Mettalica berln')).toEqual(['Metallica'])
    expect(await found(sql, 'cornukopia')).toEqual(['Björk: Cornucopia'])
    expect(await found(sql, 'hambrug cornucopia')).toEqual(['Björk: Cornucopia'])
    expect(await found(sql, 'xqzwv')).toEqual([])
    await addEvent(sql, { title: 'Metalica Cover Band' })
    expect(await found(sql, 'metalica')).toEqual(['Metalica Cover Band'])
  })

  check('only what is public, has not ended and passes the filters', async (sql) => {
    await setUp(sql)
    await addEvent(sql, { title: 'Metallica draft', status: 'draft' })
    await addEvent(sql, { title: 'Metallica over', startsAt: '2001-01-01' })
    await addEvent(sql, {
      title: 'Metallica exhibition',
      startsAt: '2001-01-01',
      endsAt: '2099-01-01',
      category: 'art',
    })
    expect(await found(sql, 'metallica', { sort: 'starts_at' })).toEqual([
      'Metallica exhibition',
      'Metallica',
    ])
    expect(await found(sql, 'metallica', { category: 'metal' })).toEqual(['Metallica'])
    expect(await found(sql, 'metallica', { from: '2000-01-01', sort: 'title' })).toEqual([
      'Metallica',
      'Metallica exhibition',
      'Metallica over',
    ])
    expect(await found(sql, 'metallica', { to: '2098-01-01' })).toEqual(['Metallica exhibition'])
    expect(await found(sql, 'metalica', { category: 'art' })).toEqual(['Metallica exhibition'])
  })

  check('input of any kind is only words', async (sql) => {
    await setUp(sql)
    const nasty = [
      "'",
      "''':*",
      '\\',
      '!!!',
      '&|!()<->:*',
      'a & b',
      "x'); drop table onsale.events; --",
      '%',
      '_',
      '*',
      ':*A',
      '🎸',
      '日本語',
      '\u200b',
      'İstanbul',
      'ß',
      '؟',
      '-1',
      '1e9',
      '1.5',
      'a.b.c',
      'http://example.com/x?y=1',
      'user@example.com',
      '<b>rock</b>',
      'x'.repeat(200),
      'ab '.repeat(66),
      '\t\n',
    ]
    for (const text of nasty) {
      const page = await search(sql, text)
      expect([text, page.total]).toEqual([text, page.events.length])
    }
    expect(await found(sql, '<b>tribute</b>')).toEqual([])
    await addEvent(sql, { title: '日本語 Fest 🎸 2098.5' })
    expect(await found(sql, '日本')).toEqual(['日本語 Fest 🎸 2098.5'])
    expect(await found(sql, '2098.5')).toEqual(['日本語 Fest 🎸 2098.5'])
  })
})

describe('the order', () => {
  check(
    'words as they were typed before beginnings, the title before the rest, then the date',
    async (sql) => {
      await setUp(sql)
      await addEvent(sql, { title: 'Berliner Luft', startsAt: '2098-01-01' })
      expect(await found(sql, 'berlin')).toEqual([
        'Evening with Berlin strings',
        'Metallica',
        'Berliner Luft',
      ])
      await addEvent(sql, {
        title: 'Metallica',
        startsAt: '2098-02-01',
        category: 'metal',
        venue: { city: 'Berlin' },
      })
      const { events } = await search(sql, 'metallica')
      expect(events.map(({ title }) => title)).toEqual(['Metallica', 'Metallica'])
    },
  )

  const many = async (sql: TransactionSql, count: number) => {
    await sql`
      insert into onsale.events (title, subtitle, status, starts_at, ends_at, currency)
      select
        case when n % 3 = 0 then 'Common ground' else 'Act ' || n end, 'common word',
        'active', now() + (n % 50 - 5) * interval '1 hour',
        case when n % 50 < 6 then now() + interval '1 day' end, 'EUR'
      from generate_series(1, ${count}::integer) as n`
    await sql`insert into onsale.event_revisions (event_id, revision) select id, 1 from onsale.events on conflict do nothing`
  }

  for (const count of [140, 700]) {
    for (const sort of ['relevance', 'starts_at', '-starts_at', 'title']) {
      check(`of ${count} hits by ${sort} is the same by page and by cursor`, async (sql) => {
        await many(sql, count)
        const text = 'comon'
        const whole = (await search(sql, text, { sort, limit: 1000 })).events.map(({ id }) => id)
        expect(new Set(whole).size).toBe(count)
        const byPage: number[] = []
        for (let offset = 0; offset < count; offset += 90) {
          byPage.push(...(await search(sql, text, { sort, limit: 90, offset })).events.map(({ id }) => id))
        }
        expect(byPage).toEqual(whole)
        const byCursor: number[] = []
        let cursor: string | null = null
        do {
          const page: Page = await search(sql, text, { sort, limit: 90, cursor })
          byCursor.push(...page.events.map(({ id }) => id))
          cursor = page.next_cursor
        } while (cursor !== null)
        expect(byCursor).toEqual(whole)
      })
    }
  }

  check('a total is exact up to 10,000; the ways for few and for many hits agree', async (sql) => {
    await many(sql, 10_000)
    expect(await search(sql, 'common')).toMatchObject({ total: 10_000, total_relation: 'eq' })
    await many(sql, 1)
    expect(await search(sql, 'common')).toMatchObject({ total: 10_000, total_relation: 'gte' })
    const before: Record<string, number[]> = {}
    for (const sort of ['starts_at', '-starts_at', 'title']) {
      before[sort] = (await search(sql, 'common', { sort, limit: 40 })).events.map(({ id }) => id)
    }
    await sql`
      insert into onsale.events (title, status, starts_at, currency)
      select 'zzz common', 'active', now() + interval '20 hours', 'EUR' from generate_series(1, 10001)`
    await sql`insert into onsale.event_revisions select id, 1 from onsale.events on conflict do nothing`
    for (const [sort, ids] of Object.entries(before)) {
      expect((await search(sql, 'common', { sort, limit: 40 })).events.map(({ id }) => id)).toEqual(ids)
    }
    // Beyond the ranked ones they follow by date, each once.
    const seen: number[] = []
    let cursor: string | null = null
    for (let round = 0; round < 5; round++) {
      const page: Page = await search(sql, 'common', { limit: 100, cursor })
      seen.push(...page.events.map(({ id }) => id))
      cursor = page.next_cursor
    }
    expect(new Set(seen).size).toBe(500)
    const byPage = (await search(sql, 'common', { limit: 100, offset: 400 })).events.map(({ id }) => id)
    expect(seen.slice(400)).toEqual(byPage)
  })
})
