import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { addEvent } from '../../catalog.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

type Terms = { query: string | null; words: string[] | null; groups: number[] | null }

async function termsOf(sql: TransactionSql, search: string): Promise<Terms> {
  const [row] = await sql<Terms[]>`
    select t.query::text as query, array_to_json(t.words) as words, array_to_json(t.groups) as groups
    from api.get_similar_terms(p_search => ${search}) t`
  return row!
}

const similarTo = async (sql: TransactionSql, search: string) => (await termsOf(sql, search)).query

function addWords(sql: TransactionSql, title: string) {
  return addEvent(sql, { title, category: null, venue: null, tickets: [] })
}

check('a typo becomes the word that it resembles', async (sql) => {
  await addWords(sql, 'Orchestra Jazz Hamburg')
  expect(await similarTo(sql, 'orchetsra')).toBe("'orchestra'")
  expect(await similarTo(sql, 'Hamberg')).toBe("'hamburg'")
})

check('a word that is right stays as it is beside a typo', async (sql) => {
  await addWords(sql, 'Orchestra Jazz')
  expect(await termsOf(sql, 'jaz orchetsra')).toEqual({
    query: "'jaz':* & 'orchestra'",
    words: ['jazz', 'orchestra'],
    groups: [1, 2],
  })
})

check('where every word is right but no event has them all, each may be another', async (sql) => {
  await addWords(sql, 'Orchestra')
  await addWords(sql, 'Orchestras')
  const query = await similarTo(sql, 'orchestra')
  expect(query!.split(' | ')).toEqual(["'orchestra'", "'orchestras'"])
})

check('of many words that are as like it five are tried', async (sql) => {
  await addWords(sql, 'lanternb lanternc lanternd lanterne lanternf lanterng lanternh')
  expect(await similarTo(sql, 'lanternz')).toBe(
    "'lanternb' | 'lanternc' | 'lanternd' | 'lanterne' | 'lanternf'",
  )
})

check(
  'a word that is much less like it than the best is left out, and tried where it is the best',
  async (sql) => {
    await addWords(sql, 'lantz')
    expect(await similarTo(sql, 'lanternz')).toBe("'lantz'")
    await addWords(sql, 'lanternb')
    expect(await similarTo(sql, 'lanternz')).toBe("'lanternb'")
  },
)

check('words and groups say what the query says', async (sql) => {
  await addWords(sql, 'lanternb lanternc')
  expect(await termsOf(sql, 'lanternz')).toMatchObject({
    words: ['lanternb', 'lanternc'],
    groups: [1, 1],
  })
})

check('a word like none, and no word at all, give nothing to look for', async (sql) => {
  await addWords(sql, 'Orchestra')
  expect(await termsOf(sql, 'qqqq')).toEqual({ query: null, words: null, groups: null })
  expect(await similarTo(sql, 'orchetsra qqqq')).toBeNull()
  expect(await similarTo(sql, ' & ')).toBeNull()
})
