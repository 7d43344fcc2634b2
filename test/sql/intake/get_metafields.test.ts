import { expect } from 'bun:test'
import type { Session } from '../../../src/platform/database.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

async function subtitle(sql: Session, metafields: unknown) {
  const [row] =
    await sql`select api.get_metafields(${JSON.stringify(metafields)}::text::jsonb) ->> 'subtitle' as value`
  return row?.value
}
const field = (value: unknown, rest = {}) => ({ namespace: 'onsale', key: 'subtitle', value, ...rest })

check('a metafield of ours is found by its key', async (sql) => {
  expect(await subtitle(sql, [field('other', { key: 'title' }), field('With strings')])).toBe('With strings')
})

check('one of another namespace is not ours', async (sql) => {
  expect(await subtitle(sql, [field('With strings', { namespace: 'custom' })])).toBeNull()
})

check('a value that is no text is read as text', async (sql) => {
  expect(await subtitle(sql, [field(4)])).toBe('4')
  expect(await subtitle(sql, [field(null)])).toBeNull()
})

check('of two with one key the last counts', async (sql) => {
  expect(await subtitle(sql, [field('first'), field('second')])).toBe('second')
})

check('none in an empty list', async (sql) => {
  expect(await subtitle(sql, [])).toBeNull()
})

check('one without a key is passed over, and one without a value tells nothing', async (sql) => {
  const bare = { namespace: 'onsale', value: 'whose?' }
  expect(await subtitle(sql, [field('With strings'), bare, { namespace: 'onsale', key: 'venue' }])).toBe(
    'With strings',
  )
})
