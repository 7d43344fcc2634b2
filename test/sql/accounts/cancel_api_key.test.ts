import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { addKey, auditOf } from '../../accounts.ts'
import { addUser } from '../../sales.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

async function cancel(sql: TransactionSql, key: number, user: number): Promise<boolean> {
  const [row] = await sql<{ is_revoked: boolean }[]>`
    select api.cancel_api_key(
      p_key_id => ${key}::bigint, p_user_id => ${user}::bigint, p_now => '2026-11-02T12:00:00Z'
    ) as is_revoked`
  return row!.is_revoked
}

check('a key is revoked once, by whoever the audit log names, and no other key with it', async (sql) => {
  const user = await addUser(sql)
  const other = await addUser(sql)
  const id = await addKey(sql, { user, key: 'north' })
  await addKey(sql, { user, key: 'south' })
  expect(await cancel(sql, id, other)).toBe(true)
  expect(await cancel(sql, id, user)).toBe(false)
  const keys = await sql`select revoked_at from onsale.api_keys order by id`
  expect([...keys]).toEqual([{ revoked_at: new Date('2026-11-02T12:00:00Z') }, { revoked_at: null }])
  expect(await auditOf(sql, `key ${id}`)).toMatchObject([
    { action: 'key.create', actor: `user ${user}` },
    { action: 'key.revoke', actor: `user ${other}` },
  ])
})

check('a key that there is not cannot be revoked', async (sql) => {
  expect(await cancel(sql, 999_999, await addUser(sql))).toBe(false)
})
