import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { auditOf, signUp } from '../../accounts.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

async function update(sql: TransactionSql, user: number | null, oldHash: string, newHash: string) {
  const [row] = await sql`
    select outcome, token_generation
    from api.update_password(
      p_user_id => ${user}::bigint, p_old_hash => ${oldHash}::text, p_new_hash => ${newHash}::text,
      p_now => '2026-11-02T12:00:00Z'
    )`
  return row
}

check('another password ends the tokens, and the audit log holds neither', async (sql) => {
  const { user_id } = await signUp(sql, 'ann@example.com', { hash: 'old' })
  const { user_id: other } = await signUp(sql, 'ben@example.com', { hash: 'old' })
  expect(await update(sql, user_id, 'old', 'new')).toEqual({ outcome: 'updated', token_generation: 2 })
  const users = await sql`
    select id::integer, password_hash, token_generation, updated_at from onsale.users order by id`
  expect([...users]).toEqual([
    { id: user_id, password_hash: 'new', token_generation: 2, updated_at: new Date('2026-11-02T12:00:00Z') },
    { id: other, password_hash: 'old', token_generation: 1, updated_at: new Date('2026-11-01T12:00:00Z') },
  ])
  expect((await auditOf(sql, `user ${user_id}`)).at(-1)).toEqual({
    actor: `user ${user_id}`,
    action: 'user.password',
    before: null,
    after: null,
  })
})

check('who no longer knows the password changes nothing', async (sql) => {
  const { user_id } = await signUp(sql, 'ann@example.com', { hash: 'old' })
  await update(sql, user_id, 'old', 'new')
  expect(await update(sql, user_id, 'old', 'late')).toEqual({ outcome: 'stale', token_generation: null })
  const [user] = await sql`select password_hash, token_generation from onsale.users where id = ${user_id}`
  expect(user).toEqual({ password_hash: 'new', token_generation: 2 })
  expect(await auditOf(sql, `user ${user_id}`)).toHaveLength(2)
})

check('a user whom there is not has no password', async (sql) => {
  expect(await update(sql, 999_999, 'old', 'new')).toEqual({ outcome: 'stale', token_generation: null })
})
