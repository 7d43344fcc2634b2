import { describe, expect, test } from 'bun:test'
import { AppError } from '../../src/errors.ts'
import { heardEventsMax, readWaitMsMax, refreshMsMin, staleServeMsMax } from '../../src/limits.ts'
import { type CacheOptions, createCache, type Loaded, type Read } from '../../src/platform/cache.ts'
import { createLog } from '../../src/platform/log.ts'
import { createMetrics } from '../../src/platform/metrics.ts'
import type { SharedCache } from '../../src/platform/redis.ts'

// What the cache decides, with a database that is a variable: the races that a real one shows too seldom.

const metrics = createMetrics()
const log = createLog({ level: 'silent', destination: { write: () => {} } })

/** A world of one event, its revision and the catalogue's, and a cache that listens to it. */
function createWorld(options: Partial<CacheOptions<string | null>> = {}) {
  const world = {
    revision: 1,
    catalogueRevision: 1,
    isThere: true,
    /** How long a load takes; what it brings is what was there when it began. */
    loadMs: 0,
    fails: null as Error | null,
    loads: 0,
    clocksAsked: 0,
  }
  const cache = createCache<string | null>({
    make: (bytes) => (bytes === null ? null : new TextDecoder().decode(bytes)),
    sizeOf: () => 100,
    shared: null,
    hasReplica: false,
    staleIfErrorMs: 60_000,
    askClock: () => world.clocksAsked++,
    log,
    metrics,
    ...options,
  })
  const loadedNow = (): Loaded => ({
    bytes: world.isThere ? new TextEncoder().encode(`r${world.revision} c${world.catalogueRevision}`) : null,
    eventIds: world.isThere ? [1] : [],
    revisions: world.isThere ? [world.revision] : [],
    catalogueRevision: world.catalogueRevision,
    asOfMs: Date.now(),
    expiresAtMs: null,
  })
  const load = async (): Promise<Loaded> => {
    world.loads++
    const loaded = loadedNow()
    await Bun.sleep(world.loadMs)
    if (world.fails) throw world.fails
    return loaded
  }
  const event: Read = { key: 'e:1', scope: 'event', load }
  const list: Read = { key: 'l:1', scope: 'list', load }
  const listen = () => {
    cache.onListening()
    cache.onClock({ nowMs: Date.now() - 10, catalogueRevision: world.catalogueRevision, databaseId: 'd' })
  }
  const change = (kind: 'c' | 'f' | 'e') => {
    world.revision++
    if (kind === 'e') world.catalogueRevision++
    cache.onChange(1, world.revision, kind)
    if (kind === 'e') cache.onCatalogue(world.catalogueRevision)
  }
  listen()
  return { world, cache, event, list, listen, change, loadedNow }
}

