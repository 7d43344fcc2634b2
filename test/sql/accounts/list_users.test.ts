import { expect } from 'bun:test'
import { signUp } from '../../accounts.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

check('users come one per id, in order, also twice and where there is none', async (sql) => {
  const { user_id: ann } = await signUp(sql, 'ann@example.com')
  const { user_id: ben } = await signUp(sql, 'ben@example.com', { role: 'ADMIN' })
  const ids = `{${ben},999999,${ann},${ben}}`
  const rows = await sql`
    select ordinal::integer, user_id::integer, email, role, token_generation
    from api.list_users(p_user_ids => ${ids}::text::bigint[])`
  const admin = { user_id: ben, email: 'ben@example.com', role: 'ADMIN', token_generation: 1 }
  expect([...rows]).toEqual([
    { ordinal: 1, ...admin },
    { ordinal: 2, user_id: null, email: null, role: null, token_generation: null },
    { ordinal: 3, user_id: ann, email: 'ann@example.com', role: 'USER', token_generation: 1 },
    { ordinal: 4, ...admin },
  ])
})

check('nobody is asked for, nobody comes', async (sql) => {
  expect([...(await sql`select * from api.list_users(p_user_ids => '{}')`)]).toEqual([])
})
