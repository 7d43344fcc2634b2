import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { RedisClient } from 'bun'
import { Elysia } from 'elysia'
import { createAccounts } from '../../src/accounts/accounts.ts'
import { createPasswords } from '../../src/accounts/passwords.ts'
import { accountRoutes } from '../../src/accounts/routes.ts'
import { composeApp } from '../../src/app.ts'
import { AppError } from '../../src/errors.ts'
import {
  loginPauseS,
  loginsPerAddressMax,
  ordersPerUserMax,
  rateLimitKeysMax,
  signupsPerAddressMax,
  wrongLoginsMax,
} from '../../src/limits.ts'
import { createLog } from '../../src/platform/log.ts'
import { createMetrics } from '../../src/platform/metrics.ts'
import { signal, waitUntil } from '../../src/platform/process.ts'
import { openSharedCache } from '../../src/platform/redis.ts'
import { createRateLimits } from '../../src/rate_limits/rate_limits.ts'
import { rateLimitRoutes } from '../../src/rate_limits/routes.ts'
import { salesRoutes } from '../../src/sales/routes.ts'
import { createSales } from '../../src/sales/sales.ts'
import { createTicketLinks } from '../../src/sales/ticket_links.ts'
import { cheapHashes } from '../accounts.ts'
import { type TestDatabase, type TestRedis, testDatabase, testRedis } from '../harness.ts'
import { spawnOnsale } from '../platform/spawn.ts'

const password = 'a sentence about otters'

type Answer = { status: number; body: Record<string, unknown>; headers: Headers }
type Service = Awaited<ReturnType<typeof start>>
type Someone = { id: number; email: string; token: string }

let database: TestDatabase
let unlimited: Service
let admin: Someone
const ending: (() => unknown)[] = []
const endingAll: (() => unknown)[] = []

beforeAll(async () => {
  database = await testDatabase({ connections: 6 })
  unlimited = await start({ isOn: false, ends: endingAll })
  admin = await someone()
  await database.admin`update onsale.users set role = 'ADMIN' where id = ${admin.id}`
})
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})
afterAll(async () => {
  for (const end of endingAll.splice(0).reverse()) await end()
  await database.drop()
})

