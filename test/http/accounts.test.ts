import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { type JWTPayload, SignJWT, UnsecuredJWT } from 'jose'
import { createAccounts } from '../../src/accounts/accounts.ts'
import { accountRoutes } from '../../src/accounts/routes.ts'
import { composeApp } from '../../src/app.ts'
import { passwordHashesAtOnceMax, passwordHashesWaitingMax, tokenLifeS } from '../../src/limits.ts'
import { createLog } from '../../src/platform/log.ts'
import { createMetrics } from '../../src/platform/metrics.ts'
import { createRateLimits } from '../../src/rate_limits/rate_limits.ts'
import { auditOf } from '../accounts.ts'
import { type TestDatabase, testDatabase } from '../harness.ts'
import { main, runOnsale, spawnOnsale } from '../platform/spawn.ts'

const secret = 'a secret of more than 32 characters'
const olderSecret = 'another secret of 32 characters and more'
const password = 'a sentence about otters'

let database: TestDatabase
const ending: (() => unknown)[] = []
const lines: string[] = []

beforeAll(async () => {
  database = await testDatabase({ connections: 4 })
})
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})
afterAll(() => database.drop())

type Answer = { status: number; body: Record<string, unknown>; headers: Headers }
type Asked = { token?: string; authorization?: string; body?: unknown }

