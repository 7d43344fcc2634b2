import { expect } from 'bun:test'
import { addKey } from '../../accounts.ts'
import { addUser } from '../../sales.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

check('all keys come, newest first, revoked ones too, and no hash with them', async (sql) => {
  const user = await addUser(sql)
  const first = await addKey(sql, { user, key: 'north' })
  const second = await addKey(sql, { user, key: 'south', name: 'south gate' })
  await sql`
    select api.cancel_api_key(
      p_key_id => ${first}::bigint, p_user_id => ${user}::bigint, p_now => '2026-11-02T12:00:00Z'
    )`
  const rows = await sql`select k.*, k.key_id::integer, k.created_by::integer from api.list_api_keys() k`
  const shared = { scopes: ['checkin'], created_by: user, created_at: new Date('2026-11-01T12:00:00Z') }
  expect([...rows]).toEqual([
    { key_id: second, name: 'south gate', ...shared, used_at: null, revoked_at: null },
    {
      key_id: first,
      name: 'north gate',
      ...shared,
      used_at: null,
      revoked_at: new Date('2026-11-02T12:00:00Z'),
    },
  ])
})

check('without keys the list is empty', async (sql) => {
  expect([...(await sql`select * from api.list_api_keys()`)]).toEqual([])
})
