import { expect } from 'bun:test'
import { addKey, auditOf, keyHash } from '../../accounts.ts'
import { addUser } from '../../sales.ts'
import { scratchTests, sqlStateOf } from '../../scratch.ts'

const check = scratchTests()

check('a key is kept by its hash, and the audit log tells who made it, not what it is', async (sql) => {
  const user = await addUser(sql)
  const id = await addKey(sql, { user, key: 'onsale_x', scopes: ['checkin', 'other'] })
  const [key] = await sql`
    select name, encode(key_hash, 'hex') as hash, scopes, created_by::integer, used_at, revoked_at
    from onsale.api_keys where id = ${id}`
  expect(key).toEqual({
    name: 'north gate',
    hash: keyHash('onsale_x'),
    scopes: ['checkin', 'other'],
    created_by: user,
    used_at: null,
    revoked_at: null,
  })
  expect(await auditOf(sql, `key ${id}`)).toEqual([
    {
      actor: `user ${user}`,
      action: 'key.create',
      before: null,
      after: { name: 'north gate', scopes: ['checkin', 'other'] },
    },
  ])
})

check('a key without scopes, the same key twice and a maker whom there is not are refused', async (sql) => {
  const user = await addUser(sql)
  await addKey(sql, { user })
  expect(await sqlStateOf(sql, (sql) => addKey(sql, { user }))).toBe('23505')
  expect(await sqlStateOf(sql, (sql) => addKey(sql, { user, key: 'b', scopes: [] }))).toBe('23514')
  expect(await sqlStateOf(sql, (sql) => addKey(sql, { user: 999_999, key: 'c' }))).toBe('23503')
})
