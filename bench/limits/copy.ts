// Our bulk load against PostgreSQL's COPY of the same rows: what is the price of making them in SQL, batch by batch.
//
//   bun bench/limits/copy.ts <adminUrl> [--events N]      prints the comparison as JSON
//
// Both sides fill a fresh, migrated database with the same rows of the same tables, every column but the generated ones:
// events, tickets, their facts (shopify_products, shopify_variants, inventory_items, inventory_levels, shopify_orders,
// shopify_order_lines), their counters (stock, event_revisions) and search_words; the bitmaps of search are made of them afterwards. All indexes, constraints and generated
// columns stand from the beginning on both sides, both use as many connections, let their commits go ahead of the
// disk, and keep the triggers off that look up foreign keys and words. Both times end when everything is on
// the disk and the planner knows it (`completeSeed`).
//
//   ours   `seed`, as the command runs it: rows made by api.apply_seed in batches
//   COPY   rows read from memory, sorted by key: each connection copies its share of every table, one after the other
//
// So COPY is spared making the rows, and ours sending them.

import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { parseArgs } from 'node:util'
import { seedCalls } from '../../src/catalog/calls.ts'
import { seed, seedConnections } from '../../src/catalog/seed.ts'
import { openPool, type Sql } from '../../src/platform/database.ts'
import { migrate } from '../../src/platform/migrate.ts'
import { urlOf } from './database.ts'

export type CopyComparison = {
  events: number
  /** Of all tables, the same on both sides. */
  rows: number
  /** Medians of the rounds. */
  seedRowsPerS: number
  copyRowsPerS: number
  /** Median of the rounds' own ratios, ours by COPY's. */
  ratio: number
  /** By round. */
  ratios: number[]
}

export type CopyOptions = {
  /** How many events either side loads, each with 1 to 4 tickets. */
  events: number
  rounds: number
}

/**
 * Loads `events` events by `seed` and by COPY, in turns, on the server of `adminUrl` (a superuser's), in databases that it
 * makes and drops. Throws where the two sides do not end with as many rows in each table, or `verify` finds a difference.
 */
export async function compareWithCopy(
  adminUrl: string,
  { events, rounds }: CopyOptions,
): Promise<CopyComparison> {
  const { rows, oursRowsPerS, ...compared } = await compareLoadWithCopy(adminUrl, {
    load: (url) => seedAll(url, events),
    rounds,
  })
  return { events, rows, seedRowsPerS: oursRowsPerS, ...compared }
}

/**
 * As `compareWithCopy`, for whatever brings rows into an empty, migrated database and lets the planner know. `keepsTriggers`: COPY
 * goes into tables as they are while the service runs, with their foreign keys and the triggers that keep the words of search, and
 * so on one connection, parents first.
 */
