import { expect } from 'bun:test'
import { auditOf, signUp } from '../../accounts.ts'
import { scratchTests, sqlStateOf } from '../../scratch.ts'

const check = scratchTests()

check('somebody new becomes a user, as the audit log tells', async (sql) => {
  const { outcome, user_id } = await signUp(sql, 'Ann@example.com', { hash: 'secret' })
  expect(outcome).toBe('created')
  const [user] = await sql`
    select email, password_hash, role::text, token_generation, created_at from onsale.users where id = ${user_id}`
  expect(user).toEqual({
    email: 'Ann@example.com',
    password_hash: 'secret',
    role: 'USER',
    token_generation: 1,
    created_at: new Date('2026-11-01T12:00:00Z'),
  })
  expect(await auditOf(sql, `user ${user_id}`)).toEqual([
    { actor: 'signup', action: 'user.create', before: null, after: { role: 'USER' } },
  ])
})

check('an admin is made by whoever is named', async (sql) => {
  const { user_id } = await signUp(sql, 'boss@example.com', { role: 'ADMIN', actor: 'command' })
  expect(await auditOf(sql, `user ${user_id}`)).toEqual([
    { actor: 'command', action: 'user.create', before: null, after: { role: 'ADMIN' } },
  ])
})

check('an address is taken in every case, nothing changes, and nothing is told', async (sql) => {
  const { user_id } = await signUp(sql, 'ann@example.com', { hash: 'first' })
  expect(await signUp(sql, 'ANN@example.com', { hash: 'second' })).toEqual({
    outcome: 'taken',
    user_id: null,
  })
  const users = await sql`select email, password_hash from onsale.users`
  expect([...users]).toEqual([{ email: 'ann@example.com', password_hash: 'first' }])
  expect(await auditOf(sql, `user ${user_id}`)).toHaveLength(1)
})

check('a role that there is not is refused', async (sql) => {
  expect(await sqlStateOf(sql, (sql) => signUp(sql, 'ann@example.com', { role: 'KING' }))).toBe('22P02')
})