/** The routes of the accounts in the app's shell, on the service's pool and a port of their own. */
function start({ secrets = [secret] } = {}) {
  const metrics = createMetrics()
  const log = createLog({ level: 'info', destination: { write: (line) => lines.push(line) } })
  const accounts = createAccounts({ pool: database.service, secrets, metrics })
  const rateLimits = createRateLimits({ redis: null, config: { rateLimits: false, trustedProxies: [] } })
  const app = composeApp(accountRoutes({ accounts, rateLimits }), {
    config: { corsOrigins: [] },
    log,
    metrics,
  })
  const server = Bun.serve({ ...app.serve, port: 0, hostname: '127.0.0.1' })
  ending.push(() => server.stop(true))

  async function ask(route: string, { token, authorization, body }: Asked = {}): Promise<Answer> {
    const [method = '', path = ''] = route.split(' ')
    const header = authorization ?? (token === undefined ? undefined : `Bearer ${token}`)
    const response = await fetch(new URL(path, server.url), {
      method,
      headers: {
        ...(header === undefined ? {} : { authorization: header }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    expect(response.headers.get('cache-control')).toBe('no-store')
    const text = await response.text()
    return { status: response.status, body: text === '' ? {} : JSON.parse(text), headers: response.headers }
  }

  /** The token of a new user, or of one whom there is. */
  async function login(email: string, word = password): Promise<string> {
    const { status, body } = await ask('POST /auth/login', { body: { email, password: word } })
    expect([email, status]).toEqual([email, 200])
    return body.access_token as string
  }

  async function newUser(): Promise<{ id: number; email: string; token: string }> {
    const email = `${crypto.randomUUID()}@example.com`
    const { status, body } = await ask('POST /auth/signup', { body: { email, password } })
    expect(status).toBe(201)
    return { id: body.id as number, email, token: await login(email) }
  }

  async function newAdmin(): Promise<{ id: number; email: string; token: string }> {
    const user = await newUser()
    await database.admin`update onsale.users set role = 'ADMIN' where id = ${user.id}`
    return user
  }

  return { ask, login, newUser, newAdmin, accounts, metrics, url: server.url }
}

/** What a refusal says, without what differs from request to request. */
function refusalOf({ status, body, headers }: Answer) {
  const { request_id, ...problem } = body
  return { status, problem, challenge: headers.get('www-authenticate') }
}

describe('signing up and logging in', () => {
  test('somebody new gets an account, logs in and is known by his token', async () => {
    const { ask } = start()
    const signedUp = await ask('POST /auth/signup', { body: { email: ' Ann@Example.COM ', password } })
    expect(signedUp.status).toBe(201)
    const user = { id: expect.any(Number), email: 'Ann@example.com', role: 'USER' }
    expect(signedUp.body).toEqual(user)

    const { status, body } = await ask('POST /auth/login', { body: { email: 'ann@example.com', password } })
    expect(status).toBe(200)
    expect(body).toEqual({
      access_token: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
      token_type: 'bearer',
      expires_in: tokenLifeS,
      role: 'USER',
    })
    const me = await ask('GET /auth/me', { token: body.access_token as string })
    expect([me.status, me.body]).toEqual([200, signedUp.body])
  })

  test('a token says who, for how long, and by which secret, and nothing else', async () => {
    const { newUser } = start()
    const { id, token } = await newUser()
    const [header, claims] = token.split('.').slice(0, 2).map(partOf)
    const kid = createHash('sha256').update(secret).digest('hex').slice(0, 8)
    expect(header).toEqual({ alg: 'HS256', typ: 'JWT', kid })
    expect(claims).toEqual({
      iss: 'onsale',
      aud: 'onsale',
      sub: String(id),
      role: 'USER',
      gen: 1,
      jti: expect.any(String),
      iat: expect.any(Number),
      exp: (claims?.iat as number) + tokenLifeS,
    })
  })

  test('an address is taken in every case', async () => {
    const { ask } = start()
    const body = { email: 'Twice@example.com', password }
    expect((await ask('POST /auth/signup', { body })).status).toBe(201)
    for (const email of ['Twice@example.com', 'twice@EXAMPLE.com']) {
      const { status, body } = await ask('POST /auth/signup', { body: { email, password } })
      expect([status, body.code]).toEqual([409, 'email_taken'])
    }
  })

  test('of many who want an address at once one gets it', async () => {
    const { ask } = start()
    const body = { email: 'race@example.com', password }
    const answers = await Promise.all(Array.from({ length: 5 }, () => ask('POST /auth/signup', { body })))
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 409, 409, 409, 409])
  })

  test('every fault of an address and of a password is told at once', async () => {
    const { ask } = start()
    const emails = ['', 'ann', '@example.com', 'ann@', 'ann@example', 'a nn@example.com', 'ann@exa\0mple.com']
    const bad = [
      ...emails,
      'ann@-example.com',
      'ann..b@example.com',
      '"ann"@example.com',
      `${'a'.repeat(65)}@b.de`,
    ]
    for (const email of bad) {
      const { status, body } = await ask('POST /auth/signup', { body: { email, password: 'short' } })
      expect([email, status, body.code]).toEqual([email, 422, 'validation_failed'])
      expect([email, body.errors]).toEqual([
        email,
        [
          { path: '/email', message: 'Expected an address like ann@example.com' },
          { path: '/password', message: 'Expected 8 to 128 characters' },
        ],
      ])
    }
  })

  test('addresses that people have are fine', async () => {
    const { ask } = start()
    for (const email of [
      "o'hara+shop@mail.example.co.uk",
      'jörg@müller.example',
      'x@xn--mller-kva.example',
      '用户@例子.公司',
    ]) {
      const { status, body } = await ask('POST /auth/signup', { body: { email, password } })
      expect([email, status, body.email]).toEqual([email, 201, email])
    }
  })

  test('a password that is short, long, common or no text is refused', async () => {
    const { ask } = start()
    const email = 'weak@example.com'
    const lengths = 'Expected 8 to 128 characters'
    const common = 'Expected a password that is not among the most common ones'
    const refused = [
      ['7 chars', lengths],
      ['x'.repeat(129), lengths],
      ['e\u0301'.repeat(7), lengths],
      ['password', common],
      ['PassWord', common],
      ['12345678', common],
      ['qwertyuiop', common],
      ['half of a pair \ud800', 'Expected well-formed Unicode'],
    ]
    for (const [word, message] of refused) {
      const { status, body } = await ask('POST /auth/signup', { body: { email, password: word } })
      expect([word, status, body.errors]).toEqual([word, 422, [{ path: '/password', message }]])
    }
    const accepted = await ask('POST /auth/signup', { body: { email, password: 'e\u0301'.repeat(128) } })
    expect(accepted.status).toBe(201)
  })

  test('a password typed in another form of Unicode is the same', async () => {
    const { ask, login } = start()
    const email = 'accents@example.com'
    await ask('POST /auth/signup', { body: { email, password: 'caf\u00e9 au lait' } })
    await login(email, 'cafe\u0301 au lait')
    const { status } = await ask('POST /auth/login', { body: { email, password: 'cafe au lait' } })
    expect(status).toBe(401)
  })

  test('what is missing, unknown or of another type is refused', async () => {
    const { ask } = start()
    const email = 'odd@example.com'
    const faults = async (body: unknown) => {
      const answer = await ask('POST /auth/signup', { body })
      expect([answer.status, answer.body.code]).toEqual([422, 'validation_failed'])
      return (answer.body.errors as { path: string }[]).map(({ path }) => path)
    }
    expect(await faults({})).toEqual(['/email', '/password'])
    expect(await faults({ email, password, role: 'ADMIN' })).toEqual(['/role'])
    expect(await faults({ email: 7, password: null })).toEqual(['/email', '/password'])
    expect(await faults([])).toEqual(['/'])
    expect((await ask('POST /auth/signup?x=1', { body: { email, password } })).status).toBe(400)
  })

  test('a wrong password and an address that nobody has are answered alike', async () => {
    const { ask, newUser } = start()
    const { email } = await newUser()
    const wrong = await ask('POST /auth/login', { body: { email, password: 'another sentence' } })
    expect(refusalOf(wrong)).toEqual({
      status: 401,
      problem: {
        type: 'urn:onsale:problem:bad_credentials',
        title: 'The address or the password is wrong',
        status: 401,
        code: 'bad_credentials',
        detail: 'The address or the password is wrong',
      },
      challenge: 'Bearer',
    })
    const [row] = await database.admin`
      insert into onsale.users (email, password_hash) values ('locked@example.com', 'none') returning id`
    expect(row).toBeDefined()
    for (const other of ['nobody@example.com', 'no address', 'locked@example.com']) {
      const unknown = await ask('POST /auth/login', { body: { email: other, password } })
      expect(refusalOf(unknown)).toEqual(refusalOf(wrong))
    }
  })

  test('and take as long', async () => {
    const { ask, newUser } = start()
    const { email } = await newUser()
    const timeOf = async (address: string) => {
      const startedAt = performance.now()
      await ask('POST /auth/login', { body: { email: address, password: 'another sentence' } })
      return performance.now() - startedAt
    }
    // The shortest of each, in turns: on a busy machine it takes many until neither was kept waiting.
    let [nobodys, somebodys] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
    const ratio = () => nobodys / somebodys
    for (let round = 0; round < 4 || (round < 60 && (ratio() < 0.5 || ratio() >= 2)); round++) {
      nobodys = Math.min(nobodys, await timeOf('nobody@example.com'))
      somebodys = Math.min(somebodys, await timeOf(email))
    }
    expect(ratio()).toBeWithin(0.5, 2)
  })

  test('what is kept is argon2id with the parameters that are wanted', async () => {
    const { newUser } = start()
    const { id } = await newUser()
    const [user] = await database.admin`select password_hash from onsale.users where id = ${id}`
    expect(user!.password_hash).toStartWith('$argon2id$v=19$m=19456,t=2,p=1$')
  })

  test('a storm of logins is refused beyond what can be checked soon', async () => {
    const { ask } = start()
    const tooMany = 20
    const count = passwordHashesAtOnceMax + passwordHashesWaitingMax + tooMany
    const body = { email: 'storm@example.com', password }
    const answers = await Promise.all(Array.from({ length: count }, () => ask('POST /auth/login', { body })))
    const refused = answers.filter(({ status }) => status === 503)
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(count - refused.length)
    expect(refused.length).toBeWithin(1, tooMany + 1)
    for (const { body, headers } of refused) {
      expect([body.code, headers.get('retry-after')]).toEqual(['busy', '1'])
    }
  }, 30_000)
})

describe('a token', () => {
  const claims = { role: 'ADMIN', gen: 1 }
  const kid = createHash('sha256').update(secret).digest('hex').slice(0, 8)

  /** A token as ours, except for what is given. */
  function forge(
    sub: string,
    { key = secret, header = {}, payload = {} }: { key?: string; header?: object; payload?: JWTPayload } = {},
  ): Promise<string> {
    const now = Math.floor(Date.now() / 1000)
    const usual = { iss: 'onsale', aud: 'onsale', sub, jti: 'x', iat: now, exp: now + 60 }
    return new SignJWT({ ...claims, ...usual, ...payload })
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT', kid, ...header })
      .sign(new TextEncoder().encode(key))
  }

  test('as ours is accepted: what the next tests forge is refused for its fault alone', async () => {
    const { ask, newUser } = start()
    const { id } = await newUser()
    const { status, body } = await ask('GET /auth/me', { token: await forge(String(id)) })
    expect([status, body.id]).toEqual([200, id])
    // A role that a token claims counts for nothing.
    expect(body.role).toBe('USER')
  })

  test('that is missing, forged or over is refused', async () => {
    const { ask, newUser } = start()
    const { id, token } = await newUser()
    const sub = String(id)
    const [header = '', payload = '', signature = ''] = token.split('.')
    const past = Math.floor(Date.now() / 1000) - 10
    const changed = Buffer.from(JSON.stringify({ ...partOf(payload), sub: '1', role: 'ADMIN' })).toString(
      'base64url',
    )
    const unsecured = new UnsecuredJWT({ ...claims, jti: 'x' })
      .setIssuer('onsale')
      .setAudience('onsale')
      .setSubject(sub)
      .setIssuedAt()
      .setExpirationTime('1h')
      .encode()
    const none = Buffer.from(JSON.stringify({ alg: 'none', typ: 'JWT', kid })).toString('base64url')
    const refused: Record<string, Asked> = {
      'no header': {},
      'another scheme': { authorization: `Basic ${token}` },
      'no token': { authorization: 'Bearer' },
      'two tokens': { authorization: `Bearer ${token}, Bearer ${token}` },
      'no JWT': { token: 'x' },
      'another payload': { token: [header, changed, signature].join('.') },
      'another signature': { token: [header, payload, `${signature.slice(0, -4)}AAAA`].join('.') },
      'no signature': { token: [header, payload, ''].join('.') },
      'alg none': { token: unsecured },
      'alg none with a kid': { token: [none, payload, ''].join('.') },
      'alg none with a signature': { token: [none, payload, signature].join('.') },
      HS512: { token: await forge(sub, { header: { alg: 'HS512' } }) },
      'another secret': { token: await forge(sub, { key: olderSecret }) },
      'no kid': { token: await forge(sub, { header: { kid: undefined } }) },
      'a strange kid': { token: await forge(sub, { header: { kid: '__proto__' } }) },
      over: { token: await forge(sub, { payload: { exp: past } }) },
      'for ever': { token: await forge(sub, { payload: { exp: undefined } as never }) },
      'another issuer': { token: await forge(sub, { payload: { iss: 'other' } }) },
      'another audience': { token: await forge(sub, { payload: { aud: 'other' } }) },
      'another generation': { token: await forge(sub, { payload: { gen: 2 } }) },
      'no generation': { token: await forge(sub, { payload: { gen: null } }) },
      'a user whom there is not': { token: await forge('999999') },
      'a strange subject': { token: await forge('1e3') },
      'a strange role': { token: await forge(sub, { payload: { role: 'KING' } }) },
    }
    for (const [name, asked] of Object.entries(refused)) {
      const { status, body, headers } = await ask('GET /auth/me', asked)
      expect([name, status, body.code, headers.get('www-authenticate')]).toEqual([
        name,
        401,
        'unauthorized',
        'Bearer',
      ])
    }
  })

  test('counts under every secret, and new ones are signed with the first', async () => {
    const before = start({ secrets: [olderSecret] })
    const { email, token } = await before.newUser()
    const rotating = start({ secrets: [secret, olderSecret] })
    expect((await rotating.ask('GET /auth/me', { token })).status).toBe(200)
    const next = await rotating.login(email)
    expect(partOf(next.split('.')[0]!).kid).toBe(kid)
    const after = start({ secrets: [secret] })
    expect((await after.ask('GET /auth/me', { token: next })).status).toBe(200)
    expect((await after.ask('GET /auth/me', { token })).status).toBe(401)
  })

  test('ends with the others when the user logs out everywhere', async () => {
    const { ask, newUser, login } = start()
    const { id, email, token } = await newUser()
    const other = await login(email)
    expect((await ask('POST /auth/logout-everywhere', { token })).status).toBe(204)
    for (const ended of [token, other]) expect((await ask('GET /auth/me', { token: ended })).status).toBe(401)
    expect((await ask('GET /auth/me', { token: await login(email) })).status).toBe(200)
    expect((await auditOf(database.admin, `user ${id}`)).at(-1)).toMatchObject({
      actor: `user ${id}`,
      action: 'user.logout',
    })
  })

  test('has the role that its user has now', async () => {
    const { ask, newAdmin } = start()
    const { id, token } = await newAdmin()
    expect((await ask('GET /admin/api-keys', { token })).status).toBe(200)
    await database.admin`update onsale.users set role = 'USER' where id = ${id}`
    expect((await ask('GET /admin/api-keys', { token })).status).toBe(403)
  })

  test('of many requests at once is looked up in few calls', async () => {
    const { newUser, url, metrics } = start()
    const { token } = await newUser()
    const headers = { authorization: `Bearer ${token}` }
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => fetch(new URL('/auth/me', url), { headers })),
    )
    expect(answers.every(({ status }) => status === 200)).toBe(true)
    const { values } = await metrics.queryTime.get()
    const calls = values.find(
      ({ metricName, labels }) => metricName?.endsWith('_count') && labels.function === 'list_users',
    )
    // Two look-ups a request: who asks, and what is told of him.
    expect(calls!.value).toBeWithin(1, 100)
  })

  test('is not looked up any more once the service drains', async () => {
    const { ask, newUser, accounts } = start()
    const { token } = await newUser()
    await accounts.drain()
    expect((await ask('GET /auth/me', { token })).status).toBe(503)
  })
})

