import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { RedisClient } from 'bun'
import {
  freshMsMax,
  listCountsFreshMsMax,
  outageLogEveryMs,
  readWaitMsMax,
  refreshMsMin,
} from '../../src/limits.ts'
import { addEvent, rename, sell, tell } from '../catalog.ts'
import { type TestDatabase, type TestRedis, testDatabase, testRedis } from '../harness.ts'
import { type TestProxy, testProxy } from '../proxy.ts'
import { type CatalogServer, serveCatalog } from '../serving.ts'

// What a commit does to the caches of two processes, and what happens to them when a part is away.

// The promise is meant for a machine that is not busy with a whole test run besides.
const slackMs = 150

let database: TestDatabase
let eventId: number
const servers: CatalogServer[] = []
const proxies: TestProxy[] = []

beforeAll(async () => {
  database = await testDatabase()
})
beforeEach(async () => {
  eventId = await addEvent(database.admin, { tickets: [{ direct: { capacity: 1_000_000 } }] })
  await tell(database.admin, { edited: [eventId] })
})
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()))
  await Promise.all(proxies.splice(0).map((proxy) => proxy.stop()))
})
afterAll(() => database.drop())

async function serve(options?: Parameters<typeof serveCatalog>[1]): Promise<CatalogServer> {
  const server = await serveCatalog(database, options)
  servers.push(server)
  return server
}

async function proxyTo(url: string): Promise<TestProxy> {
  const proxy = await testProxy(url)
  proxies.push(proxy)
  return proxy
}

type Shown = { sold: number; title: string; sold_out: boolean }

async function shown(server: CatalogServer, path = `/events/${eventId}`): Promise<Shown & { state: string }> {
  const response = await fetch(`${server.url}${path}`)
  if (response.status !== 200) throw new Error(`${path} answered ${response.status}`)
  const body = (await response.json()) as Shown & { events?: (Shown & { id: number })[]; tickets?: Shown[] }
  const listed = body.events?.find(({ id }) => id === eventId)
  const event = listed ?? (body.title === undefined ? body.tickets?.[0] : body) ?? body
  return { ...event, state: response.headers.get('x-cache')! }
}

/** Milliseconds from the commit until every one of the paths shows it in every process. */
async function lagOf(
  commit: () => Promise<unknown>,
  isThere: (shown: Shown) => boolean,
  { paths, at }: { paths: string[]; at: CatalogServer[] },
): Promise<number> {
  await commit()
  const committedAt = performance.now()
  await Promise.all(
    at.flatMap((server) =>
      paths.map(async (path) => {
        while (!isThere(await shown(server, path))) {
          if (performance.now() - committedAt > 3_000) throw new Error(`${path} never showed the commit`)
          await Bun.sleep(1)
        }
      }),
    ),
  )
  return performance.now() - committedAt
}

describe('a commit is seen in every process', () => {
  test('counts in details and tickets, edits and flips in lists: within 100 ms', async () => {
    const at = [await serve(), await serve()]
    const details = { paths: [`/events/${eventId}`, `/events/${eventId}/tickets`], at }
    const lists = { paths: ['/events', '/events?sort=title&limit=100'], at }
    const lags: number[] = []
    let sold = 0
    for (let round = 0; round < 10; round++) {
      sold++
      lags.push(
        await lagOf(
          () => sell(database.admin, eventId),
          (shown) => shown.sold === sold,
          details,
        ),
      )
      const title = `Title ${round}`
      lags.push(
        await lagOf(
          () => rename(database.admin, eventId, title),
          (shown) => shown.title === title,
          lists,
        ),
      )
      const left = 1_000_000 - sold
      lags.push(
        await lagOf(
          () => sell(database.admin, eventId, left),
          (shown) => shown.sold_out,
          lists,
        ),
      )
      lags.push(
        await lagOf(
          () => sell(database.admin, eventId, -left),
          (shown) => !shown.sold_out,
          lists,
        ),
      )
    }
    lags.sort((a, b) => a - b)
    expect(lags[Math.floor(lags.length / 2)]!).toBeLessThan(freshMsMax)
    expect(lags.at(-1)!).toBeLessThan(freshMsMax + slackMs)
  })

  test('mere counts in lists: within 1 s, and not at every sale', async () => {
    const server = await serve()
    await shown(server, '/events')
    const calls = await server.calls('list_events')
    const stop = performance.now() + 1_500
    let sold = 0
    const commits: { sold: number; at: number }[] = []
    const seller = (async () => {
      while (performance.now() < stop) {
        await sell(database.admin, eventId)
        commits.push({ sold: ++sold, at: performance.now() })
      }
    })()
    while (performance.now() < stop) {
      const askedAt = performance.now()
      const found = await shown(server, '/events')
      const due = commits.findLast(({ at }) => at < askedAt - listCountsFreshMsMax - slackMs)
      expect(found.sold).toBeGreaterThanOrEqual(due?.sold ?? 0)
      await Bun.sleep(1)
    }
    await seller
    expect(commits.length).toBeGreaterThan(50)
    expect((await server.calls('list_events')) - calls).toBeLessThan(8)
  })

  test('an event that ends leaves the list without any commit', async () => {
    const server = await serve()
    eventId = await addEvent(database.admin, { startsAt: new Date(Date.now() + 700).toISOString() })
    await tell(database.admin, { edited: [eventId] })
    await server.until(async () => 'id' in (await shown(server, '/events?sort=title')))
    await server.until(async () => !('id' in (await shown(server, '/events?sort=title'))), 2_000)
  })

  test('a payload that cannot be read counts as a change of everything', async () => {
    const server = await serve()
    await shown(server)
    await database.admin`update onsale.events set title = 'Unsaid' where id = ${eventId}`
    for (const payload of ['*', 'nonsense', '1;2:x:c']) {
      await database.admin`update onsale.events set title = ${payload} where id = ${eventId}`
      await database.admin`select pg_notify('onsale_changes', ${payload})`
      await server.until(async () => (await shown(server)).title === payload)
    }
  })
})

