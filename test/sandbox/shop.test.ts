import { afterAll, beforeAll, expect, test } from 'bun:test'
import { type ChildProcess, spawn } from 'node:child_process'
import { resolve } from 'node:path'
import { freePort } from '../../src/platform/process.ts'
import { expectVerified, type TestDatabase, testDatabase } from '../harness.ts'

const root = resolve(import.meta.dir, '../..')
const secret = 'a secret of this test'
let database: TestDatabase
let service: ChildProcess
let url: string

beforeAll(async () => {
  database = await testDatabase()
  const port = await freePort()
  url = `http://127.0.0.1:${port}`
  service = spawn(process.execPath, ['src/main.ts', 'serve'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      ...process.env,
      DATABASE_URL: database.url,
      HOST: '127.0.0.1',
      PORT: String(port),
      SHOPIFY_WEBHOOK_SECRET: secret,
      LOG_LEVEL: 'silent',
    },
  })
  for (let tries = 0; tries < 200; tries++) {
    const answer = await fetch(`${url}/health`).catch(() => null)
    if (answer?.ok) return
    await Bun.sleep(50)
  }
  throw new Error(`Nobody answers at ${url}; \`serve\` did not start within 10 s`)
}, 60_000)

afterAll(async () => {
  const ended = new Promise((done) => service.once('exit', done))
  service.kill('SIGTERM')
  await ended
  await database.drop()
}, 30_000)

test('a shuffled life with a fifth of it twice ends exact, and again on the same database', async () => {
  for (let nth = 1; nth <= 2; nth++) {
    const { output, code } = await run(
      'sandbox/shop.ts',
      '--deliveries',
      '1500',
      '--duplicates',
      '20%',
      '--shuffle',
    )
    expect(output).toEndWith('exact\n')
    expect(code).toBe(0)
  }
  await expectVerified(database.service)
}, 60_000)

test('the same seed again is duplicates throughout, and exact', async () => {
  const again = () => run('sandbox/shop.ts', '--deliveries', '600', '--seed', 'again')
  expect((await again()).output).toEndWith('exact\n')
  const { output, code } = await again()
  expect(output).toMatch(/^Outcomes: duplicate \d+$/m)
  expect(output).toEndWith('exact\n')
  expect(code).toBe(0)
}, 60_000)

test('the demo shop loads, and once more changes nothing', async () => {
  for (let nth = 1; nth <= 2; nth++) {
    const { output, code } = await run('sandbox/demo.ts', '--compare')
    expect(output).toMatch(/^Demo shop loaded: 200 events, \d+ tickets/)
    expect(output).toEndWith('exact\n')
    expect(code).toBe(0)
  }
  await expectVerified(database.service)
}, 60_000)

test('a wrong secret is one clear refusal, not a run', async () => {
  const { output, code } = await run('sandbox/shop.ts', '--deliveries', '300', {
    SHOPIFY_WEBHOOK_SECRET: 'other',
  })
  expect(output).toContain('HTTP 401')
  expect(output).not.toContain('exact')
  expect(code).toBe(1)
}, 60_000)

async function run(
  script: string,
  ...words: (string | Record<string, string>)[]
): Promise<{ output: string; code: number }> {
  const flags = words.filter((word) => typeof word === 'string')
  const env = Object.assign({}, ...words.filter((word) => typeof word === 'object'))
  const child = Bun.spawn([process.execPath, script, '--url', url, ...flags], {
    cwd: root,
    env: { ...process.env, SHOPIFY_WEBHOOK_SECRET: secret, ...env },
    stderr: 'ignore',
  })
  const output = await new Response(child.stdout).text()
  return { output, code: await child.exited }
}