describe('what was heard decides', () => {
  test('an entry is served until a word about it comes, and other words leave it alone', async () => {
    const { cache, event, world, change } = createWorld()
    expect(await cache.read(event)).toEqual({ value: 'r1 c1', state: 'miss' })
    cache.onChange(2, 99, 'e')
    cache.onCatalogue(50)
    expect(cache.read(event)).toEqual({ value: 'r1 c1', state: 'hit' })
    change('c')
    expect(cache.read(event)).toMatchObject({ state: 'stale' })
    await Bun.sleep(refreshMsMin + 5)
    cache.read(event)
    await Bun.sleep(5)
    expect(cache.read(event)).toEqual({ value: 'r2 c1', state: 'hit' })
    expect(world.loads).toBe(2)
  })

  test('a word that comes late or twice changes nothing', async () => {
    const { cache, event, world } = createWorld()
    world.revision = 7
    await cache.read(event)
    cache.onChange(1, 7, 'c')
    cache.onChange(1, 3, 'e')
    expect(cache.read(event)).toMatchObject({ state: 'hit' })
  })

  test('one that was not looked at for a while is loaded before it is served', async () => {
    const { cache, event, change } = createWorld()
    await cache.read(event)
    await Bun.sleep(staleServeMsMax + 20)
    change('c')
    expect(await cache.read(event)).toEqual({ value: 'r2 c1', state: 'miss' })
  })

  test('a list is behind at once after an edit anywhere or a flip, and later after counts', async () => {
    const { cache, list, change, world } = createWorld()
    await cache.read(list)
    await Bun.sleep(staleServeMsMax + 20)
    change('c')
    expect(await cache.read(list)).toEqual({ value: 'r1 c1', state: 'stale' })
    await Bun.sleep(staleServeMsMax + 20)
    change('f')
    expect(await cache.read(list)).toEqual({ value: 'r3 c1', state: 'miss' })
    await Bun.sleep(staleServeMsMax + 20)
    world.catalogueRevision++
    cache.onChange(2, 1, 'e')
    cache.onCatalogue(world.catalogueRevision)
    expect(await cache.read(list)).toEqual({ value: 'r3 c2', state: 'miss' })
  })

  test('that there is nothing is believed until the catalogue is edited', async () => {
    const { cache, event, world } = createWorld()
    world.isThere = false
    expect(await cache.read(event)).toEqual({ value: null, state: 'miss' })
    expect(cache.read(event)).toEqual({ value: null, state: 'hit' })
    await Bun.sleep(staleServeMsMax + 20)
    world.isThere = true
    cache.onCatalogue(++world.catalogueRevision)
    expect(await cache.read(event)).toEqual({ value: 'r1 c2', state: 'miss' })
  })

  test('a database that was set back to lower numbers is believed once it is listened to anew', async () => {
    const { cache, event, world, listen } = createWorld()
    world.revision = 900
    await cache.read(event)
    cache.onChange(1, 901, 'e')
    cache.onLost()
    world.revision = 5
    listen()
    await cache.read(event)
    await Bun.sleep(refreshMsMin + 5)
    await cache.read(event)
    await Bun.sleep(5)
    expect(await cache.read(event)).toEqual({ value: 'r5 c1', state: 'hit' })
  })

  test('too much was heard: everything is read anew, and the clock is asked', async () => {
    const { cache, event, world } = createWorld()
    await cache.read(event)
    for (let id = 2; id <= heardEventsMax + 3; id++) cache.onChange(id, 1, 'c')
    expect(world.clocksAsked).toBeGreaterThan(0)
    await Bun.sleep(staleServeMsMax + 20)
    expect(await cache.read(event)).toMatchObject({ state: 'miss' })
  })
})

describe('loads', () => {
  test('everyone who asks meanwhile gets the same one', async () => {
    const { cache, event, world } = createWorld()
    world.loadMs = 30
    const found = await Promise.all(Array.from({ length: 100 }, () => cache.read(event)))
    expect(new Set(found.map(({ value }) => value))).toEqual(new Set(['r1 c1']))
    expect(world.loads).toBe(1)
  })

  test('a word detaches one that is under way: who came before gets it, who comes later does not', async () => {
    const { cache, event, world, change } = createWorld()
    world.loadMs = 150
    const before = cache.read(event)
    await Bun.sleep(refreshMsMin + 10)
    change('c')
    const after = cache.read(event)
    expect(await before).toMatchObject({ value: 'r1 c1' })
    expect(await after).toMatchObject({ value: 'r2 c1' })
    await Bun.sleep(refreshMsMin)
    expect(await cache.read(event)).toMatchObject({ value: 'r2 c1', state: 'hit' })
  })

  test('one that ends late does not overwrite a newer one', async () => {
    const { cache, event, world, change } = createWorld()
    world.loadMs = 120
    const slow = cache.read(event)
    await Bun.sleep(refreshMsMin + 10)
    change('c')
    world.loadMs = 1
    await cache.read({ ...event })
    await slow
    expect(await cache.read(event)).toMatchObject({ value: 'r2 c1' })
  })

  test('one that cannot keep up is still answered: it held all that was committed when it was asked for', async () => {
    const { cache, event, world, change } = createWorld()
    world.loadMs = 20
    const noise = setInterval(() => change('c'), 1)
    for (let round = 0; round < 20; round++) {
      const before = world.revision
      const { value } = await cache.read(event)
      expect(Number(/r(\d+)/.exec(value!)![1])).toBeGreaterThanOrEqual(before - 150)
    }
    clearInterval(noise)
    expect(world.loads).toBeLessThan(25)
  })

  test('a failure is not remembered', async () => {
    const { cache, event, world } = createWorld()
    world.fails = new Error('a bug')
    expect(Promise.resolve(cache.read(event))).rejects.toThrow('a bug')
    await Bun.sleep(5)
    world.fails = null
    expect(await cache.read(event)).toMatchObject({ value: 'r1 c1' })
  })
})

