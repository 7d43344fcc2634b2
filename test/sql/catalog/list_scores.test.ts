import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { addEvent } from '../../catalog.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

async function scoresOf(sql: TransactionSql, ids: number[], query: string, exact = query) {
  const rows = await sql<{ id: number; score: number }[]>`
    select s.event_id::integer as id, s.score
    from api.list_scores(
      p_event_ids => ${`{${ids}}`}::text::bigint[], p_query => ${query}::text::tsquery, p_exact => ${exact}::text::tsquery
    ) s`
  return new Map(rows.map(({ id, score }) => [id, score]))
}

check('a word in the title counts for more than one in the description', async (sql) => {
  const told = await addEvent(sql, { title: 'Quiet Evening', description: 'with jazz' })
  const named = await addEvent(sql, { title: 'Jazz Evening' })
  const scores = await scoresOf(sql, [told, named], 'jazz')
  expect(scores.get(told)).toBeGreaterThan(10)
  expect(scores.get(named)).toBeGreaterThan(scores.get(told)!)
})

check('a word as it was typed comes before one that it begins', async (sql) => {
  const begun = await addEvent(sql, { title: 'Jazzy Jazzy' })
  const typed = await addEvent(sql, { title: 'Evening', description: 'with jazz' })
  const scores = await scoresOf(sql, [begun, typed], 'jazz | jazzy', 'jazz')
  expect(scores.get(begun)).toBeLessThan(10)
  expect(scores.get(typed)).toBeGreaterThan(10)
})

check('each event that there is once, also where nothing matches', async (sql) => {
  const id = await addEvent(sql, { title: 'Jazz' })
  expect(await scoresOf(sql, [id, id, 999_999_999], 'opera')).toEqual(new Map([[id, 0]]))
  expect(await scoresOf(sql, [], 'opera')).toEqual(new Map())
})
