import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import { SignJWT, UnsecuredJWT } from 'jose'
import type { Access } from '../../src/platform/operation.ts'
import { addKey } from '../accounts.ts'
import { addEvent } from '../catalog.ts'
import { expectVerified, type TestDatabase, testDatabase } from '../harness.ts'
import { type DeclaredRoute, declaredRoutes } from '../routes.ts'
import { place, ticketsOf } from '../sales.ts'
import {
  type Answer,
  type RunningService,
  runService,
  type Somebody,
  tokenSecret,
  webhookSecret,
} from '../service.ts'

let database: TestDatabase
let service: RunningService
let routes: DeclaredRoute[]
let ids: Record<string, string>
let ann: Somebody
let bob: Somebody
let strangers: Record<string, string | undefined>

beforeAll(async () => {
  database = await testDatabase({ connections: 4 })
  service = await runService(database)
  routes = await declaredRoutes()
  ann = await service.somebody({ email: 'ann@example.com' })
  bob = await service.somebody()
  const event = await addEvent(database.admin)
  const [ticket = 0] = await ticketsOf(database.admin, event)
  const now = new Date().toISOString()
  const [order] = await place(database.admin, event, [{ user: ann.id, items: [[ticket, 2]] }], { now })
  const key = await addKey(database.admin, { user: ann.id, key: 'nobody has it' })
  ids = {
    events: String(event),
    tickets: String(ticket),
    orders: String(order?.body.id),
    bookings: String(order?.body.id),
    'api-keys': String(key),
  }
  strangers = await nobodies()
})
afterAll(async () => {
  await expectVerified(database.admin)
  await service.stop()
  await database.drop()
})

const neverWas = '999999999'

/** The route as somebody would ask it: of things that there are, or of the ids that are given. */
function urlOf({ method, path }: DeclaredRoute, given: Record<string, string> = ids): string {
  const named = path.replace(/([\w-]+)\/:\w+/g, (_, kind: string) => `${kind}/${given[kind] ?? neverWas}`)
  return `${method} ${named.replace('*', 'app/uninstalled')}`
}

/** With its example for a body, which names these ids, too. */
function send(route: DeclaredRoute, token: string | undefined, given = ids): Promise<Answer> {
  return service.ask(urlOf(route, given), { token, ...(route.body && { body: bodyOf(route.body, given) }) })
}

const namedInBodies: Record<string, string> = { order_id: 'orders', booking_id: 'bookings' }

function bodyOf({ schema, example }: NonNullable<DeclaredRoute['body']>, given: Record<string, string>) {
  const named = Object.entries(namedInBodies).filter(([field]) =>
    Object.hasOwn(schema.properties ?? {}, field),
  )
  const values = named.map(([field, kind]) => [field, Number(given[kind] ?? neverWas)])
  return { ...(example as object), ...Object.fromEntries(values) }
}

const secretOf = (text: string) => new TextEncoder().encode(text)
const keyOf = (name: string) => `onsale_${name.padEnd(43, '0')}`

/** A token as ours are, but for what is changed. */
async function tokenLike({
  userId,
  secret = tokenSecret,
  exp = '1h' as string | number,
  kid = tokenSecret,
}: Forged) {
  return await new SignJWT({ role: 'ADMIN', gen: 1 })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT', kid: kidOf(kid) })
    .setIssuer('onsale')
    .setAudience('onsale')
    .setSubject(String(userId))
    .setJti(crypto.randomUUID())
    .setIssuedAt(Math.floor(Date.now() / 1000) - 7200)
    .setExpirationTime(exp)
    .sign(secretOf(secret))
}
type Forged = { userId: number; secret?: string; exp?: string | number; kid?: string }

const kidOf = (secret: string) => new Bun.CryptoHasher('sha256').update(secret).digest('hex').slice(0, 8)

/** Callers that are nobody, by what is wrong with them: the token of each is an admin's but for that. */
async function nobodies(): Promise<Record<string, string | undefined>> {
  const { id: userId, token } = await service.somebody({ role: 'ADMIN' })
  const revoked = await service.somebody({ role: 'ADMIN' })
  expect((await service.ask('GET /admin/api-keys', { token: revoked.token })).status).toBe(200)
  expect((await service.ask('POST /auth/logout-everywhere', { token: revoked.token })).status).toBe(204)
  const gone = keyOf('gone')
  const goneId = await addKey(database.admin, { user: userId, key: gone })
  expect((await service.ask(`DELETE /admin/api-keys/${goneId}`, { token })).status).toBe(204)
  // What is not wrong is as it should be: such a token is believed.
  const right = await tokenLike({ userId })
  expect((await service.ask('GET /admin/api-keys', { token: right })).status).toBe(200)
  const unsigned = new UnsecuredJWT({ role: 'ADMIN', gen: 1 })
    .setIssuer('onsale')
    .setAudience('onsale')
    .setSubject(String(userId))
    .setJti('1')
    .setIssuedAt()
    .setExpirationTime('1h')
    .encode()
  return {
    'nobody at all': undefined,
    garbage: 'garbage',
    'three words': 'e30.e30.e30',
    'forged with another secret': await tokenLike({
      userId,
      secret: 'another secret of 32 characters or more',
    }),
    'forged with a secret of its own': await tokenLike({ userId, secret: 'mine', kid: 'mine' }),
    expired: await tokenLike({ userId, exp: Math.floor(Date.now() / 1000) - 1 }),
    'of a user who is not there': await tokenLike({ userId: 999_999_999 }),
    'alg: none': unsigned,
    'alg: none with a signature': `${unsigned}${token.split('.')[2]}`,
    'revoked everywhere': revoked.token,
    'a key that was revoked': gone,
    'a key that never was': keyOf('none'),
  }
}