describe('everything outdated at once, under load', () => {
  /** Reads that count their loads, each of which takes a while: longer than an outdated entry is served. */
  function createReads(count: number, loadedNow: () => Loaded, loadMs: number) {
    return Array.from({ length: count }, (_, nth) => {
      const counted = { loads: 0 }
      const read: Read = {
        key: `k:${nth}`,
        scope: nth % 2 === 0 ? 'event' : 'list',
        async load() {
          counted.loads++
          const loaded = loadedNow()
          await Bun.sleep(loadMs)
          return loaded
        },
      }
      return { read, counted }
    })
  }

  /** Many readers of every key, without a pause longer than a millisecond. */
  async function crowd(
    caches: readonly { read: (read: Read) => unknown }[],
    reads: readonly Read[],
    ms: number,
  ) {
    const from = performance.now()
    const waiting: unknown[] = []
    while (performance.now() - from < ms) {
      for (const cache of caches) for (const read of reads) waiting.push(cache.read(read))
      await Bun.sleep(1)
    }
    await Promise.all(waiting)
  }

  test('each key is loaded once, whether it was known or not', async () => {
    const { cache, loadedNow, world } = createWorld()
    const all = createReads(4, loadedNow, staleServeMsMax * 2)
    const known = all.slice(0, 2)
    await Promise.all(known.map(({ read }) => cache.read(read)))
    // A list scanned a moment ago is not looked through again.
    await Bun.sleep(refreshMsMin + 5)
    world.revision++
    cache.onEverything()
    const dropped = crowd(
      [cache],
      all.map(({ read }) => read),
      staleServeMsMax * 4,
    )
    await Bun.sleep(5)
    cache.onClock({ nowMs: Date.now(), catalogueRevision: 1, databaseId: 'd' })
    await dropped
    expect(all.map(({ counted }) => counted.loads)).toEqual([2, 2, 1, 1])
    for (const { read } of all) expect(cache.read(read)).toEqual({ value: 'r2 c1', state: 'hit' })
  })

  test('two processes with an empty level 2 load each key once each at most', async () => {
    const stored = new Map<string, Uint8Array<ArrayBuffer>>()
    const shared: SharedCache = {
      get: async (key) => stored.get(key) ?? null,
      set: (key, bytes) => void stored.set(key, bytes as Uint8Array<ArrayBuffer>),
      state: () => 'ok',
      stop: async () => {},
    }
    const worlds = [createWorld({ shared }), createWorld({ shared })]
    const caches = worlds.map(({ cache }) => cache)
    const all = createReads(4, worlds[0]!.loadedNow, staleServeMsMax * 2)
    const reads = all.map(({ read }) => read)
    for (const cache of caches) await Promise.all(reads.map((read) => cache.read(read)))
    for (const { counted } of all) counted.loads = 0
    await Bun.sleep(refreshMsMin + 5)
    stored.clear()
    for (const cache of caches) cache.onEverything()
    const dropped = crowd(caches, reads, staleServeMsMax * 4)
    await Bun.sleep(5)
    for (const cache of caches) {
      cache.onClock({ nowMs: Date.now(), catalogueRevision: 1, databaseId: 'd' })
    }
    await dropped
    for (const { counted } of all) {
      expect(counted.loads).toBeGreaterThan(0)
      expect(counted.loads).toBeLessThanOrEqual(2)
    }
  })
})

describe('while nothing is heard', () => {
  test('entries are loaded at most every 25 ms, and never served older than 60 ms', async () => {
    const { cache, event, world } = createWorld()
    await cache.read(event)
    cache.onLost()
    const from = performance.now()
    while (performance.now() - from < 400) {
      await cache.read(event)
      await Bun.sleep(1)
    }
    expect(world.loads).toBeLessThanOrEqual(400 / refreshMsMin + 3)
    world.revision = 5
    await Bun.sleep(staleServeMsMax + 10)
    expect(await cache.read(event)).toMatchObject({ value: 'r5 c1' })
  })
})

