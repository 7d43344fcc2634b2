// Types, lint, format, every test and a small run of every benchmark, on a real PostgreSQL and a real Redis that it
// starts itself. Test files run side by side in a few processes, and the benchmarks beside them.
// The last line is `N passed, N failed`, and the exit code says the same.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { openPool } from '../src/platform/database.ts'
import { installedBinDir } from '../src/platform/embedded.ts'

const root = resolve(import.meta.dir, '..')

/** Races open 64 of their own. */
const connectionsPerProcess = 100

type Tally = { passed: number; failed: number }

const command = new Command('check')
  .description('Runs types, lint, format and every test on real PostgreSQL and real Redis')
  .argument('[files...]', 'only these tests (paths or parts of them); types and lint are run in any case')
  .option('--postgres <major>', 'run on an installed PostgreSQL of this major version', toMajor)
  // More than cores: most of a test's time is waiting, for a lease, a restart, a server that starts.
  .option('--processes <count>', 'so many test files side by side', toCount, 2 * availableParallelism())
  .option('--update-timings', 'write down what each file takes, for the slowest to begin first', false)
  .addHelpText(
    'after',
    `
Without an option it starts the PostgreSQL 18 of the packages in a temporary folder.

  --postgres 15          starts the PostgreSQL 15 in PG_BIN_DIR, else in /usr/lib/postgresql/15/bin or the like
  TEST_DATABASE_URL=…    runs on that server; a superuser's URL. It makes databases named onsale_test_* and
                         onsale_template_*, the roles onsale_owner and onsale_service, and drops its databases.
                         DATABASE_URL counts as well where TEST_DATABASE_URL is not set. A process of tests needs
                         100 connections: a server that allows 100 runs one file after the other.
`,
  )
  .parse()

const {
  postgres: major,
  processes,
  updateTimings,
} = command.opts<{ postgres?: number; processes: number; updateTimings: boolean }>()
process.exit(await check(command.args))

async function check(files: string[]): Promise<number> {
  const startedAt = performance.now()
  const missing = provideRedis()
  if (missing !== null) return finish([{ passed: 0, failed: 1 }], missing)

  // These two keep both cores busy for a moment each while the server starts.
  const started = startServer()
  const types = await runTool('Types', ['node_modules/.bin/tsc', '--noEmit'])
  const lint = await runTool('Lint and format', [
    'node_modules/.bin/biome',
    'check',
    '--error-on-warnings',
    '.',
  ])

  const server = await started
  if ('error' in server) return finish([types, lint, { passed: 0, failed: 1 }], server.error)
  const [tests, smoke] = await Promise.all([
    runTests(server.url, files).finally(server.stop),
    files.length === 0 ? runBenchmarks() : { passed: 0, failed: 0 },
  ])
  say(`Took ${Math.round((performance.now() - startedAt) / 1000)} s`)
  return finish([types, lint, tests, smoke])
}

function finish(tallies: Tally[], sentence?: string): number {
  if (sentence) say(sentence)
  const passed = tallies.reduce((sum, tally) => sum + tally.passed, 0)
  const failed = tallies.reduce((sum, tally) => sum + tally.failed, 0)
  say(`${passed} passed, ${failed} failed`)
  return failed === 0 ? 0 : 1
}

/** Null, or the sentence that says what to type. */
function provideRedis(): string | null {
  if (Bun.which('redis-server')) return null
  const advice = 'The tests need redis-server on PATH. Type: '
  if (process.platform === 'darwin') return `${advice}brew install redis`
  if (!Bun.which('apt-get')) return `${advice}the install command of your system for the package redis`
  if (process.getuid?.() !== 0) return `${advice}sudo apt-get install -y redis-server`

  say('Installing redis-server with apt-get')
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const apt = (...args: string[]) =>
    spawnSync('apt-get', args, { env, stdio: ['ignore', 'ignore', 'inherit'] })
  apt('update', '-q')
  // No service of its own: the tests start what they need.
  apt('install', '-y', '-q', '--no-install-recommends', 'redis-server')
  return Bun.which('redis-server') ? null : `${advice}apt-get install -y redis-server`
}

type Server = { url: string; stop(): Promise<void> }

