import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createAccounts } from '../../src/accounts/accounts.ts'
import { createAdmin } from '../../src/admin/admin.ts'
import { createCatalog } from '../../src/catalog/catalog.ts'
import { readConfig } from '../../src/config.ts'
import { createJobCalls } from '../../src/jobs/calls.ts'
import { serviceRole } from '../../src/platform/database.ts'
import { createLog } from '../../src/platform/log.ts'
import { createMetrics } from '../../src/platform/metrics.ts'
import { createRateLimits } from '../../src/rate_limits/rate_limits.ts'
import { makeEvent } from '../admin.ts'
import { apply, delivery, product } from '../deliveries.ts'
import { expectVerified, type TestDatabase, testDatabase } from '../harness.ts'
import { buildPartialApp } from '../partial_app.ts'
import { type Mirrored, mirror, writeJob } from '../writes.ts'

// The write queue as admins meet it: nobody works here, so what is queued stays as it is until a test says that it is done.

type Pending = { job_id: number; kind: string; state: string }
type Body = {
  id: number
  access_token: string
  job_id: number
  status: string
  code: string
  title: string
  version: number
  current_version: number
  least: number
  later_job_id: number
  detail: string
  state: string
  superseded_by: number | null
  confirmed_at: string | null
  event_id: number | null
  result: Record<string, unknown> | null
  errors: { path?: string; field?: string; message: string }[]
  pending_changes: Pending[]
}
type Answer = { status: number; body: Body; headers: Headers }

let database: TestDatabase
let url: URL
let stop: () => Promise<void>
let ann: string
let bob: string
let jobs: ReturnType<typeof createJobCalls>

beforeAll(async () => {
  database = await testDatabase({ connections: 8 })
  const pool = database.service
  const metrics = createMetrics()
  const log = createLog({ level: 'silent', destination: { write: () => {} } })
  const config = readConfig({})
  const accounts = createAccounts({ pool, secrets: ['a secret of more than 32 characters'], metrics })
  const catalog = createCatalog({
    pool,
    replica: null,
    redis: null,
    log,
    metrics,
    config,
    listenUrl: database.url,
    listenRole: serviceRole,
  })
  jobs = createJobCalls(pool, metrics)
  await catalog.start()
  const app = buildPartialApp({
    config,
    log,
    metrics,
    catalog,
    accounts,
    admin: createAdmin({ pool, metrics, shop: { currency: 'EUR', eventType: null } }),
    jobs,
    rateLimits: createRateLimits({ redis: null, config: { rateLimits: false, trustedProxies: [] } }),
  })
  const server = Bun.serve({ ...app.serve, port: 0, hostname: '127.0.0.1' })
  url = server.url
  stop = async () => {
    await server.stop(true)
    await catalog.stop()
  }
  ann = await anAdmin()
  bob = await anAdmin()
})
afterAll(async () => {
  await expectVerified(database.admin)
  await stop()
  await database.drop()
})

