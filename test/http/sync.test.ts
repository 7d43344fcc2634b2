import { afterAll, beforeAll, expect, test } from 'bun:test'
import { type TestDatabase, testDatabase } from '../harness.ts'
import { type RunningService, runService, type Somebody } from '../service.ts'
import { productLines, stagedRun } from '../sync.ts'

let database: TestDatabase
let service: RunningService
let admin: Somebody
let user: Somebody
beforeAll(async () => {
  database = await testDatabase()
  service = await runService(database)
  admin = await service.somebody({ role: 'ADMIN' })
  user = await service.somebody()
})
afterAll(async () => {
  await service.stop()
  await database.drop()
})

test('an admin sees the syncs, the newest first, and nobody else does', async () => {
  expect((await service.ask('GET /admin/sync', { token: admin.token })).body).toEqual({ runs: [] })
  const ids: number[] = []
  for (const state of ['failed', 'loaded']) {
    ids.unshift(await stagedRun(database.admin, { products: productLines() }, { state }))
  }
  const { status, headers, body } = await service.ask('GET /admin/sync', { token: admin.token })
  expect([status, headers.get('cache-control')]).toEqual([200, 'no-store'])
  expect(body.runs).toMatchObject(ids.map((id) => ({ id, purpose: 'sync', parts: [{ kind: 'products' }] })))
  expect((await service.ask('GET /admin/sync', { token: user.token })).status).toBe(403)
  expect((await service.ask('GET /admin/sync')).status).toBe(401)
})
