import { expect, setDefaultTimeout } from 'bun:test'
import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type postgres from 'postgres'
import { openPool, type Sql, serviceRole } from '../src/platform/database.ts'
import { migrate } from '../src/platform/migrate.ts'
import { freePort, waitUntil } from '../src/platform/process.ts'

// A database is made before the first test, and the machine may be busy. Bun resets this for every file, so in a
// run of several files it is check.ts that says it.
setDefaultTimeout(60_000)

export type TestDatabase = {
  name: string
  /** Logs in as the superuser: give it to a process under test, which then takes on the service's role. */
  url: string
  adminUrl: string
  /** A superuser's pool: the owner's rights and more. */
  admin: Sql
  /** What the service may do: execute what `api` grants. */
  service: Sql
  drop(): Promise<void>
}

export type TestRedis = {
  url: string
  pid: number
  /** As `kill -9`: nothing is said to the clients. */
  kill(): Promise<void>
  /** Starts it again on the same port, empty. */
  start(): Promise<void>
  stop(): Promise<void>
}

/**
 * A database of its own, cloned from a migrated template in about 20 ms. Drop it in afterAll. The server is
 * TEST_DATABASE_URL (a superuser's), else one that is started here and ends with the tests.
 */
export async function testDatabase({ connections = 8 } = {}): Promise<TestDatabase> {
  const server = await serverUrl()
  const template = await migratedTemplate(server)
  const name = `onsale_test_${process.pid}_${randomBytes(4).toString('hex')}`
  await onServer(server, (sql) =>
    sql.unsafe(`create database ${name} template ${template} strategy file_copy`),
  )

  const url = withDatabaseName(server, name)
  // Opening many connections on a busy machine takes its time, which no test is about.
  const patient = { connectTimeoutS: 60, fetchTypes: true }
  const admin = openPool(url, { name: 'test admin', max: connections, statementTimeoutMs: 0, ...patient })
  const service = openPool(url, { name: 'test', max: connections, role: serviceRole, ...patient })
  let isDropped = false
  return {
    name,
    url,
    adminUrl: url,
    admin,
    service,
    async drop() {
      if (isDropped) return
      isDropped = true
      await Promise.all([admin.end({ timeout: 1 }), service.end({ timeout: 1 })])
      await onServer(server, (sql) => sql.unsafe(`drop database if exists ${name} with (force)`))
    },
  }
}

/** A database without any schema, for tests of migrating. */
export async function emptyDatabase(): Promise<{ url: string; admin: Sql; drop(): Promise<void> }> {
  const server = await serverUrl()
  const name = `onsale_test_${process.pid}_${randomBytes(4).toString('hex')}`
  await onServer(server, (sql) => sql.unsafe(`create database ${name} template template0`))
  const url = withDatabaseName(server, name)
  const admin = openPool(url, { name: 'test admin', max: 4, statementTimeoutMs: 0, fetchTypes: true })
  return {
    url,
    admin,
    async drop() {
      await admin.end({ timeout: 1 })
      await onServer(server, (sql) => sql.unsafe(`drop database if exists ${name} with (force)`))
    },
  }
}

/** Runs `work` on a database that is dropped when it succeeds, kept and named when it fails. */
export async function withDatabase(work: (database: TestDatabase) => Promise<void>): Promise<void> {
  const database = await testDatabase()
  try {
    await work(database)
  } catch (error) {
    // Kept while its server runs: for good where TEST_DATABASE_URL names one.
    process.stderr.write(`The database of the failed test is kept: ${database.name}\n`)
    await Promise.all([database.admin.end({ timeout: 1 }), database.service.end({ timeout: 1 })])
    throw error
  }
  await database.drop()
}

/** Runs `work` in a transaction of `pool` that is rolled back at the end. */
export async function rollbackTest<T>(
  pool: Sql,
  work: (sql: postgres.TransactionSql) => Promise<T>,
): Promise<T> {
  let result: T
  await pool.begin(async (sql) => {
    result = await work(sql)
    await sql`rollback and chain`
  })
  return result!
}

/** After a suite that writes: every counter must be what its facts say. */
export async function expectVerified(sql: Sql | postgres.TransactionSql): Promise<void> {
  const drift = await sql`select * from api.verify()`
  expect([...drift]).toEqual([])
}

