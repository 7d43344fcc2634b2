import { availableParallelism } from 'node:os'
import { SingleBar } from 'cli-progress'
import { seedBatchEvents } from '../limits.ts'
import { openPool, type Sql } from '../platform/database.ts'
import { Refusal } from '../platform/refusal.ts'
import { seedCalls } from './calls.ts'

export type SeedOptions = {
  /** A login that may write the tables: the owner's. */
  adminUrl: string
  /** How many made-up events there shall be. */
  events: number
  /** Also in production, and beside events of real shops. */
  isForced: boolean
  isProduction: boolean
  print: (line: string) => void
  /** Shows progress as a bar on standard output instead of lines. */
  hasBar?: boolean
}

/** Batches under way at once: one for each core, as far as a database that others use can bear it. */
export const seedConnections = Math.min(4, availableParallelism())

const shop = 'seed.myshopify.com'

/**
 * `seed --events N`: fills the mirror with made-up events up to N, with facts and counters that agree (180 µs of
 * processor time each, at a million). What is there already stays, so a run that was stopped is taken up again. Answers
 * the exit code.
 */
export async function seed({
  adminUrl,
  events,
  isForced,
  isProduction,
  print,
  hasBar = false,
}: SeedOptions): Promise<number> {
  const sql = openPool(adminUrl, { name: 'seed', max: seedConnections, statementTimeoutMs: 0 })
  try {
    const before = await seedCalls.getSeedState(sql, shop)
    if (isProduction && !isForced) {
      throw new Refusal(
        'seed fills the mirror with made-up events: with NODE_ENV=production it wants --force',
      )
    }
    if (before.foreign > 0 && !isForced) {
      throw new Refusal(
        `The mirror holds ${before.foreign} events of real shops: made-up ones beside them want --force`,
      )
    }
    const missing = Math.max(0, events - before.seeded)
    const startedAt = performance.now()
    if (missing > 0) await fill(sql, { first: before.last + 1, count: missing, print, hasBar })
    else print(`There are ${before.seeded} made-up events already, ${events} were asked for`)
    // Also where none was missing: a run that was stopped may have told nobody of its last ones.
    print('Counting rows and words for the planner')
    await seedCalls.completeSeed(sql)
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
    print(`${missing} made-up events in ${seconds} s, ${before.seeded + missing} in all`)
    return 0
  } finally {
    await sql.end({ timeout: 1 })
  }
}

/** Inserts in batches, several at once; each batch commits, so that little is lost when it is stopped. */
async function fill(
  sql: Sql,
  {
    first,
    count,
    print,
    hasBar,
  }: { first: number; count: number; print: SeedOptions['print']; hasBar: boolean },
): Promise<void> {
  const bar = hasBar
    ? new SingleBar({
        format: '{bar} {percentage} %  {value} of {total} events  {eta_formatted} left',
        hideCursor: true,
      })
    : null
  bar?.start(count, 0)
  let next = first
  let done = 0
  let told = 0
  try {
    await Promise.all(Array.from({ length: seedConnections }, work))
  } finally {
    bar?.stop()
  }

  async function work(): Promise<void> {
    while (next < first + count) {
      const from = next
      const size = Math.min(seedBatchEvents, first + count - from)
      next += size
      await seedCalls.applySeed(sql, { first: from, count: size, shop })
      done += size
      bar?.update(done)
      if (bar === null && done * 10 >= count * (told + 1)) {
        told = Math.floor((done * 10) / count)
        print(`${done} of ${count} events`)
      }
    }
  }
}
