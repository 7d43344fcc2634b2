import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { addEvent } from '../../catalog.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

async function queryOf(sql: TransactionSql, search: string | null, isExact = false): Promise<string | null> {
  const [row] = await sql<{ query: string | null }[]>`
    select api.get_search_query(p_search => ${search}, p_is_exact => ${isExact})::text as query`
  return row!.query
}

/** An event that knows exactly these words, beside those of the places. */
function addWords(sql: TransactionSql, title: string) {
  return addEvent(sql, { title, category: null, venue: null, tickets: [] })
}

check('a word becomes the words that begin with it', async (sql) => {
  await addWords(sql, 'Rock Rocket Rockabilly Jazz rococo')
  const words = (await queryOf(sql, 'ROCK'))!.split(' | ').sort()
  expect(words).toEqual(["'rock'", "'rockabilly'", "'rocket'"])
})

check('every word must occur', async (sql) => {
  await addWords(sql, 'Rock Jazz')
  expect(await queryOf(sql, 'jazz, rock')).toBe("'jazz' & 'rock'")
})

check('exactly, a word is only itself', async (sql) => {
  await addWords(sql, 'Rock Rocket')
  expect(await queryOf(sql, 'rock night', true)).toBe("'rock' & 'night'")
})

check('a beginning of more than 200 words stays a beginning', async (sql) => {
  const words = (count: number) => Array.from({ length: count }, (_, nth) => `z${nth}`).join(' ')
  await addWords(sql, words(150))
  await addWords(sql, words(200))
  expect((await queryOf(sql, 'z'))!.split(' | ')).toHaveLength(200)
  await addWords(sql, 'zz')
  expect(await queryOf(sql, 'z')).toBe("'z':*")
})

check('a word that nobody wrote stays a beginning, and finds nothing', async (sql) => {
  expect(await queryOf(sql, 'xylophone')).toBe("'xylophone':*")
})

check('there is nothing to look for without a word', async (sql) => {
  for (const search of [null, '', '  ', '&|!():*<->\'"\\']) expect(await queryOf(sql, search)).toBeNull()
})

check('words of any script are completed', async (sql) => {
  await addWords(sql, '東京ナイト Ночьная')
  expect(await queryOf(sql, '東京')).toBe("'東京ナイト'")
  expect(await queryOf(sql, 'НОЧЬ')).toBe("'ночьная'")
})
