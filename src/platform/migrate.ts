import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import postgres from 'postgres'
import { migrationLockTimeoutMs, postgresMajorMin } from '../limits.ts'
import { loginOf, openPool, roleFor, type Sql, serviceRole, unusable } from './database.ts'
import { Refusal } from './refusal.ts'

export type MigrateOptions = {
  /** The folder with `migrations/`, `functions/` and `grants.sql`. Default: the repository's `sql/`. */
  sqlDir?: string
  /** A login of its own that the service uses: it is made a member of the service's role. */
  serviceLogin?: string | null
  onStep?: (sentence: string) => void
}

export type Migrated = { applied: string[]; functions: 'loaded' | 'current' }

const defaultSqlDir = resolve(import.meta.dir, '../../sql')
const ownerRole = 'onsale_owner'
// Any number will do, as long as nothing else of ours takes it: 'onsale' read as an integer.
const deployLock = 0x6f6e7361

/**
 * Brings the database to what the files say: roles, then each new migration in its own transaction, then all
 * functions of `api` in one. Safe when two deploy at once: the second waits and finds nothing to do. Throws a
 * Refusal where a file was edited after it ran, the database is newer, or a file is refused.
 */
export async function migrate(
  adminUrl: string,
  { sqlDir = defaultSqlDir, serviceLogin = null, onStep = () => {} }: MigrateOptions = {},
): Promise<Migrated> {
  const source = await readSource(sqlDir)
  const pool = openPool(adminUrl, { name: 'migrate', max: 1, statementTimeoutMs: 0 })
  try {
    await requireVersion(pool, adminUrl)
    // The lock belongs to the session, so it is gone with the process, however that ends. Roles belong to the
    // whole server and this lock to one database: that race is settled where they are made.
    await pool`select pg_advisory_lock(${deployLock})`
    await prepareDatabase(pool, { serviceLogin })
    const applied = await applyMigrations(pool, { source, onStep })
    const functions = await loadFunctions(pool, { source, onStep })
    return { applied, functions }
  } finally {
    await pool.end({ timeout: 1 })
  }
}

/**
 * Whether the database holds what this code needs: null, or the sentence that says why not. Needs no right on
 * any table. A database that is newer passes: functions stay compatible, so older code may still run on it.
 */
export async function schemaFault(
  pool: Sql,
  { sqlDir = defaultSqlDir }: { sqlDir?: string } = {},
): Promise<string | null> {
  const source = await readSource(sqlDir)
  const loaded = await readLoaded(pool).catch((error: unknown) => {
    // Before the first `migrate` the pool cannot even take on its role.
    if (error instanceof postgres.PostgresError && error.message.includes(`"${serviceRole}"`)) return null
    throw error
  })
  if (loaded === null) return 'The database holds no schema of Onsale: run `migrate` first'
  if (loaded.migration < source.migrations.length) {
    return `The database is at migration ${loaded.migration}, this code needs ${source.migrations.length}: run \`migrate\` first`
  }
  if (loaded.migration === source.migrations.length && loaded.functions !== source.functionsHash) {
    return 'The functions in the database are not those of this code: run `migrate` first'
  }
  return null
}

/** Whether no product was ever told: the first run of `up` then loads a demo shop. */
export async function mirrorIsEmpty(adminUrl: string): Promise<boolean> {
  const pool = openPool(adminUrl, { name: 'up', max: 1 })
  try {
    const [row] = await pool`select exists (select from onsale.shopify_products) as is_told`
    return row?.is_told === false
  } finally {
    await pool.end({ timeout: 1 })
  }
}

/** Whether anybody has an account: `up` then makes none in a database that is not its own. */
export async function hasUsers(adminUrl: string): Promise<boolean> {
  const pool = openPool(adminUrl, { name: 'up', max: 1 })
  try {
    const [row] = await pool`select exists (select from onsale.users) as has_users`
    return row?.has_users === true
  } finally {
    await pool.end({ timeout: 1 })
  }
}

/** The service's login where it has one of its own, which then needs the service's role; else null. */
export function loginToGrant({
  databaseUrl,
  databaseAdminUrl,
}: {
  databaseUrl: string
  databaseAdminUrl: string
}) {
  return roleFor({ databaseUrl, adminUrl: databaseAdminUrl }) === null ? loginOf(databaseUrl) : null
}

type File = { path: string; text: string }
type Migration = File & { number: number; name: string; hash: string }
type Source = { migrations: Migration[]; functions: File[]; grants: File; functionsHash: string }