/** One service as far as counting goes; every address of the loopback is believed to be a proxy's. */
async function start({
  redis = null as TestRedis | null,
  isOn = true,
  trustedProxies = ['127.0.0.0/8'],
  ends = ending,
} = {}) {
  const metrics = createMetrics()
  const log = createLog({ level: 'silent', destination: { write: () => {} } })
  const shared = redis === null ? null : openSharedCache(redis.url, { log })
  if (shared !== null) {
    ends.push(() => shared.stop())
    await waitUntil(() => shared.state() === 'ok', { timeoutMs: 10_000 })
  }
  const config = { rateLimits: isOn, trustedProxies }
  const rateLimits = createRateLimits({ redis: shared, config })
  const secrets = ['a secret of more than 32 characters']
  const accounts = createAccounts({
    pool: database.service,
    secrets,
    metrics,
    passwords: createPasswords(cheapHashes),
  })
  const sales = createSales({ pool: database.service, metrics })
  const flows = new Elysia()
    .use(accountRoutes({ accounts, rateLimits }))
    .use(salesRoutes({ sales, ticketLinks: createTicketLinks(secrets), accounts, rateLimits }))
    .use(rateLimitRoutes({ rateLimits, accounts }))
  const app = composeApp(flows, { config: { corsOrigins: [] }, log, metrics })
  const server = Bun.serve({ ...app.serve, port: 0, hostname: '127.0.0.1' })
  ends.push(() => server.stop(true))

  async function ask(
    route: string,
    { token, from, body }: { token?: string; from?: string; body?: unknown } = {},
  ): Promise<Answer> {
    const [method = '', path = ''] = route.split(' ')
    const response = await fetch(new URL(path, server.url), {
      method,
      headers: {
        ...(token && { authorization: `Bearer ${token}` }),
        ...(from && { 'x-forwarded-for': from }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, body: text === '' ? {} : JSON.parse(text), headers: response.headers }
  }

  return {
    ask,
    shared,
    /** An order of what there is not: it costs one of the user's orders and changes nothing. */
    order: ({ token }: Someone) =>
      ask('POST /orders', {
        token,
        body: { items: [{ ticket_id: 999_999, qty: 1 }], client_token: crypto.randomUUID() },
      }),
    book: ({ token }: Someone) =>
      ask('POST /bookings', { token, body: { event_id: 999_999, ticket_id: 999_999, quantity: 1 } }),
    login: (email: string, { word = password, from = newAddress() } = {}) =>
      ask('POST /auth/login', { from, body: { email, password: word } }),
  }
}

async function someone(): Promise<Someone> {
  const email = `${crypto.randomUUID()}@example.com`
  const signedUp = await unlimited.ask('POST /auth/signup', { body: { email, password } })
  const { body } = await unlimited.login(email)
  return { id: signedUp.body.id as number, email, token: body.access_token as string }
}

let addresses = 0
const newAddress = () => `198.18.${++addresses >> 8}.${addresses & 255}`

async function startRedis(): Promise<TestRedis> {
  const redis = await testRedis()
  ending.push(() => redis.stop())
  return redis
}

async function times(count: number, ask: () => Promise<Answer>): Promise<number[]> {
  const statuses: number[] = []
  for (let n = 0; n < count; n++) statuses.push((await ask()).status)
  return statuses
}
const many = (count: number, status: number) => Array.from({ length: count }, () => status)

function limitOf({ headers }: Answer): (number | null)[] {
  return ['ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset', 'retry-after'].map((name) =>
    headers.has(name) ? Number(headers.get(name)) : null,
  )
}

describe('orders', () => {
  test('and bookings of a user are counted together, and another user goes on', async () => {
    const service = await start()
    const [ann, bob] = [await someone(), await someone()]
    expect(await times(ordersPerUserMax - 1, () => service.order(ann))).toEqual(
      many(ordersPerUserMax - 1, 404),
    )
    expect((await service.book(ann)).status).toBe(404)
    for (const ask of [service.order, service.book]) {
      const refused = await ask(ann)
      expect([refused.status, refused.body.code]).toEqual([429, 'rate_limited'])
    }
    expect((await service.order(bob)).status).toBe(404)
    expect((await service.ask('GET /orders', { token: ann.token })).status).toBe(200)
  })

  test('tell how many are left, refused ones and 429 included', async () => {
    const service = await start()
    const ann = await someone()
    const first = await service.order(ann)
    expect(first.status).toBe(404)
    expect(limitOf(first)).toEqual([ordersPerUserMax, ordersPerUserMax - 1, 60, null])
    await times(ordersPerUserMax - 1, () => service.order(ann))
    const refused = await service.order(ann)
    const [limit, left, reset, after] = limitOf(refused)
    expect([limit, left, after]).toEqual([ordersPerUserMax, 0, reset!])
    expect(reset).toBeWithin(50, 61)
    expect(refused.headers.get('content-type')).toBe('application/problem+json')
    expect(limitOf(await service.ask('GET /orders', { token: ann.token }))).toEqual([null, null, null, null])
  })

  test('without a login are nobody’s', async () => {
    const service = await start()
    const { status, headers } = await service.ask('POST /orders', { body: {} })
    expect([status, headers.get('ratelimit-limit')]).toEqual([401, null])
  })

  test('are not counted where RATE_LIMITS is off', async () => {
    const ann = await someone()
    expect(await times(ordersPerUserMax + 2, () => unlimited.order(ann))).toEqual(
      many(ordersPerUserMax + 2, 404),
    )
    expect(limitOf(await unlimited.order(ann))).toEqual([null, null, null, null])
  })
})

describe('signups', () => {
  test('of an address are limited, of another one not, whatever is written before it', async () => {
    const service = await start()
    const from = newAddress()
    const signUp = (forwarded: string) =>
      service.ask('POST /auth/signup', {
        from: forwarded,
        body: { email: `${crypto.randomUUID()}@example.com`, password },
      })
    const first = await signUp(from)
    expect([first.status, ...limitOf(first)]).toEqual([
      201,
      signupsPerAddressMax,
      signupsPerAddressMax - 1,
      60,
      null,
    ])
    await times(signupsPerAddressMax - 1, () => signUp(from))
    expect((await signUp(from)).status).toBe(429)
    expect((await signUp(`9.9.9.9, ${from}`)).status).toBe(429)
    expect((await signUp(newAddress())).status).toBe(201)
  })
})

describe('who asks', () => {
  test('is the socket where no proxy is trusted, so that a made-up header is no way round', async () => {
    const service = await start({ trustedProxies: [] })
    const login = () => service.login('nobody@example.com', { from: newAddress(), word: 'no' })
    const statuses = await times(loginsPerAddressMax + 1, login)
    expect(statuses.slice(0, wrongLoginsMax)).toEqual(many(wrongLoginsMax, 401))
    const other = await service.login('other@example.com', { from: newAddress(), word: 'no' })
    expect([other.status, limitOf(other)[0]]).toEqual([429, loginsPerAddressMax])
  })
})

describe('without Redis', () => {
  test('as many are counted as there is room for: who has not asked for the longest time begins anew', async () => {
    const { placing } = createRateLimits({ redis: null, config: { rateLimits: true, trustedProxies: [] } })
    const asked = { request: new Request('http://localhost/'), set: { headers: {} } }
    const isPlaced = (userId: number) =>
      placing(asked, userId).then(
        () => true,
        (error: AppError) => error.code !== 'rate_limited',
      )
    for (const userId of [1, 2]) {
      for (let n = 1; n <= ordersPerUserMax; n++) expect(await isPlaced(userId)).toBe(true)
    }
    let others = 2
    const otherUsers = async (count: number) => {
      for (let n = 0; n < count; n++) await placing(asked, ++others)
    }
    await otherUsers(rateLimitKeysMax - 2)
    expect([await isPlaced(1), await isPlaced(2)]).toEqual([false, false])
    await otherUsers(rateLimitKeysMax - 1)
    expect([await isPlaced(2), await isPlaced(1)]).toEqual([false, true])
  })
})

describe('logins', () => {
  test('of an address are limited, right ones too', async () => {
    const service = await start()
    const ann = await someone()
    const from = newAddress()
    expect(await times(loginsPerAddressMax, () => service.login(ann.email, { from }))).toEqual(
      many(loginsPerAddressMax, 200),
    )
    const refused = await service.login(ann.email, { from })
    expect([refused.status, limitOf(refused)[0]]).toEqual([429, loginsPerAddressMax])
    expect((await service.login(ann.email)).status).toBe(200)
  })

  test('that are wrong pause an account, the right one included, and no other account', async () => {
    const service = await start()
    const [ann, bob] = [await someone(), await someone()]
    const wrong = () => service.login(ann.email, { word: 'not this one' })
    expect(await times(wrongLoginsMax, wrong)).toEqual(many(wrongLoginsMax, 401))
    const refused = await service.login(ann.email)
    expect([refused.status, refused.body.code]).toEqual([429, 'rate_limited'])
    const [limit, left, reset, after] = limitOf(refused)
    expect([limit, left, after]).toEqual([wrongLoginsMax, 0, reset!])
    expect(reset).toBeWithin(loginPauseS - 10, loginPauseS + 1)
    // The same account in another spelling.
    expect((await service.login(` ${ann.email.toUpperCase()}`)).status).toBe(429)
    expect((await service.login(bob.email)).status).toBe(200)
  })

  test('are answered the same for an account that nobody has', async () => {
    const service = await start()
    const ann = await someone()
    const seen = async (email: string) => {
      const answers: unknown[] = []
      for (let n = 0; n <= wrongLoginsMax; n++) {
        const answer = await service.login(email, { word: 'not this one' })
        const { request_id, ...problem } = answer.body
        answers.push([answer.status, problem.code, limitOf(answer).slice(0, 2)])
      }
      return answers
    }
    expect(await seen(`${crypto.randomUUID()}@example.com`)).toEqual(await seen(ann.email))
  })

  test('that are right forget the wrong ones', async () => {
    const service = await start()
    const ann = await someone()
    const wrong = () => service.login(ann.email, { word: 'not this one' })
    for (let round = 0; round < 2; round++) {
      await times(wrongLoginsMax - 1, wrong)
      expect((await service.login(ann.email)).status).toBe(200)
    }
  })

  test('that we could not check do not count as wrong', async () => {
    const { loggingIn } = createRateLimits({ redis: null, config: { rateLimits: true, trustedProxies: [] } })
    const asked = { request: new Request('http://localhost/'), set: { headers: {} } }
    for (let n = 1; n < loginsPerAddressMax; n++) {
      const busy = loggingIn(asked, 'ann@example.com', () => Promise.reject(new AppError('busy', 'Later')))
      await expect(busy).rejects.toThrow('Later')
    }
    expect(await loggingIn(asked, 'ann@example.com', async () => 'in')).toBe('in')
  })

  test('at once are no way round: no more guesses than the limit are looked at', async () => {
    const service = await start()
    const ann = await someone()
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => service.login(ann.email, { word: 'not this one' })),
    )
    expect(answers.filter(({ status }) => status === 401).length).toBe(wrongLoginsMax)
    expect(answers.filter(({ status }) => status === 429).length).toBe(20 - wrongLoginsMax)
  })
})

describe('a change of the password', () => {
  const next = 'another one about herons'
  const change = (service: Service, { token }: Someone, word: string) =>
    service.ask('POST /auth/password', { token, body: { old_password: word, new_password: next } })

  test('that guesses the old one pauses the account, here and for logins, and no other account', async () => {
    const service = await start()
    const [ann, bob] = [await someone(), await someone()]
    for (let n = 1; n <= wrongLoginsMax; n++) {
      const wrong = await change(service, ann, 'not this one')
      expect([wrong.status, ...limitOf(wrong).slice(0, 2)]).toEqual([401, wrongLoginsMax, wrongLoginsMax - n])
    }
    const refused = await change(service, ann, password)
    expect([refused.status, refused.body.code]).toEqual([429, 'rate_limited'])
    const [limit, left, reset, after] = limitOf(refused)
    expect([limit, left, after]).toEqual([wrongLoginsMax, 0, reset!])
    expect(reset).toBeWithin(loginPauseS - 10, loginPauseS + 1)
    expect((await service.login(ann.email)).status).toBe(429)
    // The token that guessed is as good as before.
    expect((await service.ask('GET /auth/me', { token: ann.token })).status).toBe(200)
    expect((await change(service, bob, password)).status).toBe(204)
  })

  test('is refused where logins have paused the account', async () => {
    const service = await start()
    const ann = await someone()
    await times(wrongLoginsMax, () => service.login(ann.email, { word: 'not this one' }))
    expect((await change(service, ann, password)).status).toBe(429)
  })

  test('that is right forgets the wrong ones, and one that was not checked is no wrong one', async () => {
    const service = await start()
    const ann = await someone()
    await times(wrongLoginsMax - 1, () => change(service, ann, 'not this one'))
    const common = () =>
      service.ask('POST /auth/password', {
        token: ann.token,
        body: { old_password: 'not this one', new_password: 'password1' },
      })
    expect(await times(3, common)).toEqual(many(3, 422))
    const changed = await change(service, ann, password)
    expect([changed.status, limitOf(changed)[0]]).toEqual([204, wrongLoginsMax])
    const wrong = () => service.login(ann.email, { word: 'not this one' })
    expect(await times(wrongLoginsMax, wrong)).toEqual(many(wrongLoginsMax, 401))
  })

  test('at once is no way round: no more guesses than the limit are looked at', async () => {
    const service = await start()
    const ann = await someone()
    const answers = await Promise.all(Array.from({ length: 20 }, () => change(service, ann, 'not this one')))
    expect(answers.filter(({ status }) => status === 401).length).toBe(wrongLoginsMax)
    expect(answers.filter(({ status }) => status === 429).length).toBe(20 - wrongLoginsMax)
  })
})

describe('through Redis', () => {
  test('two services share a count, and a pause', async () => {
    const redis = await startRedis()
    const [one, two] = [await start({ redis }), await start({ redis })]
    const ann = await someone()
    expect(await times(ordersPerUserMax / 2, () => one.order(ann))).toEqual(many(ordersPerUserMax / 2, 404))
    expect(await times(ordersPerUserMax / 2, () => two.order(ann))).toEqual(many(ordersPerUserMax / 2, 404))
    expect([(await one.order(ann)).status, (await two.order(ann)).status]).toEqual([429, 429])

    await times(wrongLoginsMax, () => one.login(ann.email, { word: 'not this one' }))
    const refused = await two.login(ann.email)
    expect([refused.status, limitOf(refused)[0]]).toEqual([429, wrongLoginsMax])
    expect(limitOf(refused)[2]).toBeWithin(loginPauseS - 10, loginPauseS + 1)
    const client = new RedisClient(redis.url)
    ending.push(() => client.close())
    const keys = (await client.send('KEYS', ['*'])) as string[]
    expect(keys.filter((key) => !key.startsWith('onsale:limit:'))).toEqual([])
    expect(keys.join(' ')).not.toContain('example.com')
  })

  test('a right login forgets what another service counted', async () => {
    const redis = await startRedis()
    const [one, two] = [await start({ redis }), await start({ redis })]
    const ann = await someone()
    await times(wrongLoginsMax - 1, () => one.login(ann.email, { word: 'not this one' }))
    expect((await two.login(ann.email)).status).toBe(200)
    expect(await times(wrongLoginsMax - 1, () => one.login(ann.email, { word: 'no' }))).toEqual(
      many(wrongLoginsMax - 1, 401),
    )
  })

  test('that is killed each service goes on by itself, and shares again when it is back', async () => {
    const redis = await startRedis()
    const [one, two] = [await start({ redis }), await start({ redis })]
    const [ann, bob] = [await someone(), await someone()]
    await times(3, () => one.order(ann))
    await redis.kill()
    for (const service of [one, two]) {
      const startedAt = performance.now()
      expect(await times(ordersPerUserMax, () => service.order(ann))).toEqual(many(ordersPerUserMax, 404))
      expect((await service.order(ann)).status).toBe(429)
      expect((await service.login(bob.email)).status).toBe(200)
      expect(performance.now() - startedAt).toBeLessThan(2_000)
    }
    await redis.start()
    for (const { shared } of [one, two]) {
      const isBack = async () => (await shared?.send('PING', []).catch(() => null)) === 'PONG'
      expect(await waitUntil(isBack, { timeoutMs: 20_000 })).toBe(true)
    }
    await times(ordersPerUserMax, () => one.order(bob))
    expect((await two.order(bob)).status).toBe(429)
  })

  test('that hangs is not waited for', async () => {
    const redis = await startRedis()
    const service = await start({ redis })
    const ann = await someone()
    await service.order(ann)
    signal(redis.pid, 'SIGSTOP')
    try {
      const startedAt = performance.now()
      expect(await times(ordersPerUserMax, () => service.order(ann))).toEqual(many(ordersPerUserMax, 404))
      expect((await service.order(ann)).status).toBe(429)
      expect(performance.now() - startedAt).toBeLessThan(2_000)
    } finally {
      signal(redis.pid, 'SIGCONT')
    }
  })
})

test('RATE_LIMITS=off is allowed in production, and warned of', async () => {
  const secret = '0123456789abcdef0123456789abcdef'
  const { process, output } = await spawnOnsale(['serve'], {
    NODE_ENV: 'production',
    DATABASE_URL: database.url,
    SHOPIFY_WEBHOOK_SECRET: secret,
    SECRET_KEY: secret,
    PAYMENT_WEBHOOK_SECRET: secret,
    RATE_LIMITS: 'off',
  })
  ending.push(async () => {
    process.kill('SIGTERM')
    await process.exited
  })
  expect(await waitUntil(() => output().includes('RATE_LIMITS is off'), { timeoutMs: 10_000 })).toBe(true)
})

describe('DELETE /admin/rate-limits', () => {
  for (const withRedis of [false, true]) {
    test(`lets one subject or all begin anew, ${withRedis ? 'through Redis' : 'without Redis'}`, async () => {
      const redis = withRedis ? await startRedis() : null
      const service = await start({ redis })
      const [ann, bob] = [await someone(), await someone()]
      const from = newAddress()
      const forget = async (subject?: string) => {
        const query = subject === undefined ? '' : `?subject=${encodeURIComponent(subject)}`
        const { status } = await service.ask(`DELETE /admin/rate-limits${query}`, { token: admin.token })
        expect([subject, status]).toEqual([subject, 204])
      }
      const isLimited = async () => ({
        ann: (await service.order(ann)).status === 429,
        bob: (await service.order(bob)).status === 429,
        address: (await service.login(bob.email, { from })).status === 429,
        account: (await service.login(ann.email)).status === 429,
      })
      await times(ordersPerUserMax, () => service.order(ann))
      await times(ordersPerUserMax, () => service.order(bob))
      await times(loginsPerAddressMax, () => service.login(bob.email, { from }))
      await times(wrongLoginsMax, () => service.login(ann.email, { word: 'not this one' }))
      expect(await isLimited()).toEqual({ ann: true, bob: true, address: true, account: true })
      await forget(`user:${ann.id}`)
      expect(await isLimited()).toEqual({ ann: false, bob: true, address: true, account: true })
      await forget(`address:${from}`)
      expect(await isLimited()).toEqual({ ann: false, bob: true, address: false, account: true })
      await forget(`account:${ann.email.toUpperCase()}`)
      expect(await isLimited()).toEqual({ ann: false, bob: true, address: false, account: false })
      await times(ordersPerUserMax, () => service.order(ann))
      await forget()
      expect(await isLimited()).toEqual({ ann: false, bob: false, address: false, account: false })
    })
  }

  test('is for admins, and for subjects that there can be', async () => {
    const service = await start()
    const ann = await someone()
    expect((await service.ask('DELETE /admin/rate-limits')).status).toBe(401)
    expect((await service.ask('DELETE /admin/rate-limits', { token: ann.token })).status).toBe(403)
    for (const subject of [
      'user',
      'user:',
      'user:0',
      'user:1e3',
      'address:example.com',
      'account:',
      'x:1',
      '',
    ]) {
      const { status, body } = await service.ask(`DELETE /admin/rate-limits?subject=${subject}`, {
        token: admin.token,
      })
      expect([subject, status, body.code]).toEqual([subject, 400, 'bad_request'])
    }
  })

  test('says so where Redis holds the counters and is away', async () => {
    const redis = await startRedis()
    const service = await start({ redis })
    await redis.kill()
    const { status, body } = await service.ask('DELETE /admin/rate-limits', { token: admin.token })
    expect([status, body.code]).toEqual([503, 'unavailable'])
  })
})
