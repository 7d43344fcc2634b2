import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { Session } from '../../../src/platform/database.ts'
import { type TestDatabase, testDatabase } from '../../harness.ts'
import { writeEvent } from '../../writes.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await testDatabase()
})
afterAll(() => database.drop())

async function claim(sql: Session, token: string | null, { actor = 'user 7', digest = 'of it' } = {}) {
  const [row] = await sql<{ outcome: string | null; job: number | null }[]>`
    select c.outcome, c.job_id::integer as job
    from api.claim_client_token(p_actor => ${actor}::text, p_token => ${token}::text, p_digest => ${digest}::text) c`
  return row!
}

const isNew = { outcome: null, job: null }

test('a token that is new, or none, names nothing', async () => {
  expect(await claim(database.admin, 'new')).toEqual(isNew)
  expect(await claim(database.admin, null)).toEqual(isNew)
})

test('a token that was used names its job, to who used it alone', async () => {
  const { job } = await writeEvent(database.admin, { token: 'used' })
  expect(await claim(database.admin, 'used')).toEqual({ outcome: 'replayed', job })
  expect(await claim(database.admin, 'used', { digest: 'of another' })).toEqual({ outcome: 'conflict', job })
  expect(await claim(database.admin, 'used', { actor: 'user 8' })).toEqual(isNew)
})

test('two requests under one token at the same moment are queued once', async () => {
  const placed = await Promise.all(
    Array.from({ length: 6 }, () => writeEvent(database.admin, { token: 'at once' })),
  )
  expect(new Set(placed.map(({ job }) => job)).size).toBe(1)
  expect(placed.filter(({ outcome }) => outcome === 'queued').length).toBe(1)
})