async function readSource(sqlDir: string): Promise<Source> {
  const read = async (path: string): Promise<File> => ({
    path,
    text: await readFile(join(sqlDir, path), 'utf8'),
  })
  const list = async (folder: string) =>
    (await readdir(join(sqlDir, folder), { recursive: true }))
      .filter((path) => path.endsWith('.sql'))
      .sort()
      .map((path) => `${folder}/${path.replaceAll('\\', '/')}`)

  const migrations = await Promise.all((await list('migrations')).map(read))
  const functions = await Promise.all((await list('functions')).map(read))
  const grants = await read('grants.sql')
  return {
    migrations: migrations.map(toMigration),
    functions,
    grants,
    functionsHash: hashOf([...functions, grants].map(({ path, text }) => `${path}\n${text}`).join('\n')),
  }
}

function toMigration({ path, text }: File, index: number): Migration {
  const match = /^migrations\/(\d{4})_([a-z0-9_]+)\.sql$/.exec(path)
  const number = index + 1
  if (match?.[2] === undefined || Number(match[1]) !== number) {
    const wanted = String(number).padStart(4, '0')
    throw new Refusal(`The file ${path} must be named ${wanted}_<words>.sql: numbers have no gaps`)
  }
  return { path, text, number, name: match[2], hash: hashOf(text) }
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32)
}

async function requireVersion(pool: Sql, adminUrl: string) {
  try {
    const [row] = await pool`select current_setting('server_version_num')::int / 10000 as major`
    if (row && row.major >= postgresMajorMin) return
    throw new Refusal(`PostgreSQL ${row?.major} is too old: ${postgresMajorMin} or newer is needed`)
  } catch (error) {
    if (!(error instanceof Error) || error instanceof Refusal) throw error
    throw unusable(adminUrl, error)
  }
}

/** Roles, schemas and extensions: what a migration needs to stand on. Each step looks first, so that a login
 * with fewer rights can deploy again what a stronger one has prepared. */
async function prepareDatabase(pool: Sql, { serviceLogin }: { serviceLogin: string | null }) {
  for (const role of [ownerRole, serviceRole]) {
    // Two deployers on two databases of one server may both find it missing.
    await pool.unsafe(`do $$
      begin
        if to_regrole('${role}') is null then
          create role ${role} nologin;
        end if;
      exception
        when duplicate_object or unique_violation then null;
      end
    $$`)
    await grantMembership(pool, { role, login: null })
  }
  if (serviceLogin !== null) await grantMembership(pool, { role: serviceRole, login: serviceLogin })

  for (const extension of ['pg_trgm', 'unaccent']) {
    const [found] = await pool`select 1 from pg_extension where extname = ${extension}`
    if (!found) await pool.unsafe(`create extension if not exists ${extension} schema public`)
  }
  for (const schema of ['onsale', 'api']) {
    const [found] = await pool`select 1 from pg_namespace where nspname = ${schema}`
    if (!found) await pool.unsafe(`create schema ${schema} authorization ${ownerRole}`)
  }
  await asOwner(pool, async (sql) => {
    // For all schemas on purpose: a default privilege of one schema can add to the global ones, not take away.
    await sql.unsafe(`alter default privileges for role ${ownerRole} revoke execute on functions from public`)
    await sql.unsafe(`create table if not exists onsale.migrations (
      number integer primary key,
      name text not null,
      hash text not null,
      applied_at timestamptz not null default now()
    )`)
    await sql.unsafe(`comment on table onsale.migrations is 'One row: a file of sql/migrations that has run'`)
  })
}

/** Lets a login (null = the one connected) take on a role, unless it already may. */
async function grantMembership(pool: Sql, { role, login }: { role: string; login: string | null }) {
  const [row] = await pool`
    select pg_has_role(
      coalesce(${login}, current_user)::name,
      ${role}::name,
      case when current_setting('server_version_num')::int >= 160000 then 'set' else 'member' end
    ) as may, quote_ident(coalesce(${login}, current_user)) as login`
  if (!row?.may) await pool.unsafe(`grant ${role} to ${row?.login}`)
}

