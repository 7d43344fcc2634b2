import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { tmpdir } from 'node:os'
import { seed } from '../../src/catalog/seed.ts'
import { waitUntil } from '../../src/platform/process.ts'
import { apply, delivery, product } from '../deliveries.ts'
import { expectVerified, type TestDatabase, withDatabase } from '../harness.ts'
import { main } from './spawn.ts'

setDefaultTimeout(60_000)

/** Runs `seed` and answers its lines. */
async function run(
  database: TestDatabase,
  events: number,
  { isForced = false, isProduction = false } = {},
): Promise<string[]> {
  const lines: string[] = []
  const print = (line: string) => void lines.push(line)
  const code = await seed({ adminUrl: database.adminUrl, events, isForced, isProduction, print })
  expect(code).toBe(0)
  return lines
}

async function eventCount(database: TestDatabase): Promise<number> {
  const [row] = await database.admin<
    { count: number }[]
  >`select count(*)::integer as count from onsale.events`
  return row!.count
}

/** A backend notices that its client is gone when its statement ends. */
async function noSeedRuns(database: TestDatabase): Promise<boolean> {
  const rows = await database.admin`
    select from pg_stat_activity where application_name = 'onsale seed' and datname = current_database()`
  return rows.length === 0
}

describe('seed', () => {
  test('fills up to the number asked for, and no further', () =>
    withDatabase(async (database) => {
      expect((await run(database, 120)).at(-1)).toMatch(/^120 made-up events in .* s, 120 in all$/)
      expect((await run(database, 150)).at(-1)).toMatch(/^30 made-up events in .* s, 150 in all$/)
      expect((await run(database, 100))[0]).toBe('There are 150 made-up events already, 100 were asked for')
      expect(await eventCount(database)).toBe(150)
      await expectVerified(database.admin)
    }))

  test('leaves statistics of every table that it has filled', () =>
    withDatabase(async (database) => {
      await run(database, 60)
      const unknown = await database.admin`
        select c.relname from pg_class c
        where c.relnamespace = 'onsale'::regnamespace and c.relkind = 'r' and c.reltuples < 0
          and pg_relation_size(c.oid) > 0 and c.relname not in ('migrations', 'settings', 'catalogue', 'verification', 'sale_transitions', 'subscription_watch', 'reconcile_schedule')`
      expect([...unknown]).toEqual([])
    }))

  test('that is killed in the middle is exact, and the next one completes it', () =>
    withDatabase(async (database) => {
      const child = Bun.spawn([process.execPath, main, 'seed', '--events', '20000'], {
        cwd: tmpdir(),
        env: { PATH: process.env.PATH ?? '', DATABASE_URL: database.url },
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      // Its first line comes with the first batch of four.
      await child.stdout.getReader().read()
      child.kill('SIGKILL')
      await child.exited
      expect(await waitUntil(() => noSeedRuns(database), { timeoutMs: 30_000 })).toBe(true)
      expect(await eventCount(database)).toBeWithin(1, 20_000)
      await expectVerified(database.admin)

      expect((await run(database, 20_000)).at(-1)).toEndWith('20000 in all')
      expect(await eventCount(database)).toBe(20_000)
      await expectVerified(database.admin)
    }))

  test('refuses production and a mirror of a real shop, unless it is forced', () =>
    withDatabase(async (database) => {
      await expect(run(database, 10, { isProduction: true })).rejects.toThrow('wants --force')
      await database.admin.begin((sql) => apply(sql, delivery('products/create', product())))
      await expect(run(database, 10)).rejects.toThrow('The mirror holds 1 events of real shops')
      await run(database, 10, { isForced: true, isProduction: true })
      expect(await eventCount(database)).toBe(11)
    }))
})
