import { expect, test } from 'bun:test'
import type { Session } from '../../../src/platform/database.ts'
import { testDatabase } from '../../harness.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

async function claim(sql: Session, now: string) {
  const [row] = await sql<{ isClaimed: boolean; completedAt: Date | null; driftCount: number | null }[]>`
    select is_claimed as "isClaimed", completed_at as "completedAt", drift_count as "driftCount"
    from api.claim_verification('1 hour', ${`2036-11-01T${now}Z`}::text::timestamptz)`
  return row && { ...row }
}

check('what is due is given to who asks first, and to nobody else until it is due again', async (sql) => {
  const unknown = { completedAt: null, driftCount: null }
  expect(await claim(sql, '10:00:00')).toEqual({ isClaimed: true, ...unknown })
  expect(await claim(sql, '10:00:00')).toEqual({ isClaimed: false, ...unknown })
  expect(await claim(sql, '10:59:59.999')).toEqual({ isClaimed: false, ...unknown })
  expect(await claim(sql, '11:00:00')).toEqual({ isClaimed: true, ...unknown })
})

check('a deployment that has just migrated is not busy with it at once', async (sql) => {
  const [row] = await sql`select is_claimed from api.claim_verification('1 hour')`
  expect(row?.is_claimed).toBe(false)
})

check('everyone is told how the newest one came out', async (sql) => {
  await claim(sql, '10:00:00')
  await sql`select from api.complete_verification(3, '2036-11-01T10:00:07Z')`
  expect(await claim(sql, '10:30:00')).toEqual({
    isClaimed: false,
    completedAt: new Date('2036-11-01T10:00:07Z'),
    driftCount: 3,
  })
})

test('of many that ask at the same moment one gets it', async () => {
  const database = await testDatabase({ connections: 8 })
  try {
    const claims = await Promise.all(Array.from({ length: 32 }, () => claim(database.service, '10:00:00')))
    expect(claims.filter((row) => row?.isClaimed)).toHaveLength(1)
  } finally {
    await database.drop()
  }
})