describe('cost follows time, not sales', () => {
  test('a hot event is loaded at most every 25 ms, and is never older than promised', async () => {
    const server = await serve()
    await shown(server)
    const calls = await server.calls('get_event')
    const startedAt = performance.now()
    const stop = startedAt + 1_500
    const commits: { sold: number; at: number }[] = []
    let sold = 0
    const seller = (async () => {
      while (performance.now() < stop) {
        await sell(database.admin, eventId)
        commits.push({ sold: ++sold, at: performance.now() })
      }
    })()
    const states = new Set<string>()
    const readers = Array.from({ length: 8 }, async () => {
      while (performance.now() < stop) {
        const askedAt = performance.now()
        const found = await shown(server)
        states.add(found.state)
        const due = commits.findLast(({ at }) => at < askedAt - freshMsMax - slackMs)
        expect(found.sold).toBeGreaterThanOrEqual(due?.sold ?? 0)
      }
    })
    await Promise.all([seller, ...readers])
    expect(states).toContain('stale')
    const elapsed = performance.now() - startedAt
    expect((await server.calls('get_event')) - calls).toBeLessThan((elapsed / refreshMsMin) * 1.5)
  })

  test('a stampede on a cold key is one call', async () => {
    const server = await serve()
    const answers = await Promise.all(
      Array.from({ length: 300 }, () =>
        fetch(`${server.url}/events?limit=7`).then((response) => response.text()),
      ),
    )
    expect(new Set(answers).size).toBe(1)
    const before = await server.calls('list_events')
    await fetch(`${server.url}/events?limit=7`)
    expect(await server.calls('list_events')).toBe(before)
    const found = await Promise.all(
      Array.from({ length: 300 }, () =>
        fetch(`${server.url}/events/${eventId}`).then(({ status }) => status),
      ),
    )
    expect(new Set(found)).toEqual(new Set([200]))
    expect(await server.calls('get_event')).toBe(1)
  })

  test('availability of a crowd is gathered into few calls', async () => {
    const server = await serve()
    await Promise.all(
      Array.from({ length: 300 }, () =>
        fetch(`${server.url}/events/${eventId}/availability`).then((r) => r.text()),
      ),
    )
    expect(await server.calls('get_availability')).toBeLessThan(150)
  })
})