/** Callers that are somebody; each request has one of its own, so that none ends what the next one needs. */
const somebodies: Record<string, () => Promise<string>> = {
  user: async () => (await service.somebody()).token,
  admin: async () => (await service.somebody({ role: 'ADMIN' })).token,
  'key of another scope': () => newKey('other'),
  'key of the scope checkin': () => newKey('checkin'),
}

async function newKey(scope: string): Promise<string> {
  const key = keyOf(crypto.randomUUID().replaceAll('-', ''))
  await addKey(database.admin, { user: ann.id, key, scopes: [scope] })
  return key
}

/** Where a token decides; elsewhere everybody comes to the route, which knows its own key or signature. */
const wantsLogin = ({ access }: DeclaredRoute) =>
  access !== 'public' && access !== 'link' && access !== 'signed'

const admitted: Record<Exclude<Access, 'signed'>, string[]> = {
  public: Object.keys(somebodies),
  link: Object.keys(somebodies),
  user: ['user', 'admin'],
  admin: ['admin'],
  doorkeeper: ['admin', 'key of the scope checkin'],
}

/** A wrong password is no question of who asks. */
const isRefused = ({ status, code }: Answer) => [401, 403].includes(status) && code !== 'bad_credentials'

describe('the policy of every route', () => {
  test('refuses who is nobody, and nothing changes', async () => {
    const before = await service.state()
    for (const route of routes.filter(wantsLogin)) {
      for (const [caller, token] of Object.entries(strangers)) {
        const { status, code, headers } = await send(route, token)
        expect([route.name, caller, status, code]).toEqual([route.name, caller, 401, 'unauthorized'])
        expect(headers.get('www-authenticate')).toBe('Bearer')
      }
    }
    expect(await service.state()).toEqual(before)
  })

  test('refuses who is somebody else, and nothing changes', async () => {
    for (const route of routes.filter(({ access }) => access !== 'signed')) {
      const allowed = admitted[route.access as keyof typeof admitted]
      for (const [caller, newToken] of Object.entries(somebodies)) {
        if (allowed.includes(caller)) continue
        const token = await newToken()
        const before = await service.state()
        const { status, code } = await send(route, token)
        expect([route.name, caller, status, code]).toEqual([route.name, caller, 403, 'forbidden'])
        expect(await service.state()).toEqual(before)
      }
    }
  })

  test('admits who may, and everybody where it is public', async () => {
    for (const route of routes.filter(({ access }) => access !== 'signed')) {
      const allowed = admitted[route.access as keyof typeof admitted]
      for (const caller of allowed) {
        // Ids that never were, so that what is deleted here is still there for the next caller.
        const answer = await send(route, await somebodies[caller]?.(), {})
        expect([route.name, caller, isRefused(answer), answer.status < 500]).toEqual([
          route.name,
          caller,
          false,
          true,
        ])
      }
      for (const [caller, token] of Object.entries(route.access === 'public' ? strangers : {})) {
        const answer = await send(route, token)
        expect([route.name, caller, isRefused(answer)]).toEqual([route.name, caller, false])
      }
    }
  })

  test('is told before anything about the request', async () => {
    for (const route of routes.filter(wantsLogin)) {
      const wrong = { ...(route.body && { body: { wrong: true } }) }
      const url = `${urlOf(route, { events: 'x', orders: 'x', tickets: 'x', bookings: 'x' })}?wrong=1`
      expect([route.name, (await service.ask(url, wrong)).status]).toEqual([route.name, 401])
    }
  })

  test('holds for HEAD and for a path in another spelling', async () => {
    for (const route of routes.filter(wantsLogin)) {
      const url = urlOf(route)
      const letter = url.charCodeAt(url.indexOf('/') + 1).toString(16)
      const spelled = url.replace(/\/./, `/%${letter}`)
      expect([spelled, [401, 404]]).toEqual([
        spelled,
        expect.arrayContaining([
          (await service.ask(spelled, { ...(route.body && { body: route.body.example }) })).status,
        ]),
      ])
      if (route.method !== 'GET') continue
      const head = url.replace('GET', 'HEAD')
      expect([head, (await service.ask(head)).status]).toEqual([head, 401])
    }
  })

  test('lets no header stand for a login', async () => {
    const { id } = await service.somebody({ role: 'ADMIN' })
    const given = {
      'x-user-id': String(id),
      'x-role': 'ADMIN',
      cookie: 'access_token=1',
      'x-forwarded-for': '127.0.0.1',
    }
    for (const route of routes.filter(wantsLogin)) {
      const overridden = { ...given, 'x-http-method-override': 'GET', 'x-original-url': '/events' }
      expect([route.name, (await service.ask(urlOf(route), { headers: overridden })).status]).toEqual([
        route.name,
        401,
      ])
    }
  })

  test('wants the signature of this body where it is signed', async () => {
    const { token } = await service.somebody({ role: 'ADMIN' })
    for (const { name, signature, url } of routes.filter(({ access }) => access === 'signed').map(signed)) {
      const body = JSON.stringify({ id: 1 })
      const before = await service.state()
      for (const [caller, given] of Object.entries({
        'no signature': {},
        'a login instead': { authorization: `Bearer ${token}` },
        'another secret': signature(body, 'guessed'),
        'an empty secret': signature(body, ''),
        'the signature of another body': signature('{}', webhookSecret),
      })) {
        const { status, code } = await service.ask(url, { text: body, headers: given })
        expect([name, caller, status, code]).toEqual([name, caller, 401, 'bad_signature'])
      }
      expect(await service.state()).toEqual(before)
      const right = await service.ask(url, { text: body, headers: signature(body, webhookSecret) })
      expect([name, isRefused(right)]).toEqual([name, false])
    }
    // What was kept as failed would be tried again while others look at what is stored.
    await database.admin`delete from onsale.failed_deliveries`
  })

  test('wants the right link where it is one, and nothing changes', async () => {
    const links = routes.filter(({ access }) => access === 'link')
    expect(links.length).toBeGreaterThan(1)
    const before = await service.state()
    for (const route of links) {
      for (const key of ['', '?key=', '?key=guessed', `?key=${'A'.repeat(43)}`]) {
        const { status } = await service.ask(urlOf(route) + key, { token: ann.token })
        expect([route.name, key, [400, 404].includes(status)]).toEqual([route.name, key, true])
      }
    }
    expect(await service.state()).toEqual(before)
  })

  test("leaves the admin's parameter of the list of events to admins", async () => {
    for (const token of [undefined, 'garbage', bob.token, await newKey('checkin')]) {
      const { status } = await service.ask('GET /events?status=draft', { token })
      expect([token, [401, 403].includes(status)]).toEqual([token, true])
    }
    expect((await service.ask('GET /events')).status).toBe(200)
  })
})

