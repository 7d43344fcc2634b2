import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readKept, takeHome } from '../../src/platform/home.ts'
import { signal, waitUntil, worksIn } from '../../src/platform/process.ts'
import { signUp } from '../accounts.ts'
import { testDatabase } from '../harness.ts'
import { main, runOnsale, type Spawned, spawnOnsale } from './spawn.ts'

setDefaultTimeout(60_000)

let home: string

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'onsale-up-'))
  // Where the tests run as root, PostgreSQL is another user who must pass through.
  Bun.spawnSync(['chmod', '711', home])
})

afterAll(() => {
  // What a test that ran out of time left running.
  for (const name of readdirSync(home)) {
    for (const file of ['postgres/postmaster.pid', 'redis.pid']) {
      const path = join(folder(name), file)
      const pid = existsSync(path) ? Number(readFileSync(path, 'utf8').split('\n')[0]) : 0
      if (pid > 0 && worksIn(pid, folder(name))) signal(pid, 'SIGKILL')
      if (pid > 0 && worksIn(pid, join(folder(name), 'postgres'))) signal(pid, 'SIGQUIT')
    }
  }
  rmSync(home, { recursive: true, force: true })
})

const folder = (name: string) => join(home, name)
const running: Spawned[] = []

/** Once it has told all that it tells. */
async function up(name: string, env: Record<string, string> = {}): Promise<Spawned> {
  const onsale = await spawnOnsale(['up', '--no-demo'], { DATA_DIR: folder(name), ...env })
  running.push(onsale)
  expect(await waitUntil(() => onsale.output().includes('Ctrl-C'), { timeoutMs: 30_000 })).toBe(true)
  return onsale
}

// Where a test failed half-way; the next finds what it left, which is a test of its own.
afterEach(async () => {
  for (const onsale of running.splice(0)) {
    onsale.process.kill('SIGTERM')
    await onsale.process.exited
  }
})
const postmaster = (name: string) =>
  Number(readFileSync(join(folder(name), 'postgres/postmaster.pid'), 'utf8').split('\n')[0])
const redisPid = (name: string) => Number(readFileSync(join(folder(name), 'redis.pid'), 'utf8'))

/** Under load Redis may be left alone for a second at first; in the end all is well. */
async function becomesHealthy(onsale: Spawned): Promise<boolean> {
  const isHealthy = async () => {
    const response = await fetch(`${onsale.url}/health`)
    const health = (await response.json()) as Record<string, unknown>
    return health.status === 'healthy' && health.postgres === 'ok' && health.redis === 'ok'
  }
  return await waitUntil(isHealthy, { timeoutMs: 30_000 })
}

async function stop(onsale: Spawned, name: string) {
  const pids = [postmaster(name), redisPid(name)]
  onsale.process.kill('SIGTERM')
  expect(await onsale.process.exited).toBe(0)
  expect(pids.filter((pid) => worksIn(pid, folder(name)))).toEqual([])
}

