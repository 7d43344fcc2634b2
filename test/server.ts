// Runs one PostgreSQL for tests, in a folder of its own, until its standard input ends: that happens when the
// process that started it ends, however it does, so no server and no folder is ever left behind.
//
//   bun test/server.ts [folder with initdb and postgres]     prints {"url": …} once it is ready

import { mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { freemem, tmpdir } from 'node:os'
import { join } from 'node:path'
import { startPostgres } from '../src/platform/embedded.ts'

const binDir = process.argv[2]
const home = mkdtempSync(join(homeFolder(), 'onsale-test-'))
// PostgreSQL passes through it as another user where we are root; what is inside is its own.
await Bun.$`chmod 711 ${home}`

// The end of the input is what counts; Ctrl-C reaches the whole group and would come too early.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => {})
const ended = new Promise<void>((resolve) => {
  process.stdin.on('end', resolve).on('error', resolve).resume()
})

try {
  const server = await startPostgres({
    folder: join(home, 'postgres'),
    durable: false,
    // Several test processes at once, each with pools of its own.
    settings: { max_connections: '600', max_wal_size: '512MB' },
    ...(binDir ? { binDir } : {}),
  })
  process.stdout.write(`${JSON.stringify({ url: server.url })}\n`)
  await Promise.race([ended, server.exited])
  await server.stop()
} catch (error) {
  process.stdout.write(
    `${JSON.stringify({ error: error instanceof Error ? error.message : String(error) })}\n`,
  )
} finally {
  rmSync(home, { recursive: true, force: true })
}
process.exit()

/**
 * In memory where there is room: to clone a database and to drop it takes 25 ms of a processor there, and 170 on a disk, for its 600
 * files. All of it takes 200 MiB.
 */
function homeFolder(): string {
  const memory = '/dev/shm'
  const roomMin = 3 * 1024 ** 3
  try {
    const { bavail, bsize } = statfsSync(memory)
    return Math.min(bavail * bsize, freemem()) < roomMin ? tmpdir() : memory
  } catch {
    return tmpdir()
  }
}
