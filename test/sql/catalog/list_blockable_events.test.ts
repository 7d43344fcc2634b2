import { expect } from 'bun:test'
import { addEvent } from '../../catalog.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

check('public events of a range, without those that end before they start', async (sql) => {
  const early = await addEvent(sql, { startsAt: '2098-01-01' })
  const edge = await addEvent(sql, { startsAt: '2098-02-01', endsAt: '2098-02-01' })
  const undated = await addEvent(sql, { startsAt: null })
  await addEvent(sql, { startsAt: '2098-01-15', endsAt: '2098-01-14' })
  await addEvent(sql, { startsAt: '2098-01-15', status: 'draft' })
  await addEvent(sql, { startsAt: '2098-01-15', deletedAt: '2026-01-01' })
  const idsOf = async (from: string, until: string | null) => {
    const rows = await sql<{ id: number }[]>`
      select e.id::integer as id
      from api.list_blockable_events(p_from => ${from}::text::timestamptz, p_until => ${until}::text::timestamptz) e
      order by e.sort_starts_at, e.id`
    return rows.map(({ id }) => id)
  }
  expect(await idsOf('-infinity', null)).toEqual([early, edge, undated])
  expect(await idsOf('2098-01-01', '2098-02-01')).toEqual([early])
  expect(await idsOf('2098-02-01', 'infinity')).toEqual([edge])
})
