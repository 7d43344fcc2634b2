import { afterAll, beforeAll, expect, test } from 'bun:test'
import { tmpdir } from 'node:os'
import type { Measure } from '../../bench/result.ts'
import { createProgress } from '../../bench/runner/progress.ts'
import { judge, runScenario } from '../../bench/runner/run.ts'
import { readScenarios } from '../../bench/runner/scenarios.ts'
import { lookEveryMs } from '../../bench/runner/service_counts.ts'
import type { Stage } from '../../bench/runner/stack.ts'
import type { Bench, Scenario } from '../../bench/scenario.ts'
import { addEvent } from '../catalog.ts'
import { type TestDatabase, testDatabase } from '../harness.ts'
import { type CatalogServer, serveCatalog } from '../serving.ts'

let database: TestDatabase
let server: CatalogServer
beforeAll(async () => {
  database = await testDatabase()
  await addEvent(database.admin)
  server = await serveCatalog(database)
})
afterAll(async () => {
  await server.stop()
  await database.drop()
})

async function outcomeOf(run: (bench: Bench) => Promise<void>, url = server.url) {
  const lines: string[] = []
  const scenario: Scenario = {
    about: 'A test',
    profiles: [],
    writes: true,
    runsOnTarget: false,
    events: 1,
    processes: { count: 1, ports: 'shared' },
    run,
  }
  const stage: Stage = {
    urls: [url],
    secret: '',
    sql: database.admin,
    servers: null,
    parties: {},
    adminUrl: null,
    timeStart: () => Promise.reject(new Error('Not here')),
    dropCaches: () => Promise.reject(new Error('Not here')),
    leave: async () => {},
    kill: () => {},
  }
  const out = { isTTY: false, write: (line: string) => lines.push(line) } as unknown as NodeJS.WriteStream
  const result = await runScenario(
    { name: 'test', file: 'test.ts', scenario, thresholds: {} },
    {
      profile: 'standard',
      k6: { program: 'k6', version: 'v1' },
      folder: tmpdir(),
      progress: createProgress({ out }),
      startedAt: 0,
      enter: async () => stage,
    },
  )
  return { ...result, lines: lines.join('') }
}

test('a scenario that leaves everything exact has no fault', async () => {
  const { fault, verify } = await outcomeOf(async () => {})
  expect({ fault, verify }).toEqual({ fault: null, verify: [] })
})

test('a scenario after which verify finds a difference is refused, whatever it measured', async () => {
  const { fault, verify, lines } = await outcomeOf(async ({ sql, measure }) => {
    measure({ name: 'Speed', value: 1, unit: 'ms', goal: { is: '<=', value: 5 }, detail: 'Fast' })
    await sql!`
      insert into onsale.shopify_variants (variant_id, product_id, event_id, ticket_id, inventory_item_id, inventory_quantity, stamp)
      select 1, 1, t.event_id, t.id, 1, 5, row(now(), 0, '')::onsale.stamp from onsale.tickets t limit 1`
  })
  await database.admin`delete from onsale.shopify_variants`
  expect(verify.length).toBeGreaterThan(0)
  expect(fault).toContain('verify found')
  expect(lines).toContain('! verify found')
})

test('a scenario that breaks is a fault with its reason', async () => {
  const { fault } = await outcomeOf(async () => {
    throw new Error('No rate held')
  })
  expect(fault).toBe('No rate held')
})

test('after a phase that broke nobody goes on looking at the servers, so that the run can end', async () => {
  let looks = 0
  const watched = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch({ url }) {
      const { pathname, search } = new URL(url)
      if (pathname !== '/metrics') return fetch(server.url + pathname + search)
      looks++
      return new Response('')
    },
  })
  const broken = async ({ generate, sourceOf }: Bench) => {
    const requests = sourceOf('no_such_source.ts', {})
    const load = { connections: 1, ms: 10, rate: null, requests }
    await generate({ name: 'broken', url: watched.url.href, load })
  }
  const { fault } = await outcomeOf(broken, watched.url.href.slice(0, -1))
  expect(fault).toContain('The generator ended')
  const looksAtEnd = looks
  await Bun.sleep(1.2 * lookEveryMs)
  expect(looks).toBe(looksAtEnd)
  await watched.stop(true)
})

test('a database that cannot be asked makes the run void', async () => {
  const { verify } = await import('../../bench/runner/run.ts')
  expect(await verify({ sql: null })).toEqual([expect.stringContaining('verify was not run')])
})

test('a goal is met or missed, and a smoke run judges only what must be nothing', () => {
  const of = (value: number, goal: Measure['goal'], profile: 'smoke' | 'standard') =>
    judge({ name: 'x', value, unit: '', goal, detail: '' }, profile).isMet
  expect(of(5, { is: '<=', value: 5 }, 'standard')).toBe(true)
  expect(of(6, { is: '<=', value: 5 }, 'standard')).toBe(false)
  expect(of(2.9, { is: '>=', value: 3 }, 'standard')).toBe(false)
  expect(of(Number.NaN, { is: '<=', value: 5 }, 'standard')).toBe(false)
  expect(of(6, { is: '<=', value: 5 }, 'smoke')).toBe(null)
  expect(of(1, { is: '<=', value: 0 }, 'smoke')).toBe(false)
})

test('every scenario of the folder is found, says what it does, and takes part somewhere', async () => {
  const scenarios = await readScenarios()
  expect(scenarios.map(({ name }) => name)).toContain('on-sale')
  for (const { scenario } of scenarios) {
    expect(scenario.about.length).toBeGreaterThan(40)
    expect(scenario.profiles.length).toBeGreaterThan(0)
  }
})