describe('the connection that listens', () => {
  const cut = () =>
    database.admin`
      select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'onsale listen' and datname = current_database()`

  test('is cut, and what was committed meanwhile is seen all the same', async () => {
    const server = await serve()
    for (let round = 1; round <= 5; round++) {
      await shown(server)
      await cut()
      await database.admin`update onsale.events set title = ${`Cut ${round}`} where id = ${eventId}`
      await server.until(async () => (await shown(server)).title === `Cut ${round}`, 500)
    }
    await server.until(() => server.catalog.isListening())
    const lag = await lagOf(
      () => sell(database.admin, eventId),
      (shown) => shown.sold === 1,
      {
        paths: [`/events/${eventId}`],
        at: [server],
      },
    )
    expect(lag).toBeLessThan(freshMsMax + slackMs)
  })

  test('is away for long: reads go to the database a bounded number of times, and stay fresh', async () => {
    const proxy = await proxyTo(database.url)
    const server = await serve({ listenUrl: proxy.url })
    await shown(server)
    await proxy.cut()
    const calls = await server.calls('get_event')
    const startedAt = performance.now()
    while (performance.now() - startedAt < 500) await shown(server)
    expect((await server.calls('get_event')) - calls).toBeLessThan((500 / refreshMsMin) * 1.5)
    const lag = await lagOf(
      () => sell(database.admin, eventId),
      (shown) => shown.sold === 1,
      {
        paths: [`/events/${eventId}`],
        at: [server],
      },
    )
    expect(lag).toBeLessThan(freshMsMax + slackMs)
    await proxy.mend()
    await server.until(() => server.catalog.isListening(), 2_000)
    await server.until(async () => (await shown(server)).state === 'hit')
  })

  test('is half-open: its own heartbeat finds out, and nothing stays stale', async () => {
    const proxy = await proxyTo(database.url)
    const server = await serve({ listenUrl: proxy.url })
    await shown(server)
    proxy.freeze()
    await sell(database.admin, eventId, 5)
    await server.until(async () => (await shown(server)).sold === 5, 4_500)
    proxy.thaw()
    await server.until(() => server.catalog.isListening(), 3_000)
  }, 15_000)
})

describe('PostgreSQL is away', () => {
  const get = (server: CatalogServer, path: string) => fetch(`${server.url}${path}`)

  test('the last good bytes are served, marked stale; what is not known is 503 at once; then all is fresh again', async () => {
    const proxy = await proxyTo(database.url)
    const server = await serve({ databaseUrl: proxy.url })
    const known = [`/events/${eventId}`, `/events/${eventId}/tickets`, '/events']
    for (const path of known) expect((await get(server, path)).status).toBe(200)
    const awaySince = performance.now()
    await proxy.cut()
    await server.until(() => !server.catalog.isListening())
    for (let round = 0; round < 20; round++) {
      const startedAt = performance.now()
      for (const path of known) {
        const response = await get(server, path)
        expect([path, response.status, response.headers.get('x-cache')]).toEqual([path, 200, 'stale'])
      }
      const unknown = await get(server, '/events?limit=3')
      expect(unknown.status).toBe(503)
      expect(unknown.headers.get('retry-after')).toBe('1')
      expect(await unknown.json()).toMatchObject({ code: 'unavailable' })
      expect((await get(server, `/events/${eventId}/availability`)).status).toBe(503)
      // Any one of the five that waited for the database would take as long.
      expect(performance.now() - startedAt).toBeLessThan(readWaitMsMax)
      await Bun.sleep(20)
    }
    await database.admin`update onsale.events set title = 'Back' where id = ${eventId}`
    await proxy.mend()
    await server.until(async () => (await shown(server)).title === 'Back', 10_000)
    await server.until(async () => (await get(server, '/events?limit=3')).status === 200, 10_000)
    // Once in a while, not once a reader.
    const told = server.lines.filter((line) => line.includes('is away')).length
    expect(told).toBeWithin(1, 2 + (performance.now() - awaySince) / outageLogEveryMs)
  }, 20_000)

  test('a database that hangs keeps the first reader waiting a bounded time, and nobody after', async () => {
    const proxy = await proxyTo(database.url)
    const server = await serve({ databaseUrl: proxy.url })
    await shown(server)
    proxy.freeze()
    const first = performance.now()
    expect((await get(server, '/events?limit=3')).status).toBe(503)
    expect(performance.now() - first).toBeLessThan(2_600)
    for (let round = 0; round < 5; round++) {
      const next = performance.now()
      expect((await get(server, '/events?limit=4')).status).toBe(503)
      expect((await shown(server)).state).toMatch(/hit|stale/)
      expect(performance.now() - next).toBeLessThan(250)
      await Bun.sleep(100)
    }
    proxy.thaw()
    await server.until(async () => (await get(server, '/events?limit=3')).status === 200, 4_000)
  }, 20_000)

  test('the last good bytes are not served for longer than the bound', async () => {
    const proxy = await proxyTo(database.url)
    const server = await serve({ databaseUrl: proxy.url, staleIfErrorS: 1 })
    await shown(server)
    await proxy.cut()
    expect((await get(server, `/events/${eventId}`)).status).toBe(200)
    await server.until(async () => (await get(server, `/events/${eventId}`)).status === 503, 2_000)
  })
})

