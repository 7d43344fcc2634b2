import { expect } from 'bun:test'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

check('bodies are cut where they end, in bytes', async (sql) => {
  const bodies = ['{}', '', '{"title":"東京"}', '\xff']
  const bytes = bodies.map((body, nth) => Buffer.from(body, nth === 3 ? 'latin1' : 'utf8'))
  const rows = await sql`
    select ordinal::integer, body
    from api.get_bodies(${Buffer.concat(bytes)}, ${`{${bytes.map((body) => body.length)}}`}::text::integer[])
    order by 1`
  expect([...rows]).toEqual(bytes.map((body, nth) => ({ ordinal: nth + 1, body })))
})

check('no bodies are no rows', async (sql) => {
  expect(await sql`select from api.get_bodies('', '{}')`).toHaveLength(0)
})
