import { afterAll, beforeAll, expect, test } from 'bun:test'
import { Elysia } from 'elysia'
import { createAccounts } from '../../src/accounts/accounts.ts'
import { accountRoutes } from '../../src/accounts/routes.ts'
import { createAdmin } from '../../src/admin/admin.ts'
import { adminRoutes } from '../../src/admin/routes.ts'
import { composeApp } from '../../src/app.ts'
import { createLog } from '../../src/platform/log.ts'
import { createMetrics } from '../../src/platform/metrics.ts'
import { createRateLimits } from '../../src/rate_limits/rate_limits.ts'
import { makeEvent } from '../admin.ts'
import { allotted, mirrored } from '../allotment.ts'
import { createCallers, type Someone } from '../callers.ts'
import { expectVerified, type TestDatabase, testDatabase } from '../harness.ts'
import { jobOf } from '../jobs.ts'
import { addUser, place, ticketsOf } from '../sales.ts'

type Body = {
  code: string
  job_id: number
  status: string
  current_version: number
  least: number
  errors: { path: string }[]
}
type Callers = ReturnType<typeof createCallers<Body>>

let database: TestDatabase
let connected: Callers
let alone: Callers
let admin: Someone
let stop: () => Promise<unknown>
let nth = 0

beforeAll(async () => {
  database = await testDatabase()
  const servers = [serve({ isConnected: true }), serve({ isConnected: false })] as const
  connected = createCallers<Body>(servers[0].url)
  alone = createCallers<Body>(servers[1].url)
  admin = await connected.anAdmin(database.admin)
  stop = () => Promise.all(servers.map((server) => server.stop(true)))
})
afterAll(async () => {
  await expectVerified(database.admin)
  await stop()
  await database.drop()
})

function serve({ isConnected }: { isConnected: boolean }) {
  const pool = database.service
  const metrics = createMetrics()
  const accounts = createAccounts({ pool, secrets: ['a secret of more than 32 characters'], metrics })
  const shop = isConnected ? { currency: 'EUR', eventType: null } : null
  const rateLimits = createRateLimits({ redis: null, config: { rateLimits: false, trustedProxies: [] } })
  const flows = new Elysia()
    .use(accountRoutes({ accounts, rateLimits }))
    .use(adminRoutes({ admin: createAdmin({ pool, metrics, shop }), accounts }))
  const log = createLog({ level: 'silent' })
  const app = composeApp(flows, { config: { corsOrigins: [] }, log, metrics })
  return Bun.serve({ ...app.serve, port: 0, hostname: '127.0.0.1' })
}

/** An event of Shopify's with a ticket of 10 units, so many of them here. */
async function made(units = 0) {
  nth += 1
  const { event, ticket } = await mirrored(database.admin, 10, { id: nth })
  if (units > 0) await allotted(database.admin, ticket, units)
  return { event, ticket, version: units > 0 ? 2 : 1 }
}

const put = (ticket: number, body: unknown, headers: Record<string, string> = {}, callers = connected) =>
  callers.ask(`PUT /tickets/${ticket}/allotment`, { as: admin, body, headers })
const refusal = ({ status, body }: Awaited<ReturnType<typeof put>>) => [status, body.code]

test('a move is queued, and its job is named', async () => {
  const { ticket, version } = await made()
  const queued = await put(ticket, { units: 4, version, location_id: '655441491' })
  expect(queued).toMatchObject({ status: 202, body: { status: 'queued' } })
  const { job_id: job } = queued.body
  expect(queued.headers.get('location')).toBe(`/jobs/${job}`)
  expect(await jobOf(database.admin, job)).toMatchObject({
    kind: 'move_allotment',
    created_by: `user ${admin.id}`,
    request: { units: 4, location_id: '655441491', version },
  })
})

test('a request that is sent again under its name is the same job', async () => {
  const { ticket, version } = await made()
  const named = { 'idempotency-key': 'mine' }
  const { body: first } = await put(ticket, { units: 4, version }, named)
  const again = await put(ticket, { units: 4, version }, named)
  expect([again.status, again.body, again.headers.get('idempotent-replayed')]).toEqual([202, first, 'true'])
  expect(refusal(await put(ticket, { units: 5, version }, named))).toEqual([409, 'idempotency_conflict'])
})

test('what cannot be moved is refused, with what stands in the way', async () => {
  const { event, ticket, version } = await made(4)
  const stale = await put(ticket, { units: 5, version: version - 1 })
  expect([refusal(stale), stale.body.current_version]).toEqual([[409, 'version_conflict'], version])

  const user = await addUser(database.admin)
  await place(database.admin, event, [{ user, items: [[ticket, 2]] }], { now: new Date().toISOString() })
  const few = await put(ticket, { units: 1, version })
  expect([refusal(few), few.body.least]).toEqual([[409, 'capacity_below_sold'], 2])

  const [direct = 0] = await ticketsOf(database.admin, await makeEvent(database.admin))
  expect(refusal(await put(direct, { units: 1, version: 1 }))).toEqual([409, 'not_shopify'])
  expect(refusal(await put(999_999, { units: 1, version: 1 }))).toEqual([404, 'not_found'])
  expect(refusal(await put(ticket, { units: 5, version }, {}, alone))).toEqual([409, 'shopify_not_connected'])
})

test('what Shopify does not count is refused', async () => {
  const { ticket, version } = await made()
  await database.admin`
    update onsale.shopify_variants set inventory_item_id = null where ticket_id = ${ticket}`
  expect(refusal(await put(ticket, { units: 1, version }))).toEqual([409, 'not_tracked'])
  await database.admin`
    update onsale.shopify_variants set inventory_item_id = ${nth * 10 + 1001} where ticket_id = ${ticket}`
})

test('nonsense is refused with all that is wrong, and strangers before that', async () => {
  const { ticket } = await made()
  for (const units of [-1, 1.5, '4', null, 10_000_001]) {
    const refused = await put(ticket, { units, version: 0, location_id: 'x', more: 1 })
    expect(refusal(refused)).toEqual([422, 'validation_failed'])
    expect(refused.body.errors.map(({ path }) => path).toSorted()).toEqual([
      '/location_id',
      '/more',
      '/units',
      '/version',
    ])
  }
  const ann = await connected.someone()
  const asked = `PUT /tickets/${ticket}/allotment`
  expect(refusal(await connected.ask(asked, { as: ann, body: {} }))).toEqual([403, 'forbidden'])
  expect(refusal(await connected.ask(asked, { body: {} }))).toEqual([401, 'unauthorized'])
})
