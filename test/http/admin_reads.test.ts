import { afterAll, beforeAll, expect, test } from 'bun:test'
import { makeEvent } from '../admin.ts'
import { type TestDatabase, testDatabase } from '../harness.ts'
import { type RunningService, runService, type Somebody } from '../service.ts'

let database: TestDatabase
let service: RunningService
let admin: Somebody
let user: Somebody
let draft: number
let active: number

beforeAll(async () => {
  database = await testDatabase({ connections: 4 })
  service = await runService(database)
  admin = await service.somebody({ role: 'ADMIN' })
  user = await service.somebody()
  draft = await makeEvent(database.admin, { status: 'draft', title: 'Not yet' })
  active = await makeEvent(database.admin)
  await database.admin`update onsale.events set shopify_product_id = 632910392 where id = ${draft}`
})
afterAll(async () => {
  await service.stop()
  await database.drop()
})

const idsOf = (body: Record<string, unknown>) => (body.events as { id: number }[]).map(({ id }) => id)

test('the list by status is for admins, and nobody keeps it', async () => {
  const drafts = await service.ask('GET /events?status=draft', { token: admin.token })
  expect([drafts.status, idsOf(drafts.body)]).toEqual([200, [draft]])
  expect(drafts.headers.get('cache-control')).toBe('no-store')
  expect(drafts.headers.get('etag')).toBeNull()
  const others = await service.ask('GET /events?status=active', { token: admin.token })
  expect(idsOf(others.body)).toEqual([active])
  expect((await service.ask('GET /events?status=draft')).status).toBe(401)
  expect((await service.ask('GET /events?status=draft', { token: user.token })).status).toBe(403)
  // The same URL for another caller: what is remembered of it is not who asked.
  const again = await service.ask('GET /events?status=draft', { token: admin.token })
  expect(again.status).toBe(200)
})

test('what is wrong with it is told to admins', async () => {
  for (const query of ['status=gone', 'status=', 'status=draft&cursor=WyJ4Il0', 'status=draft&limit=0']) {
    const { status, code } = await service.ask(`GET /events?${query}`, { token: admin.token })
    expect([query, status, code]).toEqual([query, 400, 'bad_request'])
    expect((await service.ask(`GET /events?${query}`)).status).toBe(401)
  }
})

test('an event that visitors do not see is shown to an admin alone, by both its names', async () => {
  for (const path of [`/events/${draft}`, '/events/shopify:632910392']) {
    const shown = await service.ask(`GET ${path}`, { token: admin.token })
    expect([shown.status, shown.body.id, shown.body.status]).toEqual([200, draft, 'draft'])
    expect(shown.headers.get('cache-control')).toBe('no-store')
    const nothing = await service.ask(`GET ${path}`)
    expect([nothing.status, nothing.code]).toEqual([404, 'not_found'])
    for (const token of [user.token, 'garbage']) {
      const refused = await service.ask(`GET ${path}`, { token })
      expect({ ...refused.body, request_id: '' }).toEqual({ ...nothing.body, request_id: '' })
    }
    expect((await service.ask(`HEAD ${path}`, { token: admin.token })).status).toBe(200)
  }
  const absent = await service.ask('GET /events/999999999', { token: admin.token })
  expect([absent.status, absent.code]).toEqual([404, 'not_found'])
})

test('an event that visitors see is the same for everybody, and cached', async () => {
  const [seen, byAdmin] = [
    await service.ask(`GET /events/${active}`),
    await service.ask(`GET /events/${active}`, { token: admin.token }),
  ]
  expect(byAdmin.text).toBe(seen.text)
  expect(byAdmin.headers.get('etag')).toBe(seen.headers.get('etag') ?? '')
})
