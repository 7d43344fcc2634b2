import { Database } from 'bun:sqlite'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { Refusal } from './refusal.ts'

/** The folder DATA_DIR while this process owns it. */
export type Home = {
  /** Absolute, without links. */
  path: string
  /** What earlier runs kept in its `env` file. */
  kept: Record<string, string>
  /** Writes `NAME=value` lines that a shell can source, readable by this user alone. */
  keep(values: Record<string, string>): void
  release(): void
}

/**
 * Takes DATA_DIR for this process, making it where it is missing. Throws a Refusal where it holds something
 * else, cannot be written, or another run has it.
 */
export function takeHome(dataDir: string): Home {
  const home = tryHome(dataDir)
  if (home !== null) return home
  const path = realpathSync(dataDir)
  const url = readKept(path).ONSALE_URL
  throw new Refusal(
    `Another run of Onsale uses ${path}${url ? ` (it serves ${url})` : ''}: stop it first, or set DATA_DIR to another folder`,
  )
}

/** As takeHome, but null where another run has it. */
export function tryHome(dataDir: string): Home | null {
  const path = makeFolder(dataDir)
  const lock = lockFile(join(path, 'up.lock'))
  if (lock === null) return null
  return {
    path,
    kept: readKept(path),
    keep: (values) => writeKept(path, values),
    release: () => lock.close(),
  }
}

/** What `up` chose last: its `env` file, by name. Empty where there is none. */
export function readKept(dataDir: string): Record<string, string> {
  const path = join(dataDir, 'env')
  if (!existsSync(path)) return {}
  const pairs = readText(path)
    .split('\n')
    .flatMap((line) => {
      const match = /^([A-Z_]+)=(.*)$/.exec(line)
      return match?.[1] ? [[match[1], unquote(match[2] ?? '')] as const] : []
    })
  return Object.fromEntries(pairs)
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new Refusal(`DATA_DIR cannot be used: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    })
  }
}

/** What `bench` leaves in `.data`, where somebody runs it first. */
const benchmarkFolders = new Set(['bench', 'bin', 'go'])

function makeFolder(dataDir: string): string {
  try {
    const isNew = !existsSync(dataDir)
    if (isNew) mkdirSync(dataDir, { recursive: true })
    const path = realpathSync(dataDir)
    if (!statSync(path).isDirectory()) throw new Refusal(`DATA_DIR ${path} is a file: set it to a folder`)
    const entries = readdirSync(path)
    // The lock is the first thing that `up` ever writes there, so it marks the folder as ours.
    if (isNew || entries.includes('up.lock')) return path
    const foreign = entries.find((entry) => !benchmarkFolders.has(entry))
    if (foreign === undefined) return path
    throw new Refusal(
      `DATA_DIR ${path} holds something else (${foreign}): set it to an empty or missing folder`,
    )
  } catch (error) {
    if (error instanceof Refusal || !(error instanceof Error)) throw error
    throw new Refusal(`DATA_DIR ${dataDir} cannot be used: ${error.message}`, { cause: error })
  }
}

/**
 * A lock that the system gives back when the process ends, however it ends: SQLite brings it to every system,
 * where a file with a process id would have to be judged by whoever finds it. Null where another has it.
 */
function lockFile(path: string): Database | null {
  const database = new Database(path)
  try {
    database.run('pragma journal_mode = memory')
    database.run('begin exclusive')
    return database
  } catch (error) {
    database.close()
    if (error instanceof Error && 'code' in error && error.code === 'SQLITE_BUSY') return null
    const reason = error instanceof Error ? error.message : String(error)
    throw new Refusal(`DATA_DIR cannot be used: ${path}: ${reason}`, { cause: error })
  }
}

function writeKept(folder: string, values: Record<string, string>) {
  const lines = Object.entries(values).map(([name, value]) => `${name}=${quote(value)}\n`)
  const draft = join(folder, 'env.new')
  writeFileSync(draft, lines.join(''), { mode: 0o600 })
  renameSync(draft, join(folder, 'env'))
}

function quote(value: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]*$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`
}

function unquote(value: string): string {
  return /^'.*'$/.test(value) ? value.slice(1, -1).replaceAll(`'\\''`, "'") : value
}