describe('while the database is away', () => {
  const away = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })

  test('the last good bytes, then a refusal when they are too old', async () => {
    const { cache, event, world } = createWorld({ staleIfErrorMs: 300 })
    await cache.read(event)
    cache.onLost()
    world.fails = away
    await Bun.sleep(staleServeMsMax + 10)
    expect(await cache.read(event)).toEqual({ value: 'r1 c1', state: 'stale' })
    await Bun.sleep(300)
    expect(Promise.resolve(cache.read(event))).rejects.toThrow(AppError)
    await Bun.sleep(5)
  })

  test('bytes that nobody read for long are as good as the moment when listening was lost', async () => {
    const { cache, event, world } = createWorld({ staleIfErrorMs: 200 })
    await cache.read(event)
    await Bun.sleep(300)
    cache.onLost()
    world.fails = away
    expect(await cache.read(event)).toEqual({ value: 'r1 c1', state: 'stale' })
  })

  test('one slow load is not an outage: others are still asked for', async () => {
    const { cache, event, list, world } = createWorld()
    const busy = Object.assign(new Error('canceling statement due to statement timeout'), {
      name: 'PostgresError',
      code: '57014',
    })
    world.fails = busy
    expect(Promise.resolve(cache.read(event))).rejects.toThrow('statement timeout')
    await Bun.sleep(5)
    world.fails = null
    expect(await cache.read(list)).toMatchObject({ state: 'miss' })
  })

  test('a load that hangs is given up, and the next readers do not wait', async () => {
    const { cache, event, list, world } = createWorld()
    world.loadMs = 60_000
    const startedAt = performance.now()
    const refused = await Promise.allSettled([cache.read(event)])
    expect(refused[0]!.status).toBe('rejected')
    expect(performance.now() - startedAt).toBeLessThan(readWaitMsMax + 500)
    const next = performance.now()
    expect((await Promise.allSettled([cache.read(list)]))[0]!.status).toBe('rejected')
    expect(performance.now() - next).toBeLessThan(100)
    world.loadMs = 0
    await Bun.sleep(300)
    await Promise.allSettled([cache.read(list)])
    await Bun.sleep(20)
    expect(await cache.read(list)).toMatchObject({ value: 'r1 c1' })
  })
})

describe('level 2', () => {
  function createShared(): SharedCache & { stored: Map<string, Uint8Array<ArrayBuffer>> } {
    const stored = new Map<string, Uint8Array<ArrayBuffer>>()
    return {
      stored,
      get: async (key) => stored.get(key) ?? null,
      set: (key, bytes) => void stored.set(key, bytes as Uint8Array<ArrayBuffer>),
      state: () => 'ok',
      stop: async () => {},
    }
  }

  test('bytes of another process are used while nothing newer was heard', async () => {
    const shared = createShared()
    const first = createWorld({ shared })
    await first.cache.read(first.event)
    const second = createWorld({ shared })
    expect(await second.cache.read(second.event)).toMatchObject({ value: 'r1 c1' })
    expect(second.world.loads).toBe(0)
    const third = createWorld({ shared })
    third.change('c')
    expect(await third.cache.read(third.event)).toMatchObject({ value: 'r2 c1' })
    expect(third.world.loads).toBe(1)
  })

  test('bytes from before this process listened are not', async () => {
    const shared = createShared()
    const first = createWorld({ shared })
    await first.cache.read(first.event)
    await Bun.sleep(20)
    const second = createWorld({ shared })
    second.cache.onListening()
    second.cache.onClock({ nowMs: Date.now(), catalogueRevision: 1, databaseId: 'd' })
    await second.cache.read(second.event)
    expect(second.world.loads).toBe(1)
  })

  test('bytes that are none do no harm, and a 404 is not stored', async () => {
    const shared = createShared()
    const { cache, event, world } = createWorld({ shared })
    for (const junk of ['', 'x', '{}\n', '{"e":[1],"r":[1]\nx']) {
      shared.stored.set('onsale:1:d:e:1', new TextEncoder().encode(junk))
      expect(await cache.read({ ...event, key: 'e:1' })).toMatchObject({ value: 'r1 c1' })
      cache.onEverything()
      cache.onClock({ nowMs: Date.now() - 10, catalogueRevision: 1, databaseId: 'd' })
      await Bun.sleep(staleServeMsMax + 10)
    }
    world.isThere = false
    shared.stored.clear()
    await cache.read({ ...event, key: 'e:2' })
    expect(shared.stored.size).toBe(0)
  })
})
