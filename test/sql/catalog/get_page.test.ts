import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { addEvent, tell } from '../../catalog.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

type Page = {
  events: { id: number }[]
  page: number | null
  limit: number
  total: number | null
  total_relation: string | null
  pages: number | null
  next_cursor: string | null
}

type Ask = {
  sort?: string
  scores?: string[]
  limit?: number
  offset?: number | null
  count?: number | null
}

async function pageOf(
  sql: TransactionSql,
  ids: number[] | null,
  { sort = 'starts_at', scores, limit = 2, offset = 0, count = 5 }: Ask = {},
) {
  const [row] = await sql<{ body: Page; text: string; event_ids: string[]; revisions: string[] }[]>`
    select r.body, r.body::text as text, r.event_ids, r.revisions
    from api.get_page(
      p_sort => ${sort}, p_ids => ${ids && `{${ids}}`}::text::bigint[], p_scores => ${scores ? `{${scores}}` : null}::text::text[],
      p_limit => ${limit}, p_offset => ${offset}::integer, p_count => ${count}::bigint
    ) r`
  return row!
}

/** What a client sends back unread. */
const cursorOf = ({ body }: { body: Page }) =>
  body.next_cursor && JSON.parse(Buffer.from(body.next_cursor, 'base64url').toString())

check('a page holds its events in the given order, with their revisions and the numbers', async (sql) => {
  const [first, second] = [await addEvent(sql), await addEvent(sql)]
  await tell(sql, { changed: [first] })
  const page = await pageOf(sql, [second, first])
  expect(page.body.events.map(({ id }) => id)).toEqual([second, first])
  expect(page.event_ids).toEqual([second, first].map(String))
  expect(page.revisions).toEqual(['1', '2'])
  expect(page.body).toMatchObject({ page: 1, limit: 2, total: 5, total_relation: 'eq', pages: 3 })
  expect(page.text).toStartWith('{"events":[{"id":')
  expect(Object.keys(page.body).slice(1).join()).toBe('page,limit,total,total_relation,pages,next_cursor')
})

check(
  'the id too many is not shown: it tells that there is a next page, from the last that is',
  async (sql) => {
    const ids = [await addEvent(sql, { startsAt: '2098-06-01T19:00:00.000001Z' }), await addEvent(sql)]
    const more = await pageOf(sql, ids, { limit: 1 })
    expect(more.body.events).toHaveLength(1)
    expect(cursorOf(more)).toEqual(['starts_at', String(Date.UTC(2098, 5, 1, 19) * 1000 + 1), ids[0]])
    expect((await pageOf(sql, ids, { limit: 2 })).body.next_cursor).toBeNull()
  },
)

check('a cursor names the sort and its key: an instant, no date, a folded title, or a score', async (sql) => {
  const dated = [
    await addEvent(sql, { title: 'Ärger', startsAt: '1970-01-01T00:00:01Z' }),
    await addEvent(sql),
  ]
  const undated = [await addEvent(sql, { startsAt: null }), await addEvent(sql)]
  const keyOf = async (sort: string, ids: number[]) =>
    cursorOf(await pageOf(sql, ids, { sort, scores: ['10.5', '-1'], limit: 1 }))
  expect(await keyOf('-starts_at', dated)).toEqual(['-starts_at', '1000000', dated[0]])
  expect(await keyOf('starts_at', undated)).toEqual(['starts_at', 'infinity', undated[0]])
  expect(await keyOf('title', dated)).toEqual(['title', 'arger', dated[0]])
  expect(await keyOf('relevance', dated)).toEqual(['relevance', '10.5 1000000', dated[0]])
  expect(await keyOf('relevance', undated)).toEqual(['relevance', '10.5 infinity', undated[0]])
})

check('a cursor fits into an address, whatever the title', async (sql) => {
  for (const title of ['~~~???>>>', '"\\\n\t', '東京'.repeat(150), 'x'.repeat(500)]) {
    const ids = [await addEvent(sql, { title }), await addEvent(sql)]
    const page = await pageOf(sql, ids, { sort: 'title', limit: 1 })
    expect(page.body.next_cursor).toMatch(/^[A-Za-z0-9_-]+$/)
    const [row] = await sql`select title_key from onsale.events where id = ${ids[0]!}`
    expect(cursorOf(page)).toEqual(['title', row!.title_key, ids[0]])
  }
})

check('a page after a cursor counts nothing', async (sql) => {
  const { body } = await pageOf(sql, [await addEvent(sql)], { offset: null, count: null })
  expect(body).toMatchObject({ page: null, limit: 2, total: null, total_relation: null, pages: null })
})

check('a page of nothing is empty', async (sql) => {
  for (const ids of [null, []]) {
    const page = await pageOf(sql, ids, { count: 0 })
    expect(page.body).toEqual({
      events: [],
      page: 1,
      limit: 2,
      total: 0,
      total_relation: 'eq',
      pages: 0,
      next_cursor: null,
    })
    expect([page.event_ids, page.revisions]).toEqual([[], []])
  }
})

for (const [count, total, relation, pages] of [
  [1, 1, 'eq', 1],
  [20, 20, 'eq', 1],
  [21, 21, 'eq', 2],
  [10_000, 10_000, 'eq', 500],
  [10_001, 10_000, 'gte', 500],
  [20_001, 10_000, 'gte', 500],
] as const) {
  check(`${count} found are ${pages} pages, ${relation} ${total}`, async (sql) => {
    const { body } = await pageOf(sql, null, { limit: 20, offset: 40, count })
    expect(body).toMatchObject({ page: 3, total, total_relation: relation, pages })
  })
}
