import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { seed } from './catalog/seed.ts'
import type { Config } from './config.ts'
import { isTransient } from './errors.ts'
import { commandPoolSize } from './limits.ts'
import { openPool, roleFor, type Sql, unusable } from './platform/database.ts'
import { startPostgres } from './platform/embedded.ts'
import { readKept, tryHome } from './platform/home.ts'
import { createLog, type Log } from './platform/log.ts'
import { createMetrics, type Metrics } from './platform/metrics.ts'
import { loginToGrant, migrate, schemaFault } from './platform/migrate.ts'
import { Refusal } from './platform/refusal.ts'

/** The addresses a command works on. */
export type Databases = { databaseUrl: string; databaseAdminUrl: string }

/** What a command of a flow gets: a pool of the service's role, and where its lines go. */
export type CommandDeps = { sql: Sql; log: Log; metrics: Metrics; print: (line: string) => void }

export function print(line: string) {
  process.stdout.write(`${line}\n`)
}

/** Runs one command of a flow on a database whose schema is current; answers its exit code. */
export async function runCommand(
  config: Config,
  work: (deps: CommandDeps, databases: Databases) => Promise<number>,
): Promise<number> {
  return await withDatabases(config, { creates: false }, async (databases) => {
    const { databaseUrl, databaseAdminUrl } = databases
    const sql = openPool(databaseUrl, {
      name: 'command',
      max: commandPoolSize,
      role: roleFor({ databaseUrl, adminUrl: databaseAdminUrl }),
      prepare: config.dbPrepare,
      // A person waits for it and can stop it.
      statementTimeoutMs: 0,
    })
    const log = createLog({ level: 'warn' })
    try {
      const fault = await schemaFault(sql)
      if (fault !== null) throw new Refusal(fault)
      return await work({ sql, log, metrics: createMetrics(), print }, databases)
    } catch (error) {
      throw error instanceof Error && isTransient(error) ? unusable(databaseUrl, error) : error
    } finally {
      await sql.end({ timeout: 1 })
      await log.writeOut()
    }
  })
}

/** `seed`: fills a mirror with made-up events. The embedded database is made for it where it is missing. */
export async function seedDatabase(
  config: Config,
  { events, isForced }: { events: number; isForced: boolean },
): Promise<number> {
  return await withDatabases(config, { creates: true }, async (databases) => {
    if (config.databaseUrl === null) await migrate(databases.databaseAdminUrl, { onStep: print })
    else await requireSchema(databases.databaseAdminUrl)
    return await seed({
      adminUrl: databases.databaseAdminUrl,
      events,
      isForced,
      isProduction: config.production,
      print,
      hasBar: process.stdout.isTTY,
    })
  })
}

/** `migrate`: brings the database to this code. */
export async function migrateDatabase(config: Config): Promise<number> {
  return await withDatabases(config, { creates: true }, async (databases) => {
    const { applied, functions } = await migrate(databases.databaseAdminUrl, {
      serviceLogin: loginToGrant(databases),
      onStep: print,
    })
    const migrations = applied.length === 0 ? 'no new migration' : `${applied.length} migrations applied`
    print(
      `The schema is current: ${migrations}, functions ${functions === 'loaded' ? 'loaded' : 'unchanged'}`,
    )
    return 0
  })
}

async function requireSchema(url: string): Promise<void> {
  const pool = openPool(url, { name: 'command', max: 1 })
  try {
    const fault = await schemaFault(pool)
    if (fault !== null) throw new Refusal(fault)
  } catch (error) {
    throw error instanceof Error && isTransient(error) ? unusable(url, error) : error
  } finally {
    await pool.end({ timeout: 1 })
  }
}

/**
 * The database of the environment; else that of a running `up`; else the embedded one, started for as long as
 * the work takes.
 */
async function withDatabases(
  config: Config,
  { creates }: { creates: boolean },
  work: (databases: Databases) => Promise<number>,
): Promise<number> {
  const { databaseUrl, databaseAdminUrl, dataDir } = config
  if (databaseUrl !== null)
    return await work({ databaseUrl, databaseAdminUrl: databaseAdminUrl ?? databaseUrl })
  if (!creates && !existsSync(join(dataDir, 'postgres'))) {
    throw new Refusal(`There is no database: set DATABASE_URL, or run \`up\` first (DATA_DIR is ${dataDir})`)
  }
  const home = tryHome(dataDir)
  if (home === null) {
    const kept = readKept(dataDir).DATABASE_URL
    if (!kept) throw new Refusal(`Another run of Onsale is starting on ${dataDir}: try again in a moment`)
    return await work({ databaseUrl: kept, databaseAdminUrl: kept })
  }
  const postgres = await startPostgres({
    folder: join(home.path, 'postgres'),
    database: 'onsale',
    onStep: print,
  })
  try {
    return await work({ databaseUrl: postgres.url, databaseAdminUrl: postgres.url })
  } finally {
    await postgres.stop()
    home.release()
  }
}
