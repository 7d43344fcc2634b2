import { afterAll, beforeAll, expect, test } from 'bun:test'
import { openPool, openWatchedPool, type Sql, serviceRole } from '../../src/platform/database.ts'
import { type TestDatabase, testDatabase } from '../harness.ts'
import { testProxy } from '../proxy.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await testDatabase()
})
afterAll(() => database.drop())

test('a call into a black hole is refused, and the next one finds the database again', async () => {
  const proxy = await testProxy(database.url)
  let replacedCount = 0
  const pool = openWatchedPool(proxy.url, {
    name: 'test watched',
    max: 1,
    role: serviceRole,
    statementTimeoutMs: 200,
    onReplaced: () => replacedCount++,
  })
  await pool`select api.get_clock()`
  proxy.freeze()
  const hanging = pool`select api.get_clock()`.then(
    () => 'answered',
    (error: { code: string }) => error.code,
  )
  expect(await hanging).toMatch(/^CONNECTION_/)
  expect(replacedCount).toBe(1)
  proxy.thaw()
  expect(await pool`select api.get_clock()`).toHaveLength(1)
  await pool.end({ timeout: 1 })
  await proxy.stop()
}, 20_000)

test('a slow call that the server itself ends keeps its pool', async () => {
  let replacedCount = 0
  const pool = openWatchedPool(database.url, {
    name: 'test watched',
    max: 1,
    statementTimeoutMs: 300,
    onReplaced: () => replacedCount++,
  })
  const refused = pool`select pg_sleep(5)`.then(
    () => 'answered',
    (error: { code: string }) => error.code,
  )
  expect(await refused).toBe('57014')
  expect(replacedCount).toBe(0)
  await pool.end({ timeout: 1 })
}, 20_000)

test('calls one after the other keep to one connection, and as many as it has go side by side', async () => {
  const pool = openWatchedPool(database.url, { name: 'test tiers', max: 11 })
  const other = openPool(database.url, { name: 'test lock', max: 1 })
  const alone = new Set<number>()
  for (let nth = 0; nth < 10; nth++) alone.add(await backendOf(pool`select pg_backend_pid() as pid`))
  expect(alone.size).toBe(1)

  await other`select pg_advisory_lock(7)`
  const waiting = Array.from({ length: 13 }, () =>
    backendOf(pool`select pg_backend_pid() as pid, pg_advisory_lock_shared(7), pg_advisory_unlock_shared(7)`),
  )
  while ((await countOfWaiting(other)) < 11) await Bun.sleep(5)
  await other`select pg_advisory_unlock(7)`
  expect(new Set(await Promise.all(waiting)).size).toBe(11)
  await pool.end({ timeout: 1 })
  await other.end({ timeout: 1 })
})

async function backendOf(query: PromiseLike<readonly { pid?: number }[]>): Promise<number> {
  const [row] = await query
  return row?.pid ?? 0
}

async function countOfWaiting(sql: Sql): Promise<number> {
  const [row] = await sql<{ count: number }[]>`
    select count(*)::integer as count from pg_stat_activity
    where application_name = 'onsale test tiers' and wait_event = 'advisory'`
  return row?.count ?? 0
}