describe('up', () => {
  test('brings its own PostgreSQL and Redis, keeps what it chose, and leaves no process behind', async () => {
    const onsale = await up('one')
    expect(await becomesHealthy(onsale)).toBe(true)

    const kept = readKept(folder('one'))
    expect(statSync(join(folder('one'), 'env')).mode & 0o777).toBe(0o600)
    expect(kept.SHOPIFY_WEBHOOK_SECRET).toMatch(/^demo_[0-9a-f]{32}$/)
    expect(kept.SECRET_KEY).toMatch(/^demo_[0-9a-f]{32}$/)
    expect(kept.ONSALE_URL?.replace('localhost', '127.0.0.1')).toBe(onsale.url)
    const said = onsale.output()
    for (const part of [kept.ONSALE_URL, '/docs', kept.SHOPIFY_WEBHOOK_SECRET, 'curl '])
      expect(said).toContain(part!)

    const second = await runOnsale(['up'], { DATA_DIR: folder('one') })
    expect(second).toEqual({
      code: 1,
      output: `Another run of Onsale uses ${folder('one')} (it serves ${kept.ONSALE_URL}): stop it first, or set DATA_DIR to another folder\n`,
    })
    const beside = await runOnsale(['verify'], { DATA_DIR: folder('one') })
    expect(beside).toEqual({ code: 0, output: 'Exact: every counter equals its facts\n' })
    await stop(onsale, 'one')
  })

  test('plays a shop that can be written to: an event goes there and comes back', async () => {
    let token = ''
    const onsale = await up('one')
    const { SHOPIFY_API_URL, SHOPIFY_ACCESS_TOKEN } = readKept(folder('one'))
    expect(SHOPIFY_API_URL).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/admin\/api\/2026-10\/graphql\.json$/)
    expect(onsale.output()).toContain(SHOPIFY_API_URL!)
    expect(onsale.output()).not.toContain(SHOPIFY_ACCESS_TOKEN!)
    const [email, password] = ['admin@example.com', 'a sentence about otters']
    await runOnsale(['admin', 'create', '--email', email], {
      DATA_DIR: folder('one'),
      ONSALE_ADMIN_PASSWORD: password,
    })
    token = String((await ask('POST /auth/login', { email, password })).access_token)
    const tickets = [{ name: 'Lawn', price_cents: 2500, capacity: 100 }]
    const { job_id: job } = await ask('POST /events', { title: 'Open air', status: 'active', tickets })
    const isConfirmed = async () => (await ask(`GET /jobs/${job}`)).confirmed_at !== null
    expect(await waitUntil(isConfirmed, { timeoutMs: 20_000 })).toBe(true)
    const { result } = (await ask(`GET /jobs/${job}`)) as { result: { event_id: number } }
    const event = await ask(`GET /events/${result.event_id}`)
    expect(event).toMatchObject({ title: 'Open air', available: 100, tickets: [{ name: 'Lawn' }] })
    await stop(onsale, 'one')
    // Nobody plays it any more.
    expect(await fetch(SHOPIFY_API_URL!).catch(() => null)).toBeNull()

    async function ask(route: string, body?: object): Promise<Record<string, unknown>> {
      const [method = '', path = ''] = route.split(' ')
      const response = await fetch(onsale.url + path, {
        method,
        headers: {
          'content-type': 'application/json',
          ...(token ? { authorization: `Bearer ${token}` } : {}),
        },
        ...(body ? { body: JSON.stringify(body) } : {}),
      })
      return (await response.json()) as Record<string, unknown>
    }
  })

  test('after kill -9 just works again, with the same secrets', async () => {
    const { SHOPIFY_WEBHOOK_SECRET, SECRET_KEY } = readKept(folder('one'))
    const killed = await up('one')
    const left = [postmaster('one'), redisPid('one')]
    killed.process.kill('SIGKILL')
    await killed.process.exited

    const next = await up('one')
    expect(left.filter((pid) => worksIn(pid, folder('one')))).toEqual([])
    expect(await becomesHealthy(next)).toBe(true)
    expect(readKept(folder('one'))).toMatchObject({ SHOPIFY_WEBHOOK_SECRET, SECRET_KEY })
    await stop(next, 'one')
  })

  test('gets over kill -9 of its PostgreSQL, then over kill -9 of both', async () => {
    const onsale = await up('one')
    const first = postmaster('one')
    process.kill(first, 'SIGKILL')
    expect(await waitUntil(() => onsale.output().includes('starting it again'), { timeoutMs: 10_000 })).toBe(
      true,
    )
    expect(await becomesHealthy(onsale)).toBe(true)
    expect(postmaster('one')).not.toBe(first)

    process.kill(postmaster('one'), 'SIGKILL')
    onsale.process.kill('SIGKILL')
    await onsale.process.exited
    await stop(await up('one'), 'one')
  })

  test('stops in order when the script that started it is killed alone', async () => {
    const shell = Bun.spawn(['sh', '-c', `"${process.execPath}" "${main}" up --no-demo; true`], {
      cwd: tmpdir(),
      env: {
        PATH: process.env.PATH ?? '',
        HOST: '127.0.0.1',
        PORT: '0',
        DATA_DIR: folder('one'),
        npm_lifecycle_event: 'up',
      },
      stdout: 'ignore',
    })
    const isServing = async () => {
      const { ONSALE_URL } = readKept(folder('one'))
      return await fetch(`${ONSALE_URL?.replace('localhost', '127.0.0.1')}/ready`).then(
        ({ ok }) => ok,
        () => false,
      )
    }
    expect(await waitUntil(isServing, { timeoutMs: 20_000 })).toBe(true)
    const pids = [postmaster('one'), redisPid('one')]
    shell.kill('SIGKILL')
    const isGone = () => !pids.some((pid) => worksIn(pid, folder('one')))
    expect(await waitUntil(isGone, { timeoutMs: 20_000 })).toBe(true)
    expect(await waitUntil(async () => !(await isServing()), { timeoutMs: 5000 })).toBe(true)
  })

  test('takes values that someone sourced from its own file for its own', async () => {
    const sourced = readKept(folder('one'))
    const onsale = await up('one', { ...sourced, PORT: '0' })
    expect(await becomesHealthy(onsale)).toBe(true)
    await stop(onsale, 'one')
  })

  test('commands use its database while it is stopped, too', async () => {
    const { code, output } = await runOnsale(['deliveries', 'list'], { DATA_DIR: folder('one') })
    expect({ code, output }).toEqual({ code: 0, output: 'No failed deliveries\n' })
    expect(existsSync(join(folder('one'), 'postgres/postmaster.pid'))).toBe(false)
  })
})

