import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { freePort, waitUntil } from '../../src/platform/process.ts'
import type { Scenario } from '../scenario.ts'
import { withOpenFiles } from './k6.ts'
import { familyOf } from './sampler.ts'

const root = resolve(import.meta.dir, '../..')
const startMsMax = 20_000
const stopMsMax = 15_000
const restartMsMax = 100_000

export type Servers = {
  urls: readonly [string, ...string[]]
  /** Of the processes that were started; their children belong to them. */
  pids: () => number[]
  /** As an operator, SIGHUP: the processes behind the port are restarted one after the other. Waits until all are new. */
  restart(): Promise<void>
  stop(): Promise<void>
  /** Ends them at once, for a forced exit. */
  kill(): void
}

export type ServersOptions = {
  databaseUrl: string
  redisUrl: string | null
  secret: string
  /** Where their output goes. */
  folder: string
  processes: Scenario['processes']
  /** More of the environment. */
  env?: Record<string, string>
}

/** Starts Onsale as an operator would, `bun src/main.ts serve`, on free ports of this machine, and waits until it is ready. */
export async function startServers(options: ServersOptions): Promise<Servers> {
  const { count, ports } = options.processes
  const starts = ports === 'apart' ? count : 1
  const args = ports === 'shared' && count > 1 ? ['--processes', String(count)] : []
  const started: { child: ChildProcess; url: string; exited: Promise<void> }[] = []
  try {
    for (let nth = 0; nth < starts; nth++) {
      const port = await freePort()
      const logPath = join(options.folder, `serve-${port}.log`)
      const child = startOne({ ...options, port, args, logPath })
      const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
      const url = `http://127.0.0.1:${port}`
      started.push({ child, url, exited })
      const isReady = await waitUntil(() => child.exitCode !== null || answers(`${url}/ready`), {
        timeoutMs: startMsMax,
      })
      if (!isReady || child.exitCode !== null)
        throw new Error(`Onsale did not start: ${readFileSync(logPath, 'utf8').slice(-500)}`)
    }
  } catch (error) {
    for (const { child } of started) child.kill('SIGKILL')
    throw error
  }
  const [first, ...others] = started.map(({ url }) => url)
  return {
    urls: [first as string, ...others],
    pids: () => started.flatMap(({ child }) => child.pid ?? []),
    async restart() {
      const supervisor = started[0]?.child
      const before = new Set(familyOf(supervisor?.pid ?? 0).slice(1))
      if (before.size === 0) throw new Error('There are no processes behind the port to restart')
      supervisor?.kill('SIGHUP')
      const isDone = await waitUntil(
        () => {
          const now = familyOf(supervisor?.pid ?? 0).slice(1)
          return now.length === before.size && !now.some((pid) => before.has(pid))
        },
        { timeoutMs: restartMsMax },
      )
      if (!isDone) throw new Error(`Not all processes were restarted within ${restartMsMax} ms`)
    },
    async stop() {
      await Promise.all(
        started.map(async ({ child, exited }) => {
          child.kill('SIGTERM')
          const timer = setTimeout(() => child.kill('SIGKILL'), stopMsMax)
          await exited
          clearTimeout(timer)
        }),
      )
    },
    kill() {
      for (const { child } of started) child.kill('SIGKILL')
    },
  }
}

function startOne(options: ServersOptions & { port: number; args: string[]; logPath: string }): ChildProcess {
  const [program, args] = withOpenFiles(process.execPath, [
    join(root, 'src/main.ts'),
    'serve',
    ...options.args,
  ])
  const log = openSync(options.logPath, 'a')
  try {
    return spawn(program, args, {
      cwd: root,
      // Nothing else of the caller's environment: what is set for a deployment must not leak in.
      env: {
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        TMPDIR: process.env.TMPDIR,
        HOST: '127.0.0.1',
        PORT: String(options.port),
        DATABASE_URL: options.databaseUrl,
        ...(options.redisUrl === null ? {} : { REDIS_URL: options.redisUrl }),
        SHOPIFY_WEBHOOK_SECRET: options.secret,
        SECRET_KEY: options.secret,
        PAYMENT_WEBHOOK_SECRET: options.secret,
        DATA_DIR: options.folder,
        // A few users of a generator order more often than people do, and all of them have one address.
        RATE_LIMITS: 'off',
        ...options.env,
      } as NodeJS.ProcessEnv,
      // The log is written as in production, one line a request.
      stdio: ['ignore', log, log],
    })
  } finally {
    closeSync(log)
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(1_000) })).ok
  } catch {
    return false
  }
}
