import { expect } from 'bun:test'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

check('every list has words, and none twice', async (sql) => {
  const [lists] = await sql<Record<string, string[]>[]>`select w.* from api.get_seed_words() w`
  expect(Object.keys(lists!)).toHaveLength(11)
  for (const [name, words] of Object.entries(lists!)) {
    expect([name, words.length > 3]).toEqual([name, true])
    expect([name, words.toSorted()]).toEqual([name, [...new Set(words)].toSorted()])
  }
})

check('some carry accents, so that folding has something to do', async (sql) => {
  const [row] = await sql`
    select bool_or(n.name <> onsale.fold_text(n.name)) as is_folded
    from api.get_seed_words() w
    cross join unnest(w.cities) as n (name)`
  expect(row).toEqual({ is_folded: true })
})
