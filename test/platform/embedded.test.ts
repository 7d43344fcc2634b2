import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openPool } from '../../src/platform/database.ts'
import { type EmbeddedServer, startPostgres } from '../../src/platform/embedded.ts'
import { migrate } from '../../src/platform/migrate.ts'
import { isAlive, signal, waitUntil } from '../../src/platform/process.ts'

setDefaultTimeout(60_000)

let home: string
const running = new Set<EmbeddedServer>()

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'onsale-embedded-'))
  // Where the tests run as root, the server is another user who must pass through.
  Bun.spawnSync(['chmod', '711', home])
})

afterEach(async () => {
  await Promise.all([...running].map((server) => server.stop()))
  running.clear()
})

afterAll(() => rmSync(home, { recursive: true, force: true }))

async function start(name = 'postgres', steps: string[] = []): Promise<EmbeddedServer> {
  const server = await startPostgres({
    folder: join(home, name),
    database: 'onsale',
    onStep: (step) => steps.push(step),
  })
  running.add(server)
  return server
}

async function query(server: EmbeddedServer, text: string): Promise<unknown> {
  const pool = openPool(server.url, { name: 'test', max: 1 })
  try {
    const [row] = await pool.unsafe(text)
    return row ? Object.values(row)[0] : null
  } finally {
    await pool.end({ timeout: 1 })
  }
}

async function gone(pid: number) {
  expect(await waitUntil(() => !isAlive(pid), { timeoutMs: 10_000 })).toBe(true)
}

describe('the embedded PostgreSQL', () => {
  test('is an 18 in UTF-8 with a locale of its own, durable, behind a password', async () => {
    const server = await start()
    expect(await query(server, 'show server_version_num')).toStartWith('18')
    expect(await query(server, 'show fsync')).toBe('on')
    expect(await query(server, 'show server_encoding')).toBe('UTF8')
    expect(
      await query(
        server,
        `select datlocprovider::text || ' ' || datlocale from pg_database where datname = 'onsale'`,
      ),
    ).toBe('b C.UTF-8')
    expect(await query(server, `select lower('ÉCOLE')`)).toBe('école')
    const wrong = { ...server, url: server.url.replace(/:[^:@]+@/, ':guess@') }
    expect(query(wrong, 'select 1')).rejects.toThrow('password authentication failed')
    expect(statSync(join(home, 'postgres', 'onsale.password')).mode & 0o777).toBe(0o600)
    expect(statSync(join(home, 'postgres')).mode & 0o777).toBe(0o700)
  })

  test('comes back after kill -9 with everything that was committed', async () => {
    const first = await start()
    await query(first, 'create table kept (id integer)')
    await query(first, 'insert into kept select generate_series(1, 1000)')
    process.kill(first.pid, 'SIGKILL')
    await first.exited
    running.delete(first)

    const second = await start()
    expect(await query(second, 'select count(*)::int from kept')).toBe(1000)
  })

  test('that a killed run left behind is stopped first', async () => {
    const left = await start()
    const steps: string[] = []
    const next = await start('postgres', steps)
    running.delete(left)
    expect(steps).toContain('Stopping the PostgreSQL that a killed run left behind')
    expect(next.pid).not.toBe(left.pid)
    await gone(left.pid)
    expect(await query(next, 'select count(*)::int from kept')).toBe(1000)
  })

  test('starts although its old number now belongs to a stranger', async () => {
    const first = await start()
    const pidFile = join(home, 'postgres', 'postmaster.pid')
    process.kill(first.pid, 'SIGKILL')
    await first.exited
    running.delete(first)
    const stranger = Bun.spawn(['sleep', '60'])
    try {
      const [, ...rest] = readFileSync(pidFile, 'utf8').split('\n')
      writeFileSync(pidFile, [stranger.pid, ...rest].join('\n'))
      const second = await start()
      expect(await query(second, 'select 1')).toBe(1)
      expect(stranger.exitCode).toBeNull()
    } finally {
      stranger.kill()
    }
  })

  test('stops at once when it is told to, clients or not', async () => {
    const server = await start()
    const pool = openPool(server.url, { name: 'test', max: 1 })
    const sleeping = pool`select pg_sleep(60)`.execute()
    sleeping.catch(() => {})
    await Bun.sleep(100)
    await server.stop()
    running.delete(server)
    expect(isAlive(server.pid)).toBe(false)
    expect(existsSync(join(home, 'postgres', 'postmaster.pid'))).toBe(false)
    await pool.end({ timeout: 0 })
  })

  test('refuses a folder that is not its own, and one of another version', async () => {
    mkdirSync(join(home, 'thesis'))
    writeFileSync(join(home, 'thesis', 'chapter.txt'), 'text')
    expect(start('thesis')).rejects.toThrow('thesis is not a data folder of ours')

    mkdirSync(join(home, 'older'))
    writeFileSync(join(home, 'older', 'PG_VERSION'), '16\n')
    writeFileSync(join(home, 'older', 'onsale.password'), 'x\n')
    expect(start('older')).rejects.toThrow('was made by PostgreSQL 16 and this is 18')
  })

  test('does not take a half-made folder for a whole one', async () => {
    mkdirSync(join(home, 'new.new'))
    writeFileSync(join(home, 'new.new', 'PG_VERSION'), '18\n')
    const server = await start('new')
    expect(await query(server, 'select 1')).toBe(1)
    expect(existsSync(join(home, 'new.new'))).toBe(false)
  })

  test('is migrated by an owner who is no superuser, too', async () => {
    const server = await start('owned')
    await query(server, `create role deployer login createrole createdb password 'pw'`)
    await query(server, 'alter database onsale owner to deployer')
    const url = server.url.replace(/\/\/[^@]+@/, '//deployer:pw@')
    const { functions } = await migrate(url)
    expect(functions).toBe('loaded')
    expect(await migrate(url)).toEqual({ applied: [], functions: 'current' })

    const service = openPool(url, { name: 'test', max: 1, role: 'onsale_service' })
    const [row] = await service`select current_user as login, count(*)::int as drift from api.verify()`
    expect(row).toEqual({ login: 'onsale_service', drift: 0 })
    await service.end({ timeout: 1 })
  })

  test('is stopped hard by kill, and recovers', async () => {
    const server = await start()
    server.kill()
    await server.exited
    running.delete(server)
    signal(server.pid, 'SIGKILL')
    expect(await query(await start(), 'select count(*)::int from kept')).toBe(1000)
  })
})
