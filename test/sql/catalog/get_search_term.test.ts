import { expect } from 'bun:test'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

for (const word of ['rock', "o'neill", "'", '\\', "\\'", "a'b\\c", 'a & b | !c', '東京', ':*']) {
  check(`${word} stays one word in a tsquery`, async (sql) => {
    const [row] = await sql`
      select numnode(q.query) as nodes, array_to_tsvector(array[${word}::text]) @@ q.query as is_found
      from (select api.get_search_term(${word})::tsquery as query) q`
    expect(row).toEqual({ nodes: 1, is_found: true })
  })
}