describe('accounts of the demo shop', () => {
  const names = ['DEMO_ADMIN_EMAIL', 'DEMO_ADMIN_PASSWORD', 'DEMO_USER_EMAIL', 'DEMO_USER_PASSWORD']

  async function upWithDemo(name: string, env: Record<string, string> = {}): Promise<Spawned> {
    const onsale = await spawnOnsale(['up'], { DATA_DIR: folder(name), ...env })
    running.push(onsale)
    expect(await waitUntil(() => onsale.output().includes('Ctrl-C'), { timeoutMs: 30_000 })).toBe(true)
    return onsale
  }

  async function roleOf({ url }: Spawned, email = '', password = ''): Promise<unknown> {
    const response = await fetch(`${url}/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email, password }),
    })
    return ((await response.json()) as { role?: string }).role ?? response.status
  }

  test('are an admin and a user, made once, kept and shown', async () => {
    const first = await upWithDemo('demo')
    const kept = readKept(folder('demo'))
    expect(kept).toMatchObject({
      DEMO_ADMIN_EMAIL: 'admin@demo.example',
      DEMO_USER_EMAIL: 'user@demo.example',
    })
    for (const name of names) expect(first.output()).toContain(kept[name]!)
    expect(kept.DEMO_ADMIN_PASSWORD).toMatch(/^[\w-]{20}$/)
    expect(kept.DEMO_USER_PASSWORD).not.toBe(kept.DEMO_ADMIN_PASSWORD)
    expect(await roleOf(first, kept.DEMO_ADMIN_EMAIL, kept.DEMO_ADMIN_PASSWORD)).toBe('ADMIN')
    expect(await roleOf(first, kept.DEMO_USER_EMAIL, kept.DEMO_USER_PASSWORD)).toBe('USER')
    await stop(first, 'demo')

    const without = await up('demo')
    expect(await waitUntil(() => without.output().includes('Ctrl-C'), { timeoutMs: 30_000 })).toBe(true)
    expect(without.output()).not.toContain(kept.DEMO_ADMIN_PASSWORD!)
    await stop(without, 'demo')
    // As if the first start had been interrupted between the keeping and the making.
    const env = readFileSync(join(folder('demo'), 'env'), 'utf8')
    writeFileSync(join(folder('demo'), 'env'), env.replace('UP_ACCOUNTS=made', 'UP_ACCOUNTS=making'))
    const again = await upWithDemo('demo')
    const pairs = (of: Record<string, string>) => names.map((name) => of[name])
    expect(pairs(readKept(folder('demo')))).toEqual(pairs(kept))
    for (const name of names) expect(again.output()).toContain(kept[name]!)
    expect(await roleOf(again, kept.DEMO_ADMIN_EMAIL, kept.DEMO_ADMIN_PASSWORD)).toBe('ADMIN')
    await stop(again, 'demo')
  })

  test('are not made with --no-demo, and not in a given database that has users', async () => {
    expect(Object.keys(readKept(folder('one'))).filter((name) => name.startsWith('DEMO_'))).toEqual([])
    const database = await testDatabase({ connections: 1 })
    try {
      await signUp(database.admin, 'somebody@example.com')
      const onsale = await upWithDemo('foreign', { DATABASE_URL: database.url })
      expect(onsale.output()).not.toContain('demo.example')
      const kept = readKept(folder('foreign'))
      expect([kept.UP_DEMO, kept.DEMO_ADMIN_EMAIL]).toEqual(['loaded', undefined])
      const [row] = await database.admin`select count(*)::integer as count from onsale.users`
      expect(row?.count).toBe(1)
      onsale.process.kill('SIGTERM')
      expect(await onsale.process.exited).toBe(0)
    } finally {
      await database.drop()
    }
  })
})

describe('seed', () => {
  test('makes its own database where there is none, and verify finds it exact', async () => {
    const env = { DATA_DIR: folder('seeded') }
    const seeded = await runOnsale(['seed', '--events', '50'], env)
    expect(seeded.code).toBe(0)
    expect(seeded.output).toContain('50 made-up events')
    const verified = await runOnsale(['verify'], env)
    expect(verified).toEqual({ code: 0, output: 'Exact: every counter equals its facts\n' })
  })
})

describe('one clear sentence and exit code 1', () => {
  const refusal = async (args: string[], env: Record<string, string>) => {
    const { code, output } = await runOnsale(args, { DATA_DIR: folder('refused'), ...env })
    expect(code).toBe(1)
    return output
  }

  test('for a port in use', async () => {
    const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response() })
    expect(await refusal(['up'], { PORT: String(server.port) })).toBe(
      `Port ${server.port} is in use: stop what listens there, or set PORT to another\n`,
    )
    await server.stop(true)
  })

  test('for wrong variables, all of them', async () => {
    expect(await refusal(['up'], { PORT: 'abc', DB_POOL_SIZE: '0', LOG_LEVEL: 'loud' })).toBe(
      'PORT must be a whole number from 0 to 65535, not "abc"\n' +
        'DB_POOL_SIZE must be a whole number from 1 to 500, not "0"\n' +
        'LOG_LEVEL must be one of trace, debug, info, warn, error, fatal, silent, not "loud"\n',
    )
  })

  test('for a foreign DATA_DIR, folder or file', async () => {
    mkdirSync(folder('thesis'))
    writeFileSync(join(folder('thesis'), 'chapter.txt'), 'text')
    expect(await refusal(['up'], { DATA_DIR: folder('thesis') })).toBe(
      `DATA_DIR ${folder('thesis')} holds something else (chapter.txt): set it to an empty or missing folder\n`,
    )
    expect(await refusal(['up'], { DATA_DIR: join(folder('thesis'), 'chapter.txt') })).toContain('is a file')
  })

  test('not for a folder in which only the benchmark has been', async () => {
    mkdirSync(join(folder('benched'), 'bench'), { recursive: true })
    mkdirSync(join(folder('benched'), 'bin'))
    takeHome(folder('benched')).release()
  })

  test('for a database that cannot be reached, whatever the command', async () => {
    const env = { DATABASE_URL: 'postgres://me:hunter2@127.0.0.1:9/x', SHOPIFY_WEBHOOK_SECRET: 'x' }
    const sentence = 'Cannot use the database postgres://me@127.0.0.1:9/x: connect ECONNREFUSED 127.0.0.1:9\n'
    for (const command of ['up', 'serve', 'migrate', 'verify'])
      expect(await refusal([command], env)).toBe(sentence)
  })

  test('for production without a secret of its own', async () => {
    const env = { NODE_ENV: 'production' }
    const sentence =
      'SHOPIFY_WEBHOOK_SECRET must be set when NODE_ENV is production\n' +
      'SECRET_KEY must be set when NODE_ENV is production\n' +
      'PAYMENT_WEBHOOK_SECRET must be set when NODE_ENV is production\n'
    expect(await refusal(['up'], env)).toBe(sentence)
    expect(await refusal(['serve'], env)).toBe(sentence)
    const demo = {
      SHOPIFY_WEBHOOK_SECRET: 'demo_0123456789abcdef',
      SECRET_KEY: 'demo_0123456789abcdef0123456789abcdef',
      PAYMENT_WEBHOOK_SECRET: 'demo_0123456789abcdef',
    }
    expect(await refusal(['serve'], { ...env, ...demo })).toBe(
      'SHOPIFY_WEBHOOK_SECRET holds a demo secret, which production refuses\n' +
        'SECRET_KEY holds a demo secret, which production refuses\n' +
        'PAYMENT_WEBHOOK_SECRET holds a demo secret, which production refuses\n',
    )
  })

  test('for a command that finds no database', async () => {
    expect(await refusal(['serve'], {})).toContain('DATABASE_URL must be set for `serve`')
    expect(await refusal(['verify'], {})).toContain(
      'There is no database: set DATABASE_URL, or run `up` first',
    )
  })
})
