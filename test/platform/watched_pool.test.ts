import { afterAll, beforeAll, expect, test } from 'bun:test'
import { openWatchedPool, serviceRole } from '../../src/platform/database.ts'
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