async function startServer(): Promise<Server | { error: string }> {
  const given = process.env.TEST_DATABASE_URL || process.env.DATABASE_URL
  if (given && major === undefined) {
    say(`Testing on the server of ${process.env.TEST_DATABASE_URL ? 'TEST_DATABASE_URL' : 'DATABASE_URL'}`)
    return { url: given, stop: async () => {} }
  }
  const binDir = major === undefined ? null : installedBinDir(major, { pgBinDir: process.env.PG_BIN_DIR })
  if (major !== undefined && binDir === null) {
    return { error: `No PostgreSQL ${major} was found: set PG_BIN_DIR to the folder that holds its initdb` }
  }

  const child = spawn(process.execPath, [join(import.meta.dir, 'server.ts'), ...(binDir ? [binDir] : [])], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const { url, error } = await firstMessage(child)
  if (url === undefined) return { error: error ?? 'The test server ended before it was ready' }
  say(`Testing on PostgreSQL ${major ?? '18 of the packages'}`)
  return {
    url,
    async stop() {
      const exited = new Promise((resolve) => child.once('exit', resolve))
      child.stdin?.end()
      await exited
    },
  }
}

function firstMessage(child: ChildProcess): Promise<{ url?: string; error?: string }> {
  return new Promise((resolve) => {
    let text = ''
    child.stdout?.on('data', (piece) => {
      text += piece
      if (text.includes('\n')) resolve(JSON.parse(text.split('\n')[0] ?? ''))
    })
    child.once('exit', () => resolve({}))
  })
}

async function runTool(name: string, [file = '', ...args]: string[]): Promise<Tally> {
  const { code, output } = await runQuietly(join(root, file), args)
  say(`${name}: ${code === 0 ? 'passed' : 'failed'}`)
  if (code === 0) return { passed: 1, failed: 0 }
  process.stdout.write(output)
  return { passed: 0, failed: 1 }
}

/** Every benchmark, small: whether the suite runs and nothing comes out wrong, not how fast. */
async function runBenchmarks(): Promise<Tally> {
  const folder = mkdtempSync(join(tmpdir(), 'onsale-smoke-'))
  say('Benchmarks, small (k6 is built first where there is none)')
  const args = ['bench/main.ts', '--profile', 'smoke', '--out', folder]
  const { code, output } = await runQuietly(process.execPath, args)
  rmSync(folder, { recursive: true, force: true })
  if (code !== 0) process.stdout.write(output)
  say(`Benchmarks: ${code === 0 ? 'passed' : 'failed'}`)
  return code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 }
}

function runQuietly(file: string, args: string[]): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(file, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    child.stdout.on('data', (piece) => {
      output += piece
    })
    child.stderr.on('data', (piece) => {
      output += piece
    })
    child.once('error', (error) => resolve({ code: 1, output: `${error.message}\n` }))
    child.once('close', (code) => resolve({ code, output }))
  })
}

/** As many processes as are wanted, and no more than the server has connections for. */
async function processesOn(serverUrl: string): Promise<number> {
  const pool = openPool(serverUrl, { name: 'check', max: 1 })
  try {
    const [row] = await pool<{ connections: number }[]>`
      select current_setting('max_connections')::integer as connections`
    return Math.min(processes, Math.max(1, Math.floor(row!.connections / connectionsPerProcess)))
  } catch {
    // The tests tell what is wrong with it.
    return 1
  } finally {
    await pool.end({ timeout: 1 })
  }
}

async function runTests(serverUrl: string, files: string[]): Promise<Tally> {
  const env: Record<string, string | undefined> = { ...process.env, TEST_DATABASE_URL: serverUrl }
  // The tests say themselves what they run with; what is set for a deployment must not leak in.
  for (const name of ['DATABASE_URL', 'REDIS_URL', 'DATA_DIR', 'PORT', 'NODE_ENV']) delete env[name]
  const flags = [
    // Of a test that hangs: three times what the longest takes on a machine that is busy with other things.
    '--timeout=180000',
    `--parallel=${await processesOn(serverUrl)}`,
    // What a file imports is read once by each process, not once by each file.
    '--no-isolate',
    '--timings=test/timings.json',
    ...(updateTimings ? ['--update-timings'] : []),
  ]
  const child = spawn(process.execPath, ['test', ...flags, ...files], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let end = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (piece: Buffer) => {
      process.stdout.write(piece)
      end = `${end}${piece}`.slice(-2000)
    })
  }
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return tally(end, code)
}

/**
 * Reads Bun's last lines (` 12 pass`, ` 1 fail`, …): its report for machines leaves out files that do not load.
 * A skipped test did not pass, and neither did a run that ended badly or without these lines.
 */
function tally(end: string, code: number | null): Tally {
  const count = (word: string) =>
    Number([...end.matchAll(new RegExp(`^ *(\\d+) ${word}$`, 'gm'))].at(-1)?.[1] ?? 0)
  const skipped = count('skip') + count('todo')
  if (skipped > 0) say(`${skipped} tests were skipped, which counts as failed`)
  const failed = count('fail') + skipped
  const brokeOtherwise = failed === 0 && (code !== 0 || count('pass') === 0)
  if (brokeOtherwise) say(`The test run ended with code ${code} although no test failed: see above`)
  return { passed: count('pass'), failed: brokeOtherwise ? 1 : failed }
}

function toMajor(value: string): number {
  if (!/^\d\d$/.test(value)) throw new InvalidArgumentError('It must be a major version like 15.')
  return Number(value)
}

function toCount(value: string): number {
  if (!/^[1-9]\d?$/.test(value)) throw new InvalidArgumentError('It must be a number from 1 to 99.')
  return Number(value)
}

function say(sentence: string) {
  process.stdout.write(`${sentence}\n`)
}