/** A real Redis of its own, which may be killed and started again. Stop it in afterAll. */
export async function testRedis(): Promise<TestRedis> {
  const port = await freePort()
  const url = `redis://127.0.0.1:${port}`
  let running = await startRedis(port)
  return {
    url,
    get pid() {
      return running.pid
    },
    async kill() {
      process.kill(running.pid, 'SIGKILL')
      await running.exited
    },
    async start() {
      running = await startRedis(port)
    },
    async stop() {
      running.end()
      await running.exited
    },
  }
}

/** The same URL with another database. */
export function withDatabaseName(url: string, name: string): string {
  const changed = new URL(url)
  changed.pathname = `/${name}`
  return changed.href
}

/** The superuser's URL of the server that the tests run on. */
export function serverUrl(): Promise<string> {
  server ??= process.env.TEST_DATABASE_URL ? Promise.resolve(process.env.TEST_DATABASE_URL) : startServer()
  return server
}

let server: Promise<string> | null = null
let template: Promise<string> | null = null

async function startServer(): Promise<string> {
  const child = spawn(process.execPath, [join(import.meta.dir, 'server.ts')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  child.unref()
  const line = await firstLine(child.stdout)
  const { url, error } = JSON.parse(line || '{"error": "The test server ended before it was ready"}')
  if (error) throw new Error(error)
  return url
}

async function firstLine(stream: NodeJS.ReadableStream): Promise<string> {
  let text = ''
  for await (const piece of stream) {
    text += piece
    if (text.includes('\n')) break
  }
  return text.split('\n')[0] ?? ''
}

/** Migrated once per content of `sql/`, whoever comes first; the name tells which. */
function migratedTemplate(server: string): Promise<string> {
  template ??= makeTemplate(server)
  return template
}

async function makeTemplate(server: string): Promise<string> {
  const name = `onsale_template_${hashOfSql()}`
  await onServer(server, async (sql) => {
    // Two test processes may need it at once.
    await sql`select pg_advisory_lock(${0x74657374})`
    const [found] = await sql`select 1 from pg_database where datname = ${name}`
    if (found) return
    await sql.unsafe(`drop database if exists ${name}_draft with (force)`)
    await sql.unsafe(`create database ${name}_draft template template0`)
    await migrate(withDatabaseName(server, `${name}_draft`))
    await sql.unsafe(`alter database ${name}_draft rename to ${name}`)
  })
  return name
}

function hashOfSql(): string {
  const folder = resolve(import.meta.dir, '../sql')
  const hash = createHash('sha256')
  for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()) {
    if (path.endsWith('.sql')) hash.update(`${path}\n${readFileSync(join(folder, path), 'utf8')}\n`)
  }
  return hash.digest('hex').slice(0, 12)
}

async function onServer(server: string, work: (sql: Sql) => PromiseLike<unknown>): Promise<void> {
  const sql = openPool(server, { name: 'test server', max: 1, statementTimeoutMs: 0 })
  try {
    await work(sql)
  } finally {
    await sql.end({ timeout: 1 })
  }
}

/** Under a shell that stops it when our end of the pipe closes, so that a killed run leaves none behind. */
async function startRedis(port: number): Promise<{ pid: number; exited: Promise<void>; end(): void }> {
  const script = [
    'redis-server "$@" </dev/null >/dev/null 2>&1 & pid=$!',
    'echo $pid',
    // The shell gives what it puts in the background an empty input, so ours is passed on by another number.
    'exec 3<&0; (cat <&3 >/dev/null; kill $pid 2>/dev/null) &',
    'wait $pid',
  ].join('\n')
  const flags = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
  const child = spawn('sh', ['-c', script, 'redis', ...flags], { stdio: ['pipe', 'pipe', 'ignore'] })
  child.unref()
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const pid = Number(await firstLine(child.stdout))
  const isUp = await waitUntil(() => accepts(port), { timeoutMs: 10_000 })
  if (!isUp) throw new Error(`redis-server on port ${port} did not start: is it on PATH?`)
  return { pid, exited, end: () => child.stdin.end() }
}

async function accepts(port: number): Promise<boolean> {
  try {
    const socket = await Bun.connect({ hostname: '127.0.0.1', port, socket: { data() {} } })
    socket.end()
    return true
  } catch {
    return false
  }
}