describe('another password', () => {
  const next = 'another one about herons'

  test('takes the place of the old one and ends all tokens', async () => {
    const { ask, newUser, login } = start()
    const { email, token } = await newUser()
    const body = { old_password: password, new_password: next }
    expect((await ask('POST /auth/password', { token, body })).status).toBe(204)
    expect((await ask('GET /auth/me', { token })).status).toBe(401)
    expect((await ask('POST /auth/login', { body: { email, password } })).status).toBe(401)
    expect((await ask('GET /auth/me', { token: await login(email, next) })).status).toBe(200)
  })

  test('needs the old one, and must be a good one', async () => {
    const { ask, newUser } = start()
    const { token } = await newUser()
    const change = (old_password: string, new_password: string) =>
      ask('POST /auth/password', { token, body: { old_password, new_password } })
    const wrong = await change('not the old one', next)
    expect([wrong.status, wrong.body.code]).toEqual([401, 'bad_credentials'])
    const common = await change(password, 'password1')
    expect([common.status, common.body.errors]).toEqual([
      422,
      [{ path: '/new_password', message: 'Expected a password that is not among the most common ones' }],
    ])
    expect((await ask('GET /auth/me', { token })).status).toBe(200)
  })

  test('is given once, where two are wanted at the same moment', async () => {
    const { ask, newUser } = start()
    const { token } = await newUser()
    const answers = await Promise.all(
      ['one about voles and lakes', 'one about owls and barns'].map((new_password) =>
        ask('POST /auth/password', { token, body: { old_password: password, new_password } }),
      ),
    )
    expect(answers.map(({ status }) => status).toSorted()).toEqual([204, 401])
  })
})

