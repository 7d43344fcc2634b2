import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { deleteEvent, makeEvent } from '../../admin.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

type Page = {
  events: { id: number; status: string }[]
  page: number
  limit: number
  total: number
  pages: number
  next_cursor: string | null
}
type Filter = {
  sort?: string
  category?: string
  from?: string
  to?: string
  search?: string
  limit?: number
  offset?: number
}

async function list(sql: TransactionSql, status: string, filter: Filter = {}): Promise<Page> {
  const {
    sort = 'starts_at',
    category = null,
    from = null,
    to = null,
    search = null,
    limit = 20,
    offset = 0,
  } = filter
  const [row] = await sql<{ body: Page }[]>`
    select api.list_events_of_status(
      p_status => ${status}::text, p_sort => ${sort}::text, p_category => ${category}::text,
      p_from => ${from}::text::timestamptz, p_to => ${to}::text::timestamptz, p_search => ${search}::text,
      p_limit => ${limit}::integer, p_offset => ${offset}::integer
    ) as body`
  return row!.body
}
const ids = ({ events }: Page) => events.map(({ id }) => id)

/** Drafts: one that is over, one to come, one without a date, and one of another category. */
async function drafts(sql: TransactionSql) {
  const draft = (body: object) => makeEvent(sql, { status: 'draft', ...body })
  return {
    over: await draft({ title: 'Old Song', starts_at: '2020-06-01T19:00:00Z' }),
    coming: await draft({ title: 'A New Song', starts_at: '2098-06-01T19:00:00Z', category: 'concert' }),
    undated: await draft({ title: 'Fair', starts_at: null }),
    active: await makeEvent(sql),
  }
}

check('events of the status alone, over or not, soonest first and those without a date last', async (sql) => {
  const { over, coming, undated, active } = await drafts(sql)
  const page = await list(sql, 'draft')
  expect(ids(page)).toEqual([over, coming, undated])
  expect(page).toMatchObject({ page: 1, limit: 20, total: 3, pages: 1, next_cursor: null })
  expect(page.events[0]?.status).toBe('draft')
  expect(ids(await list(sql, 'active'))).toEqual([active])
  expect(await list(sql, 'archived')).toMatchObject({ events: [], total: 0, pages: 0 })
})

check('filters and sorts as the public list does', async (sql) => {
  const { over, coming, undated } = await drafts(sql)
  expect(ids(await list(sql, 'draft', { sort: '-starts_at' }))).toEqual([undated, coming, over])
  expect(ids(await list(sql, 'draft', { sort: 'title' }))).toEqual([coming, undated, over])
  expect(ids(await list(sql, 'draft', { category: 'concert' }))).toEqual([coming])
  expect(ids(await list(sql, 'draft', { search: 'song' }))).toEqual([over, coming])
  expect(ids(await list(sql, 'draft', { search: '%' }))).toEqual([])
  expect(ids(await list(sql, 'draft', { from: '2021-01-01T00:00:00Z', to: '2099-01-01T00:00:00Z' }))).toEqual(
    [coming],
  )
})

check('goes through pages that hold each event once', async (sql) => {
  const { over, coming, undated } = await drafts(sql)
  expect(ids(await list(sql, 'draft', { limit: 2 }))).toEqual([over, coming])
  const second = await list(sql, 'draft', { limit: 2, offset: 2 })
  expect(ids(second)).toEqual([undated])
  expect(second).toMatchObject({ page: 2, total: 3, pages: 2 })
  expect(ids(await list(sql, 'draft', { limit: 2, offset: 4 }))).toEqual([])
})

check('an event that was deleted is in no list', async (sql) => {
  const { over } = await drafts(sql)
  await deleteEvent(sql, over)
  expect(ids(await list(sql, 'draft'))).not.toContain(over)
})