/** How each signed route is signed; a new one is added here. */
function signed(route: DeclaredRoute) {
  const sign: Record<string, (body: string, secret: string) => Record<string, string>> = {
    'POST /webhooks/*': (body, secret) => ({
      'x-shopify-hmac-sha256': createHmac('sha256', secret).update(body).digest('base64'),
    }),
    'POST /payments/webhook': (body, secret) => ({
      'x-signature': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
    }),
  }
  const signature = sign[route.name]
  if (signature === undefined) throw new Error(`How ${route.name} is signed is not known here`)
  return { name: route.name, url: urlOf(route), signature }
}

describe("somebody else's", () => {
  const own = () =>
    routes.filter(
      ({ path, access, body }) =>
        access === 'user' &&
        (/\/(orders|bookings)\/:/.test(path) ||
          Object.keys(namedInBodies).some((field) => Object.hasOwn(body?.schema.properties ?? {}, field))),
    )
  const problemOf = ({ status, body: { request_id, ...problem } }: Answer) => ({ status, problem })

  test('order is no other than one that never was, and stays as it is', async () => {
    expect(own().length).toBeGreaterThan(2)
    for (const route of own()) {
      const before = await service.state()
      const hers = problemOf(await send(route, bob.token))
      const nobodys = problemOf(await send(route, bob.token, {}))
      expect([route.name, hers.status, hers]).toEqual([route.name, 404, nobodys])
      expect(await service.state()).toEqual(before)
    }
  })

  test('order is in no list and found by no word', async () => {
    for (const url of ['GET /orders', `GET /orders?q=${ids.orders}`, 'GET /orders?q=Rock', 'GET /bookings']) {
      expect([url, (await service.ask(url, { token: ann.token })).body.total]).toEqual([url, 1])
      expect([url, (await service.ask(url, { token: bob.token })).body.total]).toEqual([url, 0])
    }
  })

  test('token of a request names nothing of hers', async () => {
    const body = { items: [{ ticket_id: Number(ids.tickets), qty: 1 }], client_token: 'the-same-word' }
    const [her, him] = [await service.somebody(), await service.somebody()]
    const hers = await service.ask('POST /orders', { token: her.token, body })
    const his = await service.ask('POST /orders', { token: him.token, body })
    expect([hers.status, his.status, his.headers.get('idempotent-replayed')]).toEqual([201, 201, null])
    expect(his.body.id).not.toBe(hers.body.id as number)
  })
})