describe('a key for a machine', () => {
  test('is shown once, admits where its scope allows it, and is listed without itself', async () => {
    const { ask, newAdmin, accounts } = start()
    const { id: admin, token } = await newAdmin()
    const made = await ask('POST /admin/api-keys', {
      token,
      body: { name: 'north gate', scopes: ['checkin'] },
    })
    expect([made.status, made.body]).toEqual([
      201,
      {
        id: expect.any(Number),
        name: 'north gate',
        scopes: ['checkin'],
        key: expect.stringMatching(/^onsale_[\w-]{43}$/),
      },
    ])
    const { id, key } = made.body as { id: number; key: string }
    const headers = new Headers({ authorization: `Bearer ${key}` })
    const principal = { kind: 'key', keyId: id, scopes: ['checkin'], name: `key ${id}` } as const
    expect(await accounts.requireScope(headers, 'checkin')).toEqual(principal)

    const { body } = await ask('GET /admin/api-keys', { token })
    expect((body.api_keys as { id: number }[]).find((listed) => listed.id === id)).toEqual({
      id,
      name: 'north gate',
      scopes: ['checkin'],
      created_by: admin,
      created_at: expect.stringMatching(/Z$/),
      used_at: expect.stringMatching(/Z$/),
      revoked_at: null,
    } as never)
    expect(JSON.stringify(body)).not.toContain(key.slice(7))
    const [kept] =
      await database.admin`select encode(key_hash, 'hex') as hash from onsale.api_keys where id = ${id}`
    expect(kept!.hash).toBe(createHash('sha256').update(key).digest('hex'))
  })

  test('of another scope is not allowed, and an admin is', async () => {
    const { ask, newAdmin, newUser, accounts } = start()
    const admin = await newAdmin()
    const made = await ask('POST /admin/api-keys', {
      token: admin.token,
      body: { name: 'south gate', scopes: ['checkin'] },
    })
    const { id, key } = made.body as { id: number; key: string }
    await database.admin`update onsale.api_keys set scopes = '{other}' where id = ${id}`
    const as = (token: string) =>
      accounts.requireScope(new Headers({ authorization: `Bearer ${token}` }), 'checkin')
    await expect(as(key)).rejects.toMatchObject({ code: 'forbidden' })
    await expect(as((await newUser()).token)).rejects.toMatchObject({ code: 'forbidden' })
    await expect(as('onsale_x')).rejects.toMatchObject({ code: 'unauthorized' })
    await expect(as(`onsale_${'A'.repeat(43)}`)).rejects.toMatchObject({ code: 'unauthorized' })
    expect(await as(admin.token)).toMatchObject({ kind: 'user', userId: admin.id, role: 'ADMIN' })
  })

  test('that is revoked admits nobody at once, and cannot be revoked twice', async () => {
    const { ask, newAdmin } = start()
    const { token } = await newAdmin()
    const made = await ask('POST /admin/api-keys', { token, body: { name: 'east', scopes: ['checkin'] } })
    const { id, key } = made.body as { id: number; key: string }
    expect((await ask('GET /auth/me', { token: key })).status).toBe(403)
    expect((await ask(`DELETE /admin/api-keys/${id}`, { token })).status).toBe(204)
    expect((await ask('GET /auth/me', { token: key })).status).toBe(401)
    expect((await ask(`DELETE /admin/api-keys/${id}`, { token })).status).toBe(404)
    for (const strange of ['0', '1e3', 'x', '-1', '1000000000000000']) {
      const { status, body } = await ask(`DELETE /admin/api-keys/${strange}`, { token })
      expect([strange, status, body.code]).toEqual([strange, 400, 'bad_request'])
    }
  })

  test('needs a name and scopes that there are', async () => {
    const { ask, newAdmin } = start()
    const { token } = await newAdmin()
    const faults = async (body: unknown) => {
      const answer = await ask('POST /admin/api-keys', { token, body })
      expect([answer.status, answer.body.code]).toEqual([422, 'validation_failed'])
      return (answer.body.errors as { path: string }[]).map(({ path }) => path)
    }
    expect(await faults({ name: '', scopes: [] })).toEqual(['/name', '/scopes'])
    expect(await faults({ name: 'x\0', scopes: ['everything'] })).toEqual(['/name', '/scopes/0'])
    expect(await faults({ name: 'x'.repeat(101), scopes: ['checkin', 'checkin'] })).toContain('/name')
    expect(await faults({ name: 'x', scopes: ['checkin'], key: 'mine' })).toEqual(['/key'])
  })
})

