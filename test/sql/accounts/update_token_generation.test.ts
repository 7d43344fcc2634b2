import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { auditOf, signUp } from '../../accounts.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

async function raise(sql: TransactionSql, user: number | null, actor: string): Promise<number | null> {
  const [row] = await sql<{ generation: number | null }[]>`
    select api.update_token_generation(p_user_id => ${user}::bigint, p_actor => ${actor}::text) as generation`
  return row!.generation
}

check('each time the next generation begins, of this user alone', async (sql) => {
  const { user_id } = await signUp(sql, 'ann@example.com')
  await signUp(sql, 'ben@example.com')
  expect(await raise(sql, user_id, `user ${user_id}`)).toBe(2)
  expect(await raise(sql, user_id, 'command')).toBe(3)
  const users = await sql`select token_generation from onsale.users order by id`
  expect(users.map((user) => user.token_generation)).toEqual([3, 1])
  expect(await auditOf(sql, `user ${user_id}`)).toMatchObject([
    { action: 'user.create' },
    { action: 'user.logout', actor: `user ${user_id}` },
    { action: 'user.logout', actor: 'command' },
  ])
})

check('a user whom there is not has no tokens', async (sql) => {
  expect(await raise(sql, 999_999, 'command')).toBeNull()
  expect(await auditOf(sql, 'user 999999')).toEqual([])
})