async function applyMigrations(
  pool: Sql,
  { source, onStep }: { source: Source; onStep: (sentence: string) => void },
): Promise<string[]> {
  const done = await pool`select number, name, hash from onsale.migrations order by number`
  const newest = done.at(-1)
  if (newest && newest.number > source.migrations.length) {
    throw new Refusal(
      `The database is newer than this code: it has migration ${newest.number} (${newest.name}), the code knows ${source.migrations.length}. Deploy the newer code`,
    )
  }
  for (const { number, name, hash } of done) {
    const file = source.migrations[number - 1]!
    if (file.hash === hash && file.name === name) continue
    throw new Refusal(
      `The file ${file.path} is not what was applied as migration ${number} (${name}): restore it and write the change as a new migration`,
    )
  }

  const applied: string[] = []
  for (const file of source.migrations.slice(done.length)) {
    onStep(`Applying ${file.path}`)
    await asOwner(pool, async (sql) => {
      await sql.unsafe(`set local lock_timeout = ${migrationLockTimeoutMs}`)
      await runFile(sql, file)
      await sql`insert into onsale.migrations (number, name, hash) values (${file.number}, ${file.name}, ${file.hash})`
    })
    applied.push(file.path)
  }
  return applied
}

/**
 * Replaces every function in one transaction, so that no client ever sees half a release, and running clients
 * are not disturbed (dropping and rebuilding the schema is: `cache lookup failed for function`).
 */
async function loadFunctions(
  pool: Sql,
  { source, onStep }: { source: Source; onStep: (sentence: string) => void },
): Promise<Migrated['functions']> {
  const loaded = await readLoaded(pool)
  const migration = source.migrations.length
  if (loaded?.functions === source.functionsHash && loaded.migration === migration) return 'current'

  onStep(`Loading ${source.functions.length} functions`)
  await asOwner(pool, async (sql) => {
    // Twice: first unchecked, because a body may call what a later file creates; then checked.
    await sql.unsafe('set local check_function_bodies = off')
    for (const file of source.functions) await runFile(sql, file)
    await sql.unsafe(`set local check_function_bodies = on; set local plpgsql.extra_errors = 'all'`)
    for (const file of source.functions) await runFile(sql, file)

    // What this transaction did not write has no file any more (or is the old one of two signatures).
    const strays = await sql`
      select p.oid::regprocedure::text as signature
      from pg_catalog.pg_proc as p
      where p.pronamespace = 'api'::regnamespace
        and p.xmin::text::bigint <> mod(pg_current_xact_id()::text::numeric, 4294967296)`
    for (const { signature } of strays) {
      onStep(`Dropping ${signature}, which has no file any more`)
      await sql.unsafe(`drop routine ${signature}`)
    }
    // The file is the whole list: what it no longer names is taken back, in the same transaction.
    await sql.unsafe(`revoke all on all routines in schema api from ${serviceRole}`)
    await runFile(sql, source.grants)
    // Where everyone may read it: the service's role has no right on a table and still can tell.
    await sql.unsafe(
      `comment on schema api is 'Functions of Onsale. migration ${migration}, functions ${source.functionsHash}'`,
    )
  })
  return 'loaded'
}

/** What `comment on schema api` says is loaded; null in a database that was never migrated. */
async function readLoaded(pool: Sql): Promise<{ migration: number; functions: string } | null> {
  const [row] = await pool`
    select obj_description(oid, 'pg_namespace') as comment from pg_catalog.pg_namespace where nspname = 'api'`
  const match = /migration (\d+), functions ([0-9a-f]+)$/.exec(row?.comment ?? '')
  return match ? { migration: Number(match[1]), functions: match[2]! } : null
}

async function asOwner(pool: Sql, work: (sql: postgres.TransactionSql) => Promise<void>) {
  await pool.begin(async (sql) => {
    await sql.unsafe(`set local role ${ownerRole}`)
    await work(sql)
  })
}

/** Runs the statements of one file; a refusal names the file and the line. */
async function runFile(sql: postgres.TransactionSql, { path, text }: File) {
  try {
    await sql.unsafe(text)
  } catch (error) {
    if (!(error instanceof postgres.PostgresError)) throw error
    throw new Refusal(explain(error, { path, text }), { cause: error })
  }
}

function explain(error: postgres.PostgresError, { path, text }: File): string {
  const line = error.position ? `:${text.slice(0, Number(error.position)).split('\n').length}` : ''
  const where = error.where ? `\n  ${error.where.split('\n')[0]}` : ''
  const more = [error.detail, error.hint].filter(Boolean).map((part) => `\n  ${part}`)
  // 42P13: `create or replace` cannot change a result or a parameter's name.
  const advice = error.code === '42P13' ? '\n  A function whose signature changes needs a new name' : ''
  return `sql/${path}${line}: ${error.message} (${error.code})${where}${more.join('')}${advice}`
}
