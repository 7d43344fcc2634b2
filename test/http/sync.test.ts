import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { type TestDatabase, testDatabase } from '../harness.ts'
import { type RunningService, runService, type Somebody } from '../service.ts'
import { productLines, stagedRun, wantedSync } from '../sync.ts'

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
  expect((await service.ask('GET /admin/sync', { token: admin.token })).body).toEqual({
    runs: [],
    wanted: null,
  })
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

describe('POST /admin/sync', () => {
  test('where there is no shop it says so', async () => {
    const { status, code } = await service.ask('POST /admin/sync', { token: admin.token })
    expect([status, code]).toEqual([409, 'shopify_not_connected'])
    expect(await wantedSync(database.admin)).toBeUndefined()
  })

  test('an admin asks once, and nobody else does', async () => {
    // Nobody listens there.
    const connected = await runService(database, {
      SHOPIFY_API_URL: 'http://127.0.0.1:1/admin/api/2026-10/graphql.json',
      SHOPIFY_ACCESS_TOKEN: 'a_token',
    })
    try {
      expect((await connected.ask('POST /admin/sync', { token: user.token })).status).toBe(403)
      expect((await connected.ask('POST /admin/sync')).status).toBe(401)
      for (const query of ['orders_days=0', 'orders_days=10000', 'orders_days=1&orders_days=2', 'days=5']) {
        const { status, code } = await connected.ask(`POST /admin/sync?${query}`, { token: admin.token })
        expect([query, status, code]).toEqual([query, 400, 'bad_request'])
      }
      expect(await wantedSync(database.admin)).toBeUndefined()

      const { status, headers, body } = await connected.ask('POST /admin/sync?orders_days=30', {
        token: admin.token,
      })
      expect([status, headers.get('cache-control'), body]).toEqual([202, 'no-store', { status: 'queued' }])
      // Not before the test is over.
      await database.admin`update onsale.wanted_syncs set next_attempt_at = now() + interval '1 hour'`
      const again = await connected.ask('POST /admin/sync', { token: admin.token })
      expect([again.status, again.body]).toEqual([202, { status: 'queued' }])
      const shown = await connected.ask('GET /admin/sync', { token: admin.token })
      expect(shown.body.wanted).toMatchObject({
        state: 'queued',
        wanted_by: `user ${admin.id}`,
        orders_days: 30,
        reason: null,
      })
      const audited = await database.admin`select actor, action from onsale.audit_log where subject = 'sync'`
      expect([...audited]).toEqual([{ actor: `user ${admin.id}`, action: 'sync.want' }])
    } finally {
      await connected.stop()
    }
  })
})
