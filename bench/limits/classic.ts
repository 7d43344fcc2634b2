// The classic transaction: how a webhook is usually counted exactly once, as a peer for our batches.
//
//   bun bench/limits/classic.ts <adminUrl> [--seconds N] [--tickets N]      prints one result of each form as JSON
//
//   begin; select 1 from processed where id = …; update tickets set sold = sold + 1 where id = …;
//   insert into processed (id) values (…); commit
//
// One webhook, one transaction, by the driver and the pool of the service: 20 connections, prepared statements, each commit on
// the disk. It is spared what ours does beside: HTTP, the signature, the order's JSON, its lines, which version of it is
// the newer one, the event's revision and its notification.
//
//   usual      by `sql.begin`, statement after statement: five round trips, as it stands in most code
//   pipelined  what can go together does: begin with the select, then the rest with the commit. Two round trips, and the
//              ticket's row is held for hardly more than the commit. No order of these statements is faster.
//   booking    how a place is usually booked, as a peer for our orders: begin; select … from tickets where id = … for update;
//              select count(*) of the user's bookings; insert the booking; update tickets; commit. Six round trips
//
// On one hot ticket each of them waits in line for its row, from the update until the commit is on the disk.

import { randomUUID } from 'node:crypto'
import { parseArgs } from 'node:util'
import { openPool, type Sql } from '../../src/platform/database.ts'
import { distributionOf, Samples } from '../runner/distribution.ts'
import { withDatabase } from './database.ts'

export type ClassicForm = 'usual' | 'pipelined' | 'booking'

export type ClassicOptions = {
  /** Timed; half a second more before it warms up. */
  seconds: number
  /** One is hot; more are taken in turns. */
  tickets?: number
  form?: ClassicForm
}

export type ClassicResult = {
  form: ClassicForm
  tickets: number
  /** Committed and timed. */
  transactions: number
  perSecond: number
  /** Milliseconds from begin to the answer of commit. */
  p50: number
  p99: number
}

const connections = 20
const warmUpMs = 500

/**
 * Runs the transaction for so many seconds on the server of `adminUrl` (a superuser's), in a database that it makes and
 * drops. Throws where commits would not wait for the disk, or where at the end a transaction was not counted once.
 */
export async function measureClassic(
  adminUrl: string,
  { seconds, tickets = 1, form = 'pipelined' }: ClassicOptions,
): Promise<ClassicResult> {
  return await withDatabase(adminUrl, 'classic', async (url) => {
    // A pool of one each: a pool of twenty has no way to lend them all out (postgres.js 3.4.9, `reserve` waits for ever).
    const pools = Array.from({ length: connections }, () => openPool(url, { name: 'classic', max: 1 }))
    try {
      await expectDurable(pools[0]!)
      await makeTables(pools[0]!, tickets)
      return { form, tickets, ...(await run(pools, { seconds, tickets, form })) }
    } finally {
      await Promise.all(pools.map((pool) => pool.end({ timeout: 1 })))
    }
  })
}

async function expectDurable(sql: Sql): Promise<void> {
  for (const name of ['fsync', 'synchronous_commit']) {
    const [row] = await sql<{ value: string }[]>`select current_setting(${name}) as value`
    if (row?.value !== 'on') throw new Error(`${name} is ${row?.value}: a commit would not wait for the disk`)
  }
}

/** Half-full pages keep the hot row where it is, and what is rewritten all the time is vacuumed soon, as in ours. */
async function makeTables(sql: Sql, tickets: number): Promise<void> {
  await sql`create table processed (id text primary key, received_at timestamptz not null default clock_timestamp())`
  await sql`
    create table bookings (
      id bigint generated always as identity primary key, ticket_id bigint not null, user_id bigint not null
    )`
  await sql`create index on bookings (user_id, ticket_id)`
  await sql`
    create table tickets (id bigint primary key, sold bigint not null default 0, capacity bigint not null default 1000000000)
    with (fillfactor = 50)`
  await sql`insert into tickets (id) select n from generate_series(1, ${tickets}::integer) n`
  await sql`vacuum analyze tickets`
}

async function run(
  pools: readonly Sql[],
  { seconds, tickets, form }: Required<ClassicOptions>,
): Promise<Pick<ClassicResult, 'transactions' | 'perSecond' | 'p50' | 'p99'>> {
  const latencies = new Samples()
  const startedAt = performance.now() + warmUpMs
  const endsAt = startedAt + seconds * 1_000
  let count = 0
  let lastAt = startedAt
  await Promise.all(pools.map(work))

  const [row] = await pools[0]!<{ sold: number; processed: number }[]>`
    select (select sum(t.sold)::float8 from tickets t) as sold, 
      (select count(*)::float8 from processed) + (select count(*)::float8 from bookings) as processed`
  if (row?.sold !== count || row.processed !== count) {
    throw new Error(`${count} transactions, but ${row?.sold} sold and ${row?.processed} processed`)
  }
  const timed = distributionOf(latencies.sorted())
  if (timed === null) throw new Error(`No transaction ended within ${seconds} s`)
  return {
    transactions: timed.count,
    perSecond: timed.count / ((lastAt - startedAt) / 1_000),
    p50: timed.p50,
    p99: timed.p99,
  }

  async function work(sql: Sql): Promise<void> {
    for (let now = performance.now(); now < endsAt; ) {
      const ticket = (count++ % tickets) + 1
      await forms[form](sql, { id: randomUUID(), ticket, user: count })
      const doneAt = performance.now()
      if (now >= startedAt) {
        latencies.add(doneAt - now)
        lastAt = Math.max(lastAt, doneAt)
      }
      now = doneAt
    }
  }
}

type Webhook = { id: string; ticket: number; user: number }

const forms = { usual, pipelined, booking }

async function usual(sql: Sql, { id, ticket }: Webhook): Promise<void> {
  await sql.begin(async (sql) => {
    const [found] = await sql`select 1 from processed where id = ${id}`
    if (found !== undefined) return
    await sql`update tickets set sold = sold + 1 where id = ${ticket}`
    await sql`insert into processed (id) values (${id})`
  })
}

/** Where another one was quicker with the same id, the insert fails, and the commit behind it rolls back. */
async function pipelined(sql: Sql, { id, ticket }: Webhook): Promise<void> {
  const [, [found]] = await Promise.all([sql`begin`, sql`select 1 from processed where id = ${id}`])
  if (found !== undefined) {
    await sql`commit`
    return
  }
  await Promise.all([
    sql`update tickets set sold = sold + 1 where id = ${ticket}`,
    sql`insert into processed (id) values (${id})`,
    sql`commit`,
  ])
}

async function booking(sql: Sql, { ticket, user }: Webhook): Promise<void> {
  await sql.begin(async (sql) => {
    const [row] = await sql`select capacity - sold as available from tickets where id = ${ticket} for update`
    const [owned] =
      await sql`select count(*) as count from bookings where user_id = ${user} and ticket_id = ${ticket}`
    if (Number(row?.available) < 1 || Number(owned?.count) >= 2) return
    await sql`insert into bookings (ticket_id, user_id) values (${ticket}, ${user})`
    await sql`update tickets set sold = sold + 1 where id = ${ticket}`
  })
}

if (import.meta.main) {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { seconds: { type: 'string', default: '5' }, tickets: { type: 'string', default: '1' } },
  })
  const options = { seconds: Number(values.seconds), tickets: Number(values.tickets) }
  for (const form of ['usual', 'pipelined', 'booking'] as const) {
    const result = await measureClassic(positionals[0] ?? '', { ...options, form })
    process.stdout.write(`${JSON.stringify(result)}\n`)
  }
}