async function ask(
  route: string,
  body?: unknown,
  { token = ann, key }: { token?: string | null; key?: string } = {},
): Promise<Answer> {
  const [method = '', path = ''] = route.split(' ')
  const response = await fetch(new URL(path, url), {
    method,
    headers: {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(key === undefined ? {} : { 'idempotency-key': key }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  return {
    status: response.status,
    body: (text === '' ? {} : JSON.parse(text)) as Body,
    headers: response.headers,
  }
}

async function anAdmin(): Promise<string> {
  const credentials = { email: `${crypto.randomUUID()}@example.com`, password: 'a sentence about otters' }
  const { body } = await ask('POST /auth/signup', credentials, { token: null })
  await database.admin`update onsale.users set role = 'ADMIN' where id = ${body.id}`
  return (await ask('POST /auth/login', credentials, { token: null })).body.access_token
}

let productId = 0

/** An event of Shopify's, of a product of its own, with one ticket. */
function shopEvent(): Promise<Mirrored> {
  productId += 1
  return mirror(database.admin, { id: productId, variants: [productId * 1000] })
}

/** The id of the job that was queued, as the answer says it in three places. */
function jobOf(answer: Answer): number {
  const id = answer.body.job_id
  expect([answer.status, answer.body.status, answer.headers.get('location')]).toEqual([
    202,
    'queued',
    `/jobs/${id}`,
  ])
  expect(answer.headers.get('cache-control')).toBe('no-store')
  return id
}

const refusal = ({ status, body }: Answer) => [status, body.code]
const pathsOf = ({ body }: Answer) => body.errors.map(({ path }) => path)

/** What a visitor sees of the event, as soon as it is what it should be; a commit takes a moment to be seen. */
async function seen(event: number, isSo: (body: Body) => boolean): Promise<Body> {
  const startedAt = performance.now()
  for (;;) {
    const { body } = await ask(`GET /events/${event}`, undefined, { token: null })
    if (isSo(body)) return body
    if (performance.now() - startedAt > 5_000)
      throw new Error(`Not seen: ${JSON.stringify(body.pending_changes)}`)
    await Bun.sleep(5)
  }
}

/** Has a worker do the next job of this kind; answers which. */
async function work(kind: string): Promise<{ id: number; attempt: number }> {
  const [job] = await jobs.claimJobs({ kinds: [kind], limit: 1, leaseS: 60, attemptsMax: 10 })
  if (job === undefined) throw new Error(`Nothing of kind ${kind} is to be done`)
  return job
}

const general = { name: 'General', price_cents: 2500, capacity: 10 }

describe('a new event', () => {
  const rock = {
    title: 'Rock Night',
    status: 'active',
    starts_at: '2098-06-01T21:00:00+02:00',
    tickets: [general],
  }

  test('is queued for Shopify, and told by its job', async () => {
    const id = jobOf(
      await ask('POST /events', { ...rock, description: '<p onclick="x()">Loud.</p>', location_id: '3' }),
    )
    expect((await writeJob(database.admin, id)).request).toMatchObject({
      event: {
        title: 'Rock Night',
        status: 'active',
        description: '<p>Loud.</p>',
        starts_at: '2098-06-01T19:00:00.000Z',
        tickets: [general],
      },
      currency: 'EUR',
      location_id: '3',
    })
    const { body } = await ask(`GET /jobs/${id}`)
    expect(body).toMatchObject({
      id,
      state: 'queued',
      event_id: null,
      result: null,
      errors: [],
      superseded_by: null,
    })
  })

  test('is a draft unless it says otherwise', async () => {
    const id = jobOf(await ask('POST /events', { ...rock, status: undefined, channel: 'shopify' }))
    expect((await writeJob(database.admin, id)).request).toMatchObject({ event: { status: 'draft' } })
  })

  test('under a key is queued once, and another one under it is refused', async () => {
    const first = await ask('POST /events', rock, { key: 'once' })
    const again = await ask('POST /events', rock, { key: 'once' })
    expect(jobOf(again)).toBe(jobOf(first))
    expect([first, again].map(({ headers }) => headers.get('idempotent-replayed'))).toEqual([null, 'true'])
    const other = await ask('POST /events', { ...rock, title: 'Another' }, { key: 'once' })
    expect(refusal(other)).toEqual([409, 'idempotency_conflict'])
    expect(jobOf(await ask('POST /events', rock, { key: 'once', token: bob }))).not.toBe(jobOf(first))
    expect(refusal(await ask('POST /events', rock, { key: 'x'.repeat(129) }))).toEqual([400, 'bad_request'])
  })

  test('with what Shopify has no place for is refused, all of it by name', async () => {
    const refused = await ask('POST /events', {
      ...rock,
      currency: 'USD',
      per_user_limit: null,
      tickets: [
        { ...general, ticket_type: 'standing', is_visible: false },
        { ...general, sale_starts_at: '2098-01-01T00:00:00Z', sale_ends_at: null },
        { ...general, name: 'VIP', ticket_type: 'VIP', is_visible: true, position: 1 },
      ],
    })
    expect(refusal(refused)).toEqual([422, 'validation_failed'])
    expect(pathsOf(refused).toSorted()).toEqual([
      '/currency',
      '/per_user_limit',
      '/tickets/0/is_visible',
      '/tickets/0/ticket_type',
      '/tickets/1/name',
      '/tickets/1/sale_starts_at',
    ])
    for (const tickets of [undefined, []]) {
      expect(pathsOf(await ask('POST /events', { ...rock, tickets }))).toEqual(['/tickets'])
    }
  })

  test('of the direct channel alone is made at once, at no location', async () => {
    const direct = { ...rock, channel: 'direct' }
    expect(await ask('POST /events', direct)).toMatchObject({ status: 201, body: { title: 'Rock Night' } })
    expect(pathsOf(await ask('POST /events', { ...direct, location_id: '3' }))).toEqual(['/location_id'])
  })
})

describe('a change of an event', () => {
  test('is pending until Shopify tells of it, and is seen to be so', async () => {
    const { event } = await shopEvent()
    const before = await seen(event, () => true)
    expect(before.pending_changes).toEqual([])
    const id = jobOf(await ask(`PATCH /events/${event}`, { version: before.version, title: 'Last Night' }))
    const pending = await seen(event, ({ pending_changes }) => pending_changes.length > 0)
    expect(pending).toMatchObject({ title: 'Rock Night', version: before.version })
    expect(pending.pending_changes).toEqual([
      { job_id: id, kind: 'update_event', state: 'queued', created_at: expect.any(String) },
    ] as never)

    const job = await work('update_event')
    const changedAt = '2026-11-02T10:00:00Z'
    await jobs.completeJob(job, { event_id: event, shopify_updated_at: changedAt })
    await seen(event, ({ pending_changes }) => pending_changes[0]?.state === 'done')
    expect(await jobs.applyJobConfirmations()).toEqual([])

    const body = product({ id: productId, title: 'Last Night', updated_at: changedAt, variants: [] })
    await apply(database.admin, delivery('products/update', body))
    expect(await jobs.applyJobConfirmations()).toEqual([
      { id, kind: 'update_event', confirmS: expect.any(Number), visibleS: expect.any(Number) },
    ])
    const after = await seen(event, ({ pending_changes }) => pending_changes.length === 0)
    expect(after).toMatchObject({ title: 'Last Night', version: before.version + 1 })
    expect((await ask(`GET /jobs/${id}`)).body).toMatchObject({
      state: 'done',
      confirmed_at: expect.any(String),
      event_id: event,
    })
  })

  test('that two admins make is refused to who looked at an older version', async () => {
    const { event } = await shopEvent()
    jobOf(await ask(`PATCH /events/${event}`, { version: 1, title: 'A' }))
    const body = product({ id: productId, title: 'A', updated_at: '2026-11-02T10:00:00Z', variants: [] })
    await apply(database.admin, delivery('products/update', body))
    const refused = await ask(`PATCH /events/${event}`, { version: 1, title: 'B' }, { token: bob })
    expect([...refusal(refused), refused.body.current_version]).toEqual([409, 'version_conflict', 2])
  })

  test('takes the place of one that nobody began, with what that one changed', async () => {
    const { event } = await shopEvent()
    const first = jobOf(await ask(`PATCH /events/${event}`, { version: 1, title: 'A', subtitle: 'a' }))
    const second = jobOf(await ask(`PATCH /events/${event}`, { version: 1, title: 'B' }, { token: bob }))
    expect((await ask(`GET /jobs/${first}`)).body).toMatchObject({
      state: 'done',
      superseded_by: second,
      result: { superseded_by: second },
    })
    expect((await writeJob(database.admin, second)).request).toMatchObject({
      changes: { title: 'B', subtitle: 'a' },
    })
  })

  test('that both admins make at the same moment is one job with both', async () => {
    const { event } = await shopEvent()
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, nth) =>
        ask(
          `PATCH /events/${event}`,
          { version: 1, [nth % 2 ? 'title' : 'subtitle']: `by ${nth}` },
          { token: nth % 2 ? ann : bob },
        ),
      ),
    )
    const last = Math.max(...answers.map(jobOf))
    expect((await writeJob(database.admin, last)).request).toMatchObject({
      changes: { title: expect.stringMatching(/^by/), subtitle: expect.stringMatching(/^by/) },
    })
    const shown = await seen(event, ({ pending_changes }) => pending_changes[0]?.job_id === last)
    expect(shown.pending_changes.length).toBe(1)
  })

  test('is queued by each of its routes', async () => {
    const { event, ticket } = await shopEvent()
    const routes: [string, object | undefined, string][] = [
      [`POST /events/${event}/publish`, undefined, 'publish_event'],
      [`POST /events/${event}/unpublish`, undefined, 'unpublish_event'],
      [`POST /events/${event}/tickets`, { ...general, location_id: '3' }, 'create_ticket'],
      [
        `PATCH /tickets/${ticket}`,
        { version: 1, price_cents: 3000, ticket_type: undefined },
        'update_ticket',
      ],
      [`PUT /tickets/${ticket}/capacity`, { version: 1, capacity: 150 }, 'update_capacity'],
      [`DELETE /tickets/${ticket}`, undefined, 'delete_ticket'],
      [`DELETE /events/${event}`, undefined, 'delete_event'],
    ]
    const kinds = []
    for (const [route, body] of routes)
      kinds.push((await writeJob(database.admin, jobOf(await ask(route, body)))).kind)
    expect(kinds).toEqual(routes.map(([, , kind]) => kind))
    const { pending_changes } = await seen(event, (body) => body.pending_changes.length === routes.length)
    expect(pending_changes.map(({ kind }) => kind)).toEqual(kinds)
  })

  test('shows to an admin of a draft, too', async () => {
    productId += 1
    const body = product({ id: productId, status: 'draft', variants: [] })
    await apply(database.admin, delivery('products/create', body))
    const { body: draft } = await ask(`GET /events/shopify:${productId}`)
    const id = jobOf(await ask(`POST /events/${draft.id}/publish`))
    const { body: shown } = await ask(`GET /events/shopify:${productId}`)
    expect(shown.pending_changes).toMatchObject([{ job_id: id, kind: 'publish_event' }])
  })

  test('with what Shopify has no place for is refused by name, and nothing is queued', async () => {
    const { event, ticket } = await shopEvent()
    const refused = await Promise.all([
      ask(`PATCH /events/${event}`, {
        version: 1,
        title: 'A',
        sales_paused: true,
        images: [],
        per_user_limit: null,
      }),
      ask(`POST /events/${event}/tickets`, { ...general, position: 2, is_visible: false }),
      ask(`PATCH /tickets/${ticket}`, {
        version: 1,
        ticket_type: 'standing',
        position: 2,
        sale_ends_at: '2098-01-01T00:00:00Z',
      }),
      ask(`PATCH /tickets/${ticket}`, { version: 1 }),
    ])
    expect(refused.map(refusal)).toEqual(refused.map(() => [422, 'validation_failed']))
    expect(refused.map((answer) => pathsOf(answer).toSorted())).toEqual([
      ['/images', '/per_user_limit', '/sales_paused'],
      ['/is_visible', '/position'],
      ['/position', '/sale_ends_at', '/ticket_type'],
      ['/'],
    ])
    expect((await ask(`GET /events/${event}`)).body.pending_changes).toEqual([])
  })

  test('to sales_paused alone is made at once', async () => {
    const { event } = await shopEvent()
    const paused = await ask(`PATCH /events/${event}`, { version: 1, sales_paused: true })
    expect(paused).toMatchObject({ status: 200, body: { sales_paused: true, pending_changes: [] } })
  })

  test('to fewer than are sold is refused', async () => {
    const { event, ticket } = await shopEvent()
    await database.admin`
      insert into onsale.stock (event_id, ticket_id, channel, capacity) values (${event}, ${ticket}, 'direct', 7)`
    const refused = await ask(`PUT /tickets/${ticket}/capacity`, { version: 1, capacity: 6 })
    expect([...refusal(refused), refused.body.least]).toEqual([409, 'capacity_below_sold', 7])
  })

  test('of the direct channel alone is made at once, and names no location', async () => {
    const event = await makeEvent(database.admin)
    const [ticket] = await database.admin<{ id: number }[]>`
      select id::integer from onsale.tickets where event_id = ${event}`
    expect((await ask(`PATCH /events/${event}`, { version: 1, title: 'A' })).status).toBe(200)
    const capacity = { version: 1, capacity: 20 }
    const located = await ask(`PUT /tickets/${ticket!.id}/capacity`, { ...capacity, location_id: '3' })
    expect([...refusal(located), pathsOf(located)]).toEqual([422, 'validation_failed', ['/location_id']])
    expect((await ask(`PUT /tickets/${ticket!.id}/capacity`, capacity)).status).toBe(200)
    expect((await ask(`DELETE /events/${event}`)).status).toBe(204)
  })

  test('that Shopify refuses says why, field by field, and is pending no more', async () => {
    const { event } = await shopEvent()
    const id = jobOf(await ask(`DELETE /events/${event}`))
    const job = await work('delete_event')
    expect(job.id).toBe(id)
    const errors = [
      { message: 'Another ticket of the event has this name', field: '/name' },
      { message: 'The event is not in the shop any more', field: null },
    ]
    await jobs.failJob(job, { state: 'failed', errors })
    expect((await ask(`GET /jobs/${id}`)).body).toMatchObject({ state: 'failed', errors })
    await seen(event, ({ pending_changes }) => pending_changes.length === 0)
  })

  test('that was refused is not tried again where it would undo a later one', async () => {
    const { event } = await shopEvent()
    const first = jobOf(await ask(`PATCH /events/${event}`, { version: 1, title: 'A' }))
    await database.admin`update onsale.jobs set state = 'failed' where id = ${first}`
    const second = jobOf(await ask(`PATCH /events/${event}`, { version: 1, title: 'B' }))
    await database.admin`update onsale.jobs set state = 'done' where id = ${second}`
    const refused = await ask(`POST /admin/jobs/${first}/retry`)
    expect([...refusal(refused), refused.body.later_job_id]).toEqual([409, 'overtaken', second])
    expect(refused.body.detail).toStartWith(`Job ${second} (update_event, done) came later`)
    expect((await ask(`GET /jobs/${first}`)).body.state).toBe('failed')
  })

  test('that is discarded is pending no more, and tried again it is', async () => {
    const { event } = await shopEvent()
    const id = jobOf(await ask(`POST /events/${event}/publish`))
    await seen(event, ({ pending_changes }) => pending_changes.length === 1)
    expect((await ask(`POST /admin/jobs/${id}/discard`)).status).toBe(200)
    await seen(event, ({ pending_changes }) => pending_changes.length === 0)
    expect((await ask(`POST /admin/jobs/${id}/retry`)).status).toBe(200)
    await seen(event, ({ pending_changes }) => pending_changes.length === 1)
  })
})
