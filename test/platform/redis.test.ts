import { afterEach, expect, test } from 'bun:test'
import { RedisClient } from 'bun'
import { sharedCacheValueBytesMax } from '../../src/limits.ts'
import { createLog } from '../../src/platform/log.ts'
import { signal, waitUntil } from '../../src/platform/process.ts'
import { openSharedCache, type SharedCache, type SharedRedis } from '../../src/platform/redis.ts'
import { type TestRedis, testRedis } from '../harness.ts'
import { testProxy } from '../proxy.ts'

// A real Redis that is killed, stopped and started: what the cache on it promises in every case.

const ending: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})

async function startRedis(): Promise<TestRedis> {
  const redis = await testRedis()
  ending.push(() => redis.stop())
  return redis
}

async function open(
  url: string,
  { isThere = true, waitMsMax }: { isThere?: boolean; waitMsMax?: number } = {},
): Promise<{ cache: SharedRedis; lines: string[] }> {
  const lines: string[] = []
  const log = createLog({
    level: 'info',
    destination: { write: (line) => lines.push(JSON.parse(line).msg) },
  })
  const cache = openSharedCache(url, { log, ...(waitMsMax === undefined ? {} : { waitMsMax }) })
  ending.push(() => cache.stop())
  if (isThere) await becomes(cache, 'ok')
  return { cache, lines }
}

async function becomes(cache: SharedCache, state: 'ok' | 'error') {
  // A question now and then, as the service has them: without one nobody finds out.
  const isSo = async () => {
    await cache.get('question')
    return cache.state() === state
  }
  expect([state, await waitUntil(isSo, { timeoutMs: 20_000 })]).toEqual([state, true])
}

/** What the key holds, once it does: a set is not waited for. */
async function heldAt(cache: SharedCache, key: string) {
  await waitUntil(async () => (await cache.get(key)) !== null, { timeoutMs: 5_000 })
  return await cache.get(key)
}

const bytes = new Uint8Array([0, 255, 13, 10, 128, 7])

test('any bytes come back as they were, in memory of their own', async () => {
  const { cache } = await open((await startRedis()).url)
  const within = new Uint8Array([1, ...bytes, 1]).subarray(1, 1 + bytes.length)
  cache.set('some', within, 60_000)
  const held = await heldAt(cache, 'some')
  expect(held).toEqual(bytes)
  expect(held?.buffer.byteLength).toBe(bytes.length)
  cache.set('none', new Uint8Array(), 60_000)
  expect(await heldAt(cache, 'none')).toEqual(new Uint8Array())
  const large = new Uint8Array(sharedCacheValueBytesMax).fill(200)
  cache.set('large', large, 60_000)
  expect((await heldAt(cache, 'large'))?.length).toBe(large.length)
  expect(await cache.get('never set')).toBeNull()
})

test('any command is answered; a refusal is no outage, and one that is away or late is told at once', async () => {
  const redis = await startRedis()
  // A busy machine may be late by itself.
  const { cache, lines } = await open(redis.url, { waitMsMax: 1_000 })
  expect(await cache.send('EVAL', ['return {1, ARGV[1]}', '0', 'two'])).toEqual([1, 'two'])
  for (let n = 0; n < 5; n++) {
    const answer = cache.send('EVAL', ['return redis.call("nothing")', '0'])
    await expect(answer).rejects.toThrow('Unknown Redis command')
  }
  expect([cache.state(), lines]).toEqual(['ok', []])
  signal(redis.pid, 'SIGSTOP')
  try {
    await expect(cache.send('PING', [])).rejects.toThrow('Redis did not answer within')
  } finally {
    signal(redis.pid, 'SIGCONT')
  }
  await redis.kill()
  await becomes(cache, 'error')
  await expect(cache.send('PING', [])).rejects.toThrow('Redis is away')
})

test('bytes are kept for their time, and for a moment where it is over', async () => {
  const redis = await startRedis()
  const { cache } = await open(redis.url)
  cache.set('minute', bytes, 60_000.4)
  cache.set('moment', bytes, -5)
  await heldAt(cache, 'minute')
  const client = new RedisClient(redis.url)
  ending.push(() => client.close())
  expect(await client.send('PTTL', ['minute'])).toBeWithin(50_000, 60_001)
  expect(await waitUntil(async () => (await cache.get('moment')) === null, { timeoutMs: 5_000 })).toBe(true)
})

test('a Redis that is away is an empty cache, found again when it comes back, told once each', async () => {
  const redis = await startRedis()
  const { cache, lines } = await open(redis.url)
  cache.set('key', bytes, 60_000)
  expect(await heldAt(cache, 'key')).toEqual(bytes)
  await redis.kill()
  await becomes(cache, 'error')
  expect(await cache.get('key')).toBeNull()
  cache.set('key', bytes, 60_000)
  expect(await waitUntil(() => lines.length > 0, { timeoutMs: 10_000 })).toBe(true)
  await redis.start()
  await becomes(cache, 'ok')
  cache.set('key', bytes, 60_000)
  expect(await heldAt(cache, 'key')).toEqual(bytes)
  expect(lines).toEqual(['Redis is away, reads go on without it', 'Redis answers again'])
})

test('one that comes later than we do is found', async () => {
  const redis = await startRedis()
  await redis.kill()
  const { cache } = await open(redis.url, { isThere: false })
  expect(await cache.get('key')).toBeNull()
  expect(cache.state()).toBe('error')
  await redis.start()
  await becomes(cache, 'ok')
})

test('one that hangs is not waited for, and asked again when it goes on', async () => {
  const redis = await startRedis()
  const { cache } = await open(redis.url)
  signal(redis.pid, 'SIGSTOP')
  try {
    expect(await cache.get('key')).toBeNull()
    await becomes(cache, 'error')
  } finally {
    signal(redis.pid, 'SIGCONT')
  }
  await becomes(cache, 'ok')
})

test('a connection that falls silent is given up, and another one is made', async () => {
  const proxy = await testProxy((await startRedis()).url)
  ending.push(() => proxy.stop())
  const { cache } = await open(proxy.url)
  proxy.strand()
  await becomes(cache, 'error')
  await becomes(cache, 'ok')
})

test('a password and a database are taken from the URL, and a wrong password is no more than an empty cache', async () => {
  const redis = await startRedis()
  const client = new RedisClient(redis.url)
  ending.push(() => client.close())
  await client.send('CONFIG', ['SET', 'requirepass', 'right'])
  const withPassword = (password: string) => redis.url.replace('redis://', `redis://:${password}@`)
  const { cache } = await open(`${withPassword('right')}/3`)
  cache.set('key', bytes, 60_000)
  expect(await heldAt(cache, 'key')).toEqual(bytes)
  expect(await client.exists('key')).toBe(false)
  const { cache: refused } = await open(withPassword('wrong'), { isThere: false })
  expect(await refused.get('key')).toBeNull()
  expect(refused.state()).toBe('error')
})

test('a cache that was stopped does not connect any more', async () => {
  const redis = await startRedis()
  const { cache } = await open(redis.url)
  await cache.stop()
  expect(cache.state()).toBe('error')
  expect(await cache.get('key')).toBeNull()
  expect(() => cache.set('key', bytes, 60_000)).not.toThrow()
})
