import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import type { Session } from '../../../src/platform/database.ts'
import { type TestDatabase, testDatabase } from '../../harness.ts'
import { productLines, stagedRun } from '../../sync.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await testDatabase()
})
afterAll(() => database.drop())
beforeEach(async () => {
  await database.admin`truncate onsale.sync_runs, onsale.sync_parts, onsale.staged_records restart identity`
})

async function claim(
  sql: Session,
  { purpose = 'sync', shop = 'demo.myshopify.com', now = '2026-11-01T12:00' } = {},
) {
  const [row] = await sql<{ outcome: string; id: number | null }[]>`
    select r.outcome, r.run_id::float8 as id
    from api.claim_sync_run(
      ${purpose}, ${shop}, '{products,orders}', '2026-09-02T00:00:00Z', '6 days', ${`${now}:00Z`}::text::timestamptz
    ) r`
  return row!
}

/** In a session of its own, which then ends as that of a killed process does. */
async function inSession<T>(work: (sql: Session) => Promise<T>): Promise<T> {
  const session = await database.admin.reserve()
  try {
    return await work(session)
  } finally {
    await session`select pg_advisory_unlock_all()`
    session.release()
  }
}

const states = async () =>
  (await database.admin`select state, reason from onsale.sync_runs order by id`).map((row) => ({ ...row }))

test('a new run has a part for each file, and nothing staged', async () => {
  await stagedRun(database.admin, { products: productLines() }, { state: 'done' })
  const { outcome, id } = await inSession(claim)
  expect({ outcome, id }).toEqual({ outcome: 'claimed', id: 2 })
  const parts = await database.admin`select kind from onsale.sync_parts where run_id = ${id} order by kind`
  expect(parts.map(({ kind }) => kind)).toEqual(['orders', 'products'])
  expect(await database.admin`select from onsale.staged_records`).toHaveLength(0)
})

test('while one session has the place, another one gets nothing and changes nothing', async () => {
  await inSession(async (first) => {
    expect(await claim(first)).toEqual({ outcome: 'claimed', id: 1 })
    await inSession(async (second) => {
      expect(await claim(second)).toEqual({ outcome: 'busy', id: null })
      expect(await claim(second, { purpose: 'reconcile' })).toEqual({ outcome: 'busy', id: null })
    })
  })
  expect(await states()).toEqual([{ state: 'loading', reason: null }])
})

test('a run that was stopped goes on with what is staged', async () => {
  const id = await stagedRun(
    database.admin,
    { products: productLines() },
    { startedAt: '2026-11-01T11:00:00Z' },
  )
  expect(await inSession(claim)).toEqual({ outcome: 'resumed', id })
  expect(await database.admin`select from onsale.staged_records`).toHaveLength(2)
  expect(await states()).toEqual([{ state: 'loaded', reason: null }])
})

test('what a crash of the server has taken from the staging is loaded again', async () => {
  const id = await stagedRun(
    database.admin,
    { products: productLines() },
    { startedAt: '2026-11-01T11:00:00Z' },
  )
  await database.admin`update onsale.sync_parts set applied_line = 1, lane_lines = '{1,null}', loaded_lines = 2, loaded_bytes = 900`
  await database.admin`truncate onsale.staged_records`
  expect(await inSession(claim)).toEqual({ outcome: 'resumed', id })
  expect(await states()).toEqual([{ state: 'loading', reason: null }])
  const [part] = await database.admin`
    select loaded_bytes::integer as bytes, loaded_lines::integer as lines, loaded_at, applied_line::integer as applied,
      lane_lines::text as lanes
    from onsale.sync_parts`
  expect(part).toEqual({ bytes: 0, lines: 0, loaded_at: null, applied: 0, lanes: '{0,0}' })
})

test('a run of another purpose or shop, or of last week, is given up for a new one', async () => {
  const begins = async (
    stopped: { purpose?: string; startedAt: string },
    next: Parameters<typeof claim>[1],
  ) => {
    await database.admin`truncate onsale.sync_runs, onsale.sync_parts, onsale.staged_records restart identity`
    await stagedRun(database.admin, { products: productLines() }, stopped)
    expect(await inSession((sql) => claim(sql, next))).toEqual({ outcome: 'claimed', id: 2 })
    expect(await database.admin`select from onsale.staged_records`).toHaveLength(0)
    return (await states())[0]
  }
  const startedAt = '2026-11-01T11:00:00Z'
  expect(await begins({ purpose: 'reconcile', startedAt }, {})).toEqual({
    state: 'failed',
    reason: 'It was stopped, and another one has begun',
  })
  expect(await begins({ startedAt }, { shop: 'other.myshopify.com' })).toEqual({
    state: 'failed',
    reason: 'It was stopped, and the next one was of another shop',
  })
  expect(await begins({ startedAt: '2026-10-20T11:00:00Z' }, {})).toEqual({
    state: 'failed',
    reason: 'It was stopped, and not taken up again in time',
  })
})
