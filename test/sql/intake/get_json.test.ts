import { expect } from 'bun:test'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

for (const [text, json] of [
  ['{"name":"Hall","rows":[1,2]}', { name: 'Hall', rows: [1, 2] }],
  ['"text"', 'text'],
] as const) {
  check(`${text} is JSON`, async (sql) => {
    const [row] = await sql`select api.get_json(${text}) as json`
    expect(row?.json).toEqual(json as never)
  })
}

for (const [sentence, text] of [
  ['nothing', null],
  ['an empty text', ''],
  ['half a document', '{"name":'],
  ['a NUL', '"\\u0000"'],
  ['half a surrogate', '"\\ud800"'],
  ['a number bomb', '1e999999'],
  ['a nesting bomb', `${'['.repeat(50_000)}${']'.repeat(50_000)}`],
] as const) {
  check(`${sentence} is none, and raises nothing`, async (sql) => {
    const [row] = await sql`select api.get_json(${text}) as json`
    expect(row?.json).toBeNull()
  })
}