export async function compareLoadWithCopy(
  adminUrl: string,
  {
    load,
    rounds,
    keepsTriggers = false,
  }: { load: (url: string) => Promise<void>; rounds: number; keepsTriggers?: boolean },
): Promise<{ rows: number; oursRowsPerS: number; copyRowsPerS: number; ratio: number; ratios: number[] }> {
  const prefix = `onsale_copy_${process.pid}_${randomBytes(4).toString('hex')}`
  const admin = openPool(adminUrl, { name: 'copy', max: 1, statementTimeoutMs: 0 })
  const names: string[] = []
  try {
    const template = await create('template0')
    await migrate(urlOf(adminUrl, template))
    // Filled once untimed: where the rows come from, and what both sides must equal.
    const model = await create(template)
    await load(urlOf(adminUrl, model))
    const tables = await readTables(urlOf(adminUrl, model), urlOf(adminUrl, template))

    const times = { ours: [] as number[], copy: [] as number[] }
    for (let round = 0; round < rounds; round++) {
      const order = ['ours', 'copy'] as const
      for (const side of round % 2 === 0 ? order : order.toReversed()) {
        const name = await create(template)
        const url = urlOf(adminUrl, name)
        // Neither side writes out what the other has left in memory.
        await admin`checkpoint`
        const startedAt = performance.now()
        await (side === 'ours' ? load(url) : keepsTriggers ? copyLive(url, tables) : copyAll(url, tables))
        times[side].push((performance.now() - startedAt) / 1000)
        await expectSame(url, tables)
        await drop(name)
      }
    }

    const rows = tables.reduce((sum, table) => sum + table.rows, 0)
    const ratios = times.ours.map((seconds, round) => times.copy[round]! / seconds)
    return {
      rows,
      oursRowsPerS: Math.round(rows / medianOf(times.ours)),
      copyRowsPerS: Math.round(rows / medianOf(times.copy)),
      ratio: medianOf(ratios),
      ratios,
    }
  } finally {
    for (const name of names.toReversed()) await drop(name)
    await admin.end({ timeout: 1 })
  }

  async function create(template: string): Promise<string> {
    const name = `${prefix}_${names.length}`
    await admin.unsafe(`create database ${name} template ${template}`)
    names.push(name)
    return name
  }

  async function drop(name: string): Promise<void> {
    await admin.unsafe(`drop database if exists ${name} with (force)`)
  }
}

/** Every row of a table in COPY's text format, cut into a share for each connection. */
type Table = { name: string; columns: string; rows: number; shares: Buffer[] }

async function seedAll(adminUrl: string, events: number): Promise<void> {
  await seed({ adminUrl, events, isForced: false, isProduction: false, print: () => {} })
}

async function copyAll(adminUrl: string, tables: readonly Table[]): Promise<void> {
  const pools = Array.from({ length: seedConnections }, () =>
    openPool(adminUrl, { name: 'copy', max: 1, statementTimeoutMs: 0 }),
  )
  try {
    await Promise.all(pools.map(copyShare))
    await seedCalls.completeSeed(pools[0]!)
  } finally {
    await Promise.all(pools.map((pool) => pool.end({ timeout: 1 })))
  }

  async function copyShare(sql: Sql, nth: number): Promise<void> {
    await sql`set session_replication_role = replica`
    await sql`set synchronous_commit = off`
    for (const table of tables) await copyRows(sql, table, table.shares[nth]!)
  }
}

async function copyLive(adminUrl: string, tables: readonly Table[]): Promise<void> {
  const sql = openPool(adminUrl, { name: 'copy', max: 1, statementTimeoutMs: 0 })
  const parents = ['events', 'tickets', 'sync_runs']
  const placeOf = ({ name }: Table) => (parents.includes(name) ? parents.indexOf(name) : parents.length)
  try {
    await sql`set synchronous_commit = off`
    for (const table of tables.toSorted((a, b) => placeOf(a) - placeOf(b))) {
      // The triggers of events write it.
      if (table.name === 'search_words') continue
      for (const share of table.shares) await copyRows(sql, table, share)
    }
    await seedCalls.completeSeed(sql)
  } finally {
    await sql.end({ timeout: 1 })
  }
}

async function copyRows(sql: Sql, { name, columns }: Table, share: Buffer): Promise<void> {
  const copy = await sql.unsafe(`copy onsale.${name} (${columns}) from stdin`).writable()
  const signal = AbortSignal.timeout(copyMsMax)
  await pipeline(Readable.from(piecesOf(share)), copy, { signal })
}

/** The tables that have rows in one database and none in the other, with these rows. */
async function readTables(filledUrl: string, emptyUrl: string): Promise<Table[]> {
  const filled = openPool(filledUrl, { name: 'copy', max: 1, statementTimeoutMs: 0 })
  const empty = openPool(emptyUrl, { name: 'copy', max: 1, statementTimeoutMs: 0 })
  try {
    const tables: Table[] = []
    for (const { name, columns, key } of await listTables(filled)) {
      const rows = await countRows(filled, name)
      if (rows === 0 || (await countRows(empty, name)) > 0) continue
      const query = `copy (select ${columns} from onsale.${name} order by ${key}) to stdout`
      tables.push({ name, columns, rows, shares: sharesOf(await readAll(filledUrl, query)) })
    }
    return tables
  } finally {
    await Promise.all([filled.end({ timeout: 1 }), empty.end({ timeout: 1 })])
  }
}