describe('Redis', () => {
  let redis: TestRedis
  beforeAll(async () => {
    redis = await testRedis()
  })
  afterAll(() => redis.stop())

  /** Waits until Redis holds what a process wrote in the background. */
  async function isStored(key: string): Promise<void> {
    const client = new RedisClient(redis.url)
    await client.connect()
    for (let round = 0; round < 300; round++) {
      if ((await client.keys('*')).some((stored) => stored.includes(key))) return client.close()
      await Bun.sleep(10)
    }
    client.close()
    throw new Error(`Redis never held ${key}`)
  }

  test('spares a second process the database', async () => {
    const first = await serve({ redisUrl: redis.url })
    const second = await serve({ redisUrl: redis.url })
    await shown(first)
    await shown(first, '/events?limit=50')
    await isStored(`e:${eventId}`)
    await isStored('l:["starts_at",50,0')
    expect((await shown(second)).state).toBe('miss')
    await shown(second, '/events?limit=50')
    expect(await second.calls('get_event')).toBe(0)
    // The hot lists that it read at its start are its only ones.
    const calls = await second.calls('list_events')
    await shown(second, '/events?limit=50')
    expect(await second.calls('list_events')).toBe(calls)
  })

  test('does not bring old bytes back: not those before a change, not those before a process listened', async () => {
    const first = await serve({ redisUrl: redis.url })
    await shown(first)
    await isStored(`e:${eventId}`)
    await first.stop()
    servers.splice(0)
    // Nobody hears this.
    await database.admin`update onsale.events set title = 'While away' where id = ${eventId}`
    const second = await serve({ redisUrl: redis.url })
    expect((await shown(second)).title).toBe('While away')

    const third = await serve({ redisUrl: redis.url })
    await Bun.sleep(50)
    await sell(database.admin, eventId, 3)
    await Bun.sleep(100)
    // Redis still holds what the second process wrote before the sale.
    expect((await shown(third)).sold).toBe(3)
  })

  test('is killed and comes back: no read fails or waits, and it is used again', async () => {
    const server = await serve({ redisUrl: redis.url })
    await shown(server)
    await redis.kill()
    for (let limit = 1; limit <= 20; limit++) {
      const startedAt = performance.now()
      expect((await shown(server, `/events?limit=${limit}&sort=title`)).state).toBe('miss')
      // Any one of the five that waited for the database would take as long.
      expect(performance.now() - startedAt).toBeLessThan(readWaitMsMax)
    }
    await redis.start()
    await server.until(async () => {
      const other = await serveCatalog(database, { redisUrl: redis.url })
      const limit = 21 + Math.floor(Math.random() * 79)
      await shown(server, `/events?limit=${limit}&sort=title`)
      await Bun.sleep(50)
      const calls = await other.calls('list_events')
      await shown(other, `/events?limit=${limit}&sort=title`)
      const isUsed = (await other.calls('list_events')) === calls
      await other.stop()
      return isUsed
    }, 8_000)
  }, 20_000)

  test('hangs: no read waits for it longer than a moment', async () => {
    const server = await serve({ redisUrl: redis.url })
    await shown(server)
    process.kill(redis.pid, 'SIGSTOP')
    try {
      const startedAt = performance.now()
      for (let limit = 1; limit <= 30; limit++) await shown(server, `/events?limit=${limit}&sort=-starts_at`)
      // 30 times for ever, without the bound.
      expect(performance.now() - startedAt).toBeLessThan(10_000)
    } finally {
      process.kill(redis.pid, 'SIGCONT')
    }
  })

  test('serves the last good bytes to a process that has none while PostgreSQL is away', async () => {
    const proxy = await proxyTo(database.url)
    const first = await serve({ redisUrl: redis.url })
    const second = await serve({ redisUrl: redis.url, databaseUrl: proxy.url })
    await shown(first)
    await isStored(`e:${eventId}`)
    await proxy.cut()
    const found = await shown(second)
    expect(found.state).toBe('stale')
  })
})

describe('a replica', () => {
  test('that lags is not believed', async () => {
    // A clone stands for a replica that has replayed nothing since.
    const lagging = await testDatabase()
    const clonedId = await addEvent(lagging.admin, { title: 'Old' })
    const server = await serve({ replicaUrl: lagging.url })
    eventId = await addEvent(database.admin, { title: 'New' })
    while (eventId < clonedId) eventId = await addEvent(database.admin, { title: 'New' })
    await tell(database.admin, { edited: [eventId] })
    await Bun.sleep(50)
    expect((await shown(server)).title).toBe('New')
    await server.stop()
    servers.splice(0)
    await lagging.drop()
  })
})
