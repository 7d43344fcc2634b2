import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { localRedisMemoryMb, localRedisStartMs, localRedisStopMs } from '../limits.ts'
import { freePort, signal, waitUntil, worksIn } from './process.ts'

export type LocalRedis = {
  /** Null: the service runs without. */
  url: string | null
  /** Null: none was started. */
  pid: number | null
  /** What became of it, for the person who started. */
  sentence: string
  stop(): Promise<void>
  /** Ends it at once, for a forced exit. */
  kill(): void
}

/** What it means to have none. */
export const withoutRedisSentence =
  'Without Redis every process keeps its own cache, and each fills it from PostgreSQL after a start'

/**
 * Starts a `redis-server` from PATH as a cache: on a free port of 127.0.0.1 with a password of its own, without
 * persistence, in bounded memory. Never throws: where there is none, the service runs without.
 */
export async function startLocalRedis({ dataDir }: { dataDir: string }): Promise<LocalRedis> {
  const program = Bun.which('redis-server')
  if (program === null) return none(`none: no redis-server is on PATH. ${withoutRedisSentence}`)

  const folder = realpathSync(dataDir)
  const pidPath = join(folder, 'redis.pid')
  await stopLeftover(pidPath, folder)

  const port = await freePort()
  const password = randomBytes(24).toString('hex')
  // The settings go in by its input, because everyone may read a command line.
  const settings = [
    `port ${port}`,
    'bind 127.0.0.1',
    `requirepass ${password}`,
    `dir "${folder}"`,
    'save ""',
    'appendonly no',
    `maxmemory ${localRedisMemoryMb}mb`,
    'maxmemory-policy allkeys-lru',
    'loglevel warning',
  ]
  const child = spawn(program, ['-'], {
    cwd: folder,
    env: { PATH: process.env.PATH ?? '' },
    // A session of its own, so that Ctrl-C leaves it to us to stop it in its turn.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  let isGone = false
  const exited = new Promise<void>((resolve) => {
    const end = () => {
      isGone = true
      resolve()
    }
    child.once('exit', end).once('error', end)
  })
  child.stdin.on('error', () => {})
  child.stdin.end(`${settings.join('\n')}\n`)

  const isDone = await waitUntil(async () => isGone || (await accepts(port)), {
    timeoutMs: localRedisStartMs,
  })
  if (!isDone || isGone) {
    child.kill('SIGKILL')
    return none(`none: ${program} did not start. ${withoutRedisSentence}`)
  }
  writeFileSync(pidPath, `${child.pid}\n`)
  return {
    // With its user: redis-cli takes an empty one for a name.
    url: `redis://default:${password}@127.0.0.1:${port}`,
    pid: child.pid ?? null,
    sentence: `on 127.0.0.1:${port}, started from PATH`,
    async stop() {
      await stopChild(child, exited)
      rmSync(pidPath, { force: true })
    },
    kill() {
      child.kill('SIGKILL')
    },
  }
}

function none(sentence: string): LocalRedis {
  return { url: null, pid: null, sentence, stop: async () => {}, kill() {} }
}

/** A run that was killed could not stop its Redis. */
async function stopLeftover(pidPath: string, folder: string) {
  let pid: number
  try {
    pid = Number(readFileSync(pidPath, 'utf8'))
  } catch {
    return
  }
  rmSync(pidPath, { force: true })
  if (!(pid > 0) || !worksIn(pid, folder)) return
  signal(pid, 'SIGTERM')
  const isGone = await waitUntil(() => !worksIn(pid, folder), { timeoutMs: localRedisStopMs })
  if (!isGone) signal(pid, 'SIGKILL')
}

async function stopChild(child: ChildProcess, exited: Promise<void>) {
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), localRedisStopMs)
  await exited
  clearTimeout(timer)
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