/** All bytes of a `copy … to stdout`, on a connection of its own: the driver may not wake it again (postgres.js 3.4.9). */
async function readAll(url: string, query: string): Promise<Buffer> {
  const sql = openPool(url, { name: 'copy', max: 1, statementTimeoutMs: 0 })
  try {
    const pieces: Buffer[] = []
    for await (const piece of await sql.unsafe(query).readable()) pieces.push(piece)
    return Buffer.concat(pieces)
  } finally {
    await sql.end({ timeout: 0 })
  }
}

/** What `completeSeed` makes of the events, on both sides. */
const madeAfterwards = ['search_blocks', 'search_bitmaps', 'search_slots', 'search_changes']

/** All tables of the mirror with the columns that can be written, and those of the primary key. */
async function listTables(sql: Sql): Promise<{ name: string; columns: string; key: string }[]> {
  return await sql<{ name: string; columns: string; key: string }[]>`
    select c.relname as name,
      string_agg(quote_ident(a.attname), ', ' order by a.attnum) filter (where a.attgenerated = '') as columns,
      string_agg(quote_ident(a.attname), ', ' order by array_position(i.indkey::smallint[], a.attnum))
        filter (where a.attnum = any (i.indkey)) as key
    from pg_class c
    join pg_index i on i.indrelid = c.oid and i.indisprimary
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relnamespace = 'onsale'::regnamespace and c.relkind = 'r' and c.relname not in ${sql(madeAfterwards)}
    group by c.relname
    order by c.relname`
}

async function countRows(sql: Sql, table: string): Promise<number> {
  const [row] = await sql<
    { count: number }[]
  >`select count(*)::float8 as count from ${sql(`onsale.${table}`)}`
  return row!.count
}

async function expectSame(url: string, tables: readonly Table[]): Promise<void> {
  const sql = openPool(url, { name: 'copy', max: 1, statementTimeoutMs: 0 })
  try {
    for (const { name, rows } of tables) {
      const count = await countRows(sql, name)
      if (count !== rows) throw new Error(`Loaded ${count} rows into ${name}, the other side ${rows}`)
    }
    const differences = await sql`select * from api.verify()`
    if (differences.length > 0) throw new Error(`verify finds ${differences.length} differences after a load`)
  } finally {
    await sql.end({ timeout: 1 })
  }
}

/** Cut behind the line that reaches each share's end: in COPY's text format a line is a row. */
function sharesOf(lines: Buffer): Buffer[] {
  const shares: Buffer[] = []
  let from = 0
  for (let nth = 1; nth <= seedConnections; nth++) {
    const aim = Math.max(from, Math.ceil((lines.length * nth) / seedConnections))
    const end = nth === seedConnections ? -1 : lines.indexOf('\n', aim)
    const to = end < 0 ? lines.length : end + 1
    shares.push(lines.subarray(from, to))
    from = to
  }
  return shares
}

/** A COPY that the server refuses after its last row was sent would never end (postgres.js 3.4.9). */
const copyMsMax = 300_000

/** As large as the driver sends without copying much. */
const pieceBytes = 64 * 1024

function* piecesOf(share: Buffer): Generator<Buffer> {
  for (let from = 0; from < share.length; from += pieceBytes) yield share.subarray(from, from + pieceBytes)
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2
}

if (import.meta.main) {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { events: { type: 'string', default: '20000' } },
  })
  const comparison = await compareWithCopy(positionals[0] ?? '', { events: Number(values.events), rounds: 3 })
  process.stdout.write(`${JSON.stringify(comparison, null, 2)}\n`)
}