describe('who may do what', () => {
  const body = { name: 'gate', scopes: ['checkin'] }
  // The bodies are wrong where nothing shall come of it: whoever may not ask is refused before they are looked at.
  const routes: Record<
    string,
    { asked?: Asked; stranger: number; user: number; admin: number; key: number }
  > = {
    'GET /auth/me': { stranger: 401, user: 200, admin: 200, key: 403 },
    'POST /auth/password': { asked: { body: {} }, stranger: 401, user: 422, admin: 422, key: 403 },
    'GET /admin/api-keys': { stranger: 401, user: 403, admin: 200, key: 403 },
    'POST /admin/api-keys': { asked: { body }, stranger: 401, user: 403, admin: 201, key: 403 },
    'DELETE /admin/api-keys/999999': { stranger: 401, user: 403, admin: 404, key: 403 },
    'POST /auth/logout-everywhere': { stranger: 401, user: 204, admin: 204, key: 403 },
  }

  test('is what this table says', async () => {
    const { ask, newUser, newAdmin } = start()
    const [user, admin] = [await newUser(), await newAdmin()]
    const { key } = (await ask('POST /admin/api-keys', { token: admin.token, body })).body as { key: string }
    for (const [route, { asked = {}, ...wanted }] of Object.entries(routes)) {
      const statusOf = async (who: Asked) => (await ask(route, { ...asked, ...who })).status
      expect([
        route,
        {
          stranger: await statusOf({}),
          user: await statusOf({ token: user.token }),
          key: await statusOf({ token: key }),
          admin: await statusOf({ token: admin.token }),
        },
      ]).toEqual([route, wanted as never])
    }
  })
})

