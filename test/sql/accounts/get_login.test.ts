import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { signUp } from '../../accounts.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

async function login(sql: TransactionSql, email: string) {
  const rows = await sql`
    select user_id::integer, password_hash, role, token_generation from api.get_login(p_email => ${email}::text)`
  return [...rows]
}

check('a user is found by his address, in any case', async (sql) => {
  const { user_id } = await signUp(sql, 'Ann@example.com', { hash: 'secret', role: 'ADMIN' })
  await signUp(sql, 'ben@example.com')
  for (const email of ['Ann@example.com', 'ann@EXAMPLE.com']) {
    expect(await login(sql, email)).toEqual([
      { user_id, password_hash: 'secret', role: 'ADMIN', token_generation: 1 },
    ])
  }
})

check('an address that nobody has gives no row', async (sql) => {
  await signUp(sql, 'ann@example.com')
  expect(await login(sql, 'ann@example.co')).toEqual([])
  expect(await login(sql, '%')).toEqual([])
})
