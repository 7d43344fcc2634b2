import { expect } from 'bun:test'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

for (const [search, ...words] of [
  ['Rock Night', 'rock', 'night'],
  ['  BJÖRN   Élan ', 'bjorn', 'elan'],
  ['night Night rock NIGHT', 'night', 'rock'],
  ['AC/DC', 'ac', 'dc'],
  ['rock.pop a@b.de http://x.org/y', 'rock', 'pop', 'a', 'b', 'de', 'http', 'x', 'org'],
  ["O'Neill & (Sons) | !x:*", 'o', 'neill', 'sons', 'x'],
  ['1 2 3 4 5 6 7 8 9 10', '1', '2', '3', '4', '5', '6', '7', '8'],
  ['東京 Ночь', '東京', 'ночь'],
  [''],
  [' !?&|:*()<> '],
] as const) {
  check(`"${search}" has the words ${words.join(', ') || '(none)'}`, async (sql) => {
    const rows = await sql<{ nth: number; word: string }[]>`
      select w.nth::integer, w.word from api.list_search_words(p_search => ${search}) w order by w.nth`
    expect(rows.map(({ word }) => word)).toEqual(words as readonly string[] as string[])
    expect(rows.map(({ nth }) => nth)).toEqual(words.map((_, index) => index + 1))
  })
}

check('the signs of ASCII part words, and no other character is touched beyond its folding', async (sql) => {
  const rows = await sql`
    select n as code
    from generate_series(1, 65535) as n
    where n not between 55296 and 57343
      and onsale.get_search_text('a' || chr(n) || 'b')
        <> translate(onsale.fold_text('a' || chr(n) || 'b'), E'!"#$%&\\'()*+,-./:;<=>?@[\\\\]^_\`{|}~', repeat(' ', 32))`
  expect([...rows]).toEqual([])
})

check('nothing has no words', async (sql) => {
  expect(await sql`select from api.list_search_words(p_search => null)`).toHaveLength(0)
})

check('of an endless search the beginning counts', async (sql) => {
  const rows = await sql`
    select length(w.word)::integer as length from api.list_search_words(p_search => repeat('x', 1000000)) w`
  expect([...rows]).toEqual([{ length: 200 }])
})
