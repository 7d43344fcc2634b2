import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { addEvent } from '../../catalog.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

type Terms = { query: string | null; exact: string | null; words: string[] | null; groups: number[] | null }

async function termsOf(sql: TransactionSql, search: string | null): Promise<Terms> {
  const [row] = await sql<Terms[]>`
    select t.query::text as query, t.exact::text as exact, array_to_json(t.words) as words, array_to_json(t.groups) as groups
    from api.get_search_terms(p_search => ${search}) t`
  return row!
}

/** An event that knows exactly these words, beside those of the places. */
function addWords(sql: TransactionSql, title: string) {
  return addEvent(sql, { title, category: null, venue: null, tickets: [] })
}

check('a word becomes the words that begin with it', async (sql) => {
  await addWords(sql, 'Rock Rocket Rockabilly Jazz rococo')
  const { query, words, groups } = await termsOf(sql, 'ROCK')
  expect(query!.split(' | ').sort()).toEqual(["'rock'", "'rockabilly'", "'rocket'"])
  expect([words, groups]).toEqual([
    ['rock', 'rockabilly', 'rocket'],
    [1, 1, 1],
  ])
})

check('every word must occur: each has its own group', async (sql) => {
  await addWords(sql, 'Rock Jazz Jazzy')
  const { query, words, groups } = await termsOf(sql, 'jazz, rock')
  expect(query).toMatch(/^\( '\w+' \| '\w+' \) & 'rock'$/)
  expect([words, groups]).toEqual([
    ['jazz', 'jazzy', 'rock'],
    [1, 1, 2],
  ])
})

check('as it was typed, a word is only itself', async (sql) => {
  await addWords(sql, 'Rock Rocket')
  expect((await termsOf(sql, 'rock night')).exact).toBe("'rock' & 'night'")
})

check(
  'a beginning of more than 200 words stays a beginning in the query, and is spelled out in words',
  async (sql) => {
    const words = (count: number) => Array.from({ length: count }, (_, nth) => `z${nth}`).join(' ')
    await addWords(sql, words(150))
    await addWords(sql, words(199))
    // With the word itself, which nobody wrote.
    expect((await termsOf(sql, 'z')).query!.split(' | ')).toHaveLength(200)
    await addWords(sql, 'zz')
    const terms = await termsOf(sql, 'z')
    expect(terms.query).toBe("'z':*")
    expect(terms.words).toHaveLength(201)
  },
)

check('a word that nobody wrote is looked for all the same, so that its group is there', async (sql) => {
  expect(await termsOf(sql, 'xylophone')).toEqual({
    query: "'xylophone'",
    exact: "'xylophone'",
    words: ['xylophone'],
    groups: [1],
  })
})

check('there is nothing to look for without a word', async (sql) => {
  for (const search of [null, '', '  ', '&|!():*<->\'"\\']) {
    expect(await termsOf(sql, search)).toEqual({ query: null, exact: null, words: null, groups: null })
  }
})

check('words of any script are completed', async (sql) => {
  await addWords(sql, '東京ナイト Ночьная')
  expect((await termsOf(sql, '東京')).words).toEqual(['東京', '東京ナイト'])
  expect((await termsOf(sql, 'НОЧЬ')).words).toEqual(['ночь', 'ночьная'])
})
