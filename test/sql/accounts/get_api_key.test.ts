import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { addKey, keyHash } from '../../accounts.ts'
import { addUser } from '../../sales.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

async function get(sql: TransactionSql, key: string, now = '2026-11-01T13:00:00Z') {
  const rows = await sql`
    select key_id::integer, scopes
    from api.get_api_key(p_key_hash => ${keyHash(key)}::text, p_now => ${now}::text::timestamptz)`
  return [...rows]
}

check('a key admits with its scopes, and another one does not', async (sql) => {
  const user = await addUser(sql)
  const id = await addKey(sql, { user, key: 'north', scopes: ['checkin', 'other'] })
  await addKey(sql, { user, key: 'south' })
  expect(await get(sql, 'north')).toEqual([{ key_id: id, scopes: ['checkin', 'other'] }])
  expect(await get(sql, 'east')).toEqual([])
})

check('its use is noted once a minute at most', async (sql) => {
  const id = await addKey(sql, { user: await addUser(sql), key: 'north' })
  const usedAt = async () =>
    (await sql`select used_at from onsale.api_keys where id = ${id}`)[0]!.used_at.toISOString()
  await get(sql, 'north', '2026-11-01T13:00:00Z')
  expect(await usedAt()).toBe('2026-11-01T13:00:00.000Z')
  await get(sql, 'north', '2026-11-01T13:01:00Z')
  expect(await usedAt()).toBe('2026-11-01T13:00:00.000Z')
  await get(sql, 'north', '2026-11-01T13:01:01Z')
  expect(await usedAt()).toBe('2026-11-01T13:01:01.000Z')
})

check('a revoked key admits nobody and is not used any more', async (sql) => {
  const user = await addUser(sql)
  const id = await addKey(sql, { user, key: 'north' })
  await sql`select api.cancel_api_key(p_key_id => ${id}::bigint, p_user_id => ${user}::bigint)`
  expect(await get(sql, 'north')).toEqual([])
  const [key] = await sql`select used_at from onsale.api_keys where id = ${id}`
  expect(key).toEqual({ used_at: null })
})
