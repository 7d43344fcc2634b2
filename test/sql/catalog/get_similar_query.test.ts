import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { addEvent } from '../../catalog.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

async function similarTo(sql: TransactionSql, search: string): Promise<string | null> {
  const [row] = await sql<{ query: string | null }[]>`
    select api.get_similar_query(p_search => ${search})::text as query`
  return row!.query
}

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
  expect(await similarTo(sql, 'jaz orchetsra')).toBe("'jaz':* & 'orchestra'")
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

check('a word like none, and no word at all, give nothing to look for', async (sql) => {
  await addWords(sql, 'Orchestra')
  expect(await similarTo(sql, 'qqqq')).toBeNull()
  expect(await similarTo(sql, 'orchetsra qqqq')).toBeNull()
  expect(await similarTo(sql, ' & ')).toBeNull()
})
