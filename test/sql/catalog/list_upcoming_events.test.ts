import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { addEvent } from '../../catalog.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

type Range = { from?: string; to?: string; overFrom?: string; category?: string | null }

async function upcomingIds(
  sql: TransactionSql,
  { from = '2098-06-10T12:00:00Z', to = 'infinity', overFrom = from, category = null }: Range = {},
): Promise<number[]> {
  const rows = await sql<{ id: number }[]>`
    select e.id::integer
    from api.list_upcoming_events(
      p_category => ${category}::text, p_from => ${from}::text::timestamptz, p_to => ${to}::text::timestamptz,
      p_over_from => ${overFrom}::text::timestamptz
    ) e
    order by e.id`
  return rows.map(({ id }) => id)
}

check('both ends of the range belong to it', async (sql) => {
  const id = await addEvent(sql, { startsAt: '2098-06-20T12:00:00Z' })
  expect(await upcomingIds(sql)).toEqual([id])
  expect(await upcomingIds(sql, { from: '2098-06-20T12:00:00Z', to: '2098-06-20T12:00:00Z' })).toEqual([id])
  expect(await upcomingIds(sql, { from: '2098-06-20T12:00:00.000001Z' })).toEqual([])
  expect(await upcomingIds(sql, { to: '2098-06-20T11:59:59.999999Z' })).toEqual([])
})

check('an event without a date starts at the end of time', async (sql) => {
  const id = await addEvent(sql, { startsAt: null })
  expect(await upcomingIds(sql)).toEqual([id])
  expect(await upcomingIds(sql, { to: '9999-12-31' })).toEqual([])
})

check('what is over before an instant is left out', async (sql) => {
  const long = await addEvent(sql, { startsAt: '2098-06-01T12:00:00Z', endsAt: '2098-07-01T12:00:00Z' })
  const short = await addEvent(sql, { startsAt: '2098-06-01T12:00:00Z' })
  const ask = (overFrom: string) => upcomingIds(sql, { from: '-infinity', overFrom })
  expect(await ask('-infinity')).toEqual([long, short])
  expect(await ask('2098-06-01T12:00:00Z')).toEqual([long, short])
  expect(await ask('2098-06-01T12:00:01Z')).toEqual([long])
  expect(await ask('2098-07-01T12:00:01Z')).toEqual([])
})

check('what runs at an instant is not upcoming from then on: the two ranges share nothing', async (sql) => {
  const starts = ['2098-06-01T12:00:00Z', '2098-06-10T12:00:00Z', '2098-06-20T12:00:00Z', null]
  for (const startsAt of starts) await addEvent(sql, { startsAt, endsAt: '2098-07-01T12:00:00Z' })
  const [row] = await sql`
    select
      count(*) filter (where r.id is not null)::integer as running,
      count(*) filter (where u.id is not null)::integer as upcoming,
      count(*) filter (where r.id is not null and u.id is not null)::integer as both
    from api.list_running_events(null, '2098-06-10T12:00:00Z', 'infinity') r
    full join api.list_upcoming_events(null, '2098-06-10T12:00:00Z', 'infinity', '2098-06-10T12:00:00Z') u
      on u.id = r.id`
  expect(row).toEqual({ running: 1, upcoming: 3, both: 0 })
})

check('only of the category, where one is asked for, and only what is public', async (sql) => {
  const jazz = await addEvent(sql, { category: 'jazz', startsAt: null })
  await addEvent(sql, { category: null, startsAt: null })
  for (const status of ['draft', 'archived', 'unlisted'] as const)
    await addEvent(sql, { category: 'jazz', startsAt: null, status })
  await addEvent(sql, { category: 'jazz', startsAt: null, deletedAt: '2026-01-01' })
  expect(await upcomingIds(sql, { category: 'jazz' })).toEqual([jazz])
  expect(await upcomingIds(sql)).toHaveLength(2)
})