describe('the program', () => {
  const keptFrom = (email: string) => database.admin`
    select id::integer, role::text, token_generation from onsale.users where email = ${email}`

  test('makes the first admin, who then logs in; the address is taken from then on', async () => {
    const env = { DATABASE_URL: database.url, ONSALE_ADMIN_PASSWORD: password }
    const create = (email: string, more = {}) =>
      runOnsale(['admin', 'create', '--email', email], { ...env, ...more })
    const { code, output } = await create('boss@Example.com')
    const [admin] = await keptFrom('boss@example.com')
    expect({ code, output }).toEqual({ code: 0, output: `${admin!.id}\n` })
    expect(admin!.role).toBe('ADMIN')
    const { ask, login } = start()
    const token = await login('boss@example.com')
    expect((await ask('GET /admin/api-keys', { token })).status).toBe(200)

    expect(await create('BOSS@example.com')).toEqual({
      code: 1,
      output: 'Somebody has an account with this address\n',
    })
    expect(await create('no address', { ONSALE_ADMIN_PASSWORD: 'password' })).toEqual({
      code: 1,
      output:
        '/email: Expected an address like ann@example.com; ' +
        '/password: Expected a password that is not among the most common ones\n',
    })
  })

  test('reads the password from its standard input', async () => {
    const child = Bun.spawn([process.execPath, main, 'admin', 'create', '--email', 'piped@example.com'], {
      env: { PATH: process.env.PATH ?? '', DATABASE_URL: database.url },
      stdin: new Blob([`${password}\n`]),
      stdout: 'ignore',
    })
    expect(await child.exited).toBe(0)
    await start().login('piped@example.com')
  })

  test('without SECRET_KEY signs with one of its own, and says so', async () => {
    const onsale = await spawnOnsale(['serve'], { DATABASE_URL: database.url })
    ending.push(() => onsale.process.kill('SIGKILL'))
    const { newUser, login } = start()
    const { email, token } = await newUser()
    const me = async (token: string) =>
      (await fetch(`${onsale.url}/auth/me`, { headers: { authorization: `Bearer ${token}` } })).status
    const response = await fetch(`${onsale.url}/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email, password }),
    })
    const { access_token } = (await response.json()) as { access_token: string }
    expect(await me(access_token)).toBe(200)
    expect(await me(token)).toBe(401)
    expect(await me(await login(email))).toBe(401)

    onsale.process.kill('SIGTERM')
    expect(await onsale.process.exited).toBe(0)
    expect(onsale.output()).toContain('SECRET_KEY is not set')
    for (const hidden of [password, access_token, email]) expect(onsale.output()).not.toContain(hidden)
  })

  test('of several processes each takes the tokens of the others', async () => {
    const onsale = await spawnOnsale(['serve', '--processes', '2'], { DATABASE_URL: database.url })
    ending.push(() => onsale.process.kill('SIGTERM'))
    const { newUser } = start()
    const { email } = await newUser()
    const response = await fetch(`${onsale.url}/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email, password }),
    })
    const { access_token } = (await response.json()) as { access_token: string }
    // A connection each, so that both processes are asked.
    const headers = { authorization: `Bearer ${access_token}`, connection: 'close' }
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => fetch(`${onsale.url}/auth/me`, { headers, keepalive: false })),
    )
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200))
    onsale.process.kill('SIGTERM')
    expect(await onsale.process.exited).toBe(0)
  })
})

describe('the log', () => {
  test('holds no password, no token, no key and no secret', async () => {
    const { ask, newAdmin } = start()
    const { email, token } = await newAdmin()
    const made = await ask('POST /admin/api-keys', { token, body: { name: 'log', scopes: ['checkin'] } })
    await ask('GET /auth/me', { token: made.body.key as string })
    await ask('POST /auth/login', { body: { email, password: 'a wrong sentence' } })
    await ask('POST /auth/signup', { body: { email: 'weak', password: 'letmein1' } })
    const all = lines.join('')
    expect(all).toContain('/admin/api-keys')
    const hidden = [
      password,
      'a wrong sentence',
      'letmein1',
      secret,
      token.split('.')[2]!,
      email,
      '$argon2id',
    ]
    for (const text of [...hidden, made.body.key as string]) expect(all).not.toContain(text)
  })
})

function partOf(part: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(part, 'base64url').toString())
}
