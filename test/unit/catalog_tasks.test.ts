import { afterAll, beforeAll, expect, test } from 'bun:test'
import { startCatalogTasks } from '../../src/catalog/tasks.ts'
import { searchChangesMin } from '../../src/limits.ts'
import { createLog } from '../../src/platform/log.ts'
import { createMetrics } from '../../src/platform/metrics.ts'
import { type TestDatabase, testDatabase } from '../harness.ts'

// What the catalog does by itself, on a pool of the service's role.

const lines: Record<string, unknown>[] = []
const log = createLog({ level: 'info', destination: { write: (line) => lines.push(JSON.parse(line)) } })

let database: TestDatabase
beforeAll(async () => {
  database = await testDatabase()
})
afterAll(() => database.drop())

const addEvents = (count: number) => database.admin`
  insert into onsale.events (title, status, starts_at, currency)
  select 'Rock', 'active', timestamptz '2098-01-01', 'EUR' from generate_series(1, ${count}::integer)`

const changeCount = async () => (await database.admin`select from onsale.search_changes`).length

test('edits are taken into the bitmaps of search once there are enough, by any number of processes', async () => {
  await addEvents(searchChangesMin - 1)
  const tasks = [1, 2].map(() => startCatalogTasks({ sql: database.service, log, metrics: createMetrics() }))
  await addEvents(1)
  for (const deadline = performance.now() + 30_000; performance.now() < deadline; await Bun.sleep(20)) {
    if ((await changeCount()) === 0) break
  }
  await Promise.all(tasks.map((task) => task.stop()))
  expect(await changeCount()).toBe(0)
  const [row] = await database.admin`select sum(event_count)::integer as known from onsale.search_blocks`
  expect(row!.known).toBe(searchChangesMin)
  expect(lines).toEqual([])

  await addEvents(searchChangesMin - 1)
  const [call] = await database.service`
    select api.apply_search_changes(p_changes_min => ${searchChangesMin}) as taken`
  expect(call!.taken).toBe(0)
}, 60_000)

test('a turn that fails is told, and the next one tries again', async () => {
  await addEvents(1)
  await database.admin`alter table onsale.search_blocks rename to search_blocks_away`
  const tasks = startCatalogTasks({ sql: database.service, log, metrics: createMetrics() })
  for (const deadline = performance.now() + 30_000; performance.now() < deadline; await Bun.sleep(20)) {
    if (lines.length > 0) break
  }
  await database.admin`alter table onsale.search_blocks_away rename to search_blocks`
  for (const deadline = performance.now() + 30_000; performance.now() < deadline; await Bun.sleep(20)) {
    if ((await changeCount()) === 0) break
  }
  await tasks.stop()
  expect(lines[0]).toMatchObject({ msg: 'Could not take edits into the bitmaps of search' })
  expect(await changeCount()).toBe(0)
}, 90_000)
