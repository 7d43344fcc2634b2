import { RedisClient } from 'bun'
import {
  sharedCacheFailuresMax,
  sharedCachePauseMs,
  sharedCachePingMs,
  sharedCacheRetryMsMax,
  sharedCacheRetryMsMin,
  sharedCacheSilenceMsMax,
  sharedCacheWaitMsMax,
} from '../limits.ts'
import type { Log } from './log.ts'

export type SharedCache = {
  /** The bytes of a key; null where there are none, or Redis does not say so in time. Never throws. */
  get: (key: string) => Promise<Uint8Array<ArrayBuffer> | null>
  /** Keeps bytes for a time; does not wait, never throws. */
  set: (key: string, bytes: Uint8Array, ttlMs: number) => void
  /** `error` while Redis is away or does not answer in time. */
  state: () => 'ok' | 'error'
  stop: () => Promise<void>
}

/** The same connection, for what is no cache. */
export type SharedRedis = SharedCache & {
  /** The answer to any command; throws where Redis is away, does not answer in time, or refuses. */
  send: (command: string, args: string[]) => Promise<unknown>
}

/**
 * Redis as a cache that may be missing: no call waits longer than `waitMsMax`, after some failures in
 * a row it is left alone for a while, and it comes back by itself. Errors are counted and logged once an outage.
 *
 * By Bun's own client: the package `redis` is 650 files, which took 100 ms of every start.
 */
export function openSharedCache(
  url: string,
  { log, waitMsMax = sharedCacheWaitMsMax }: { log: Log; waitMsMax?: number },
): SharedRedis {
  const lateSentence = `Redis did not answer within ${waitMsMax} ms`
  const client = new RedisClient(url, {
    connectionTimeout: sharedCacheSilenceMsMax,
    // Else a get waits in the client until Redis is back.
    enableOfflineQueue: false,
    // The client's own attempts end after some; ours do not.
    autoReconnect: false,
  })
  let failures = 0
  let pausedUntil = 0
  let isOutageLogged = false
  let isStopped = false
  let attempts = 0
  let retry: Timer | undefined
  let pingsUnanswered = 0

  client.onconnect = () => {
    attempts = 0
    pausedUntil = 0
    pingsUnanswered = 0
    succeed()
  }
  client.onclose = (error) => {
    if (isStopped) return
    fail(error)
    attempts++
    const delayMs = Math.min(sharedCacheRetryMsMin * attempts, sharedCacheRetryMsMax)
    clearTimeout(retry)
    retry = setTimeout(connect, delayMs)
  }
  connect()
  const watch = setInterval(ping, sharedCachePingMs)
  watch.unref()

  return {
    async get(key) {
      return isUsable() ? await bounded(client.getBuffer(key)) : null
    },
    set(key, bytes, ttlMs) {
      if (!isUsable()) return
      void bounded(client.set(key, bytes, 'PX', Math.max(1, Math.round(ttlMs))))
    },
    async send(command, args) {
      if (!isUsable()) throw new Error('Redis is away')
      const answer = client.send(command, args)
      // A refusal (a script that may not run) is an answer, too: it must not keep reads from their cache.
      const isAnswered = answer.then(
        () => true,
        () => true,
      )
      if ((await bounded(isAnswered)) === null) throw new Error(lateSentence)
      return await answer
    },
    state: () => (client.connected && failures === 0 ? 'ok' : 'error'),
    async stop() {
      isStopped = true
      clearTimeout(retry)
      clearInterval(watch)
      client.close()
    },
  }

  function connect(): void {
    // What went wrong is told to `onclose`.
    client.connect().catch(() => {})
  }

  /** A connection whose server vanished without a word is found out here, closed, and made again. */
  function ping(): void {
    if (!client.connected) return
    if (pingsUnanswered * sharedCachePingMs >= sharedCacheSilenceMsMax) {
      client.close()
      return
    }
    pingsUnanswered++
    client.ping().then(
      () => {
        pingsUnanswered = 0
      },
      () => {},
    )
  }

  function isUsable(): boolean {
    return client.connected && performance.now() >= pausedUntil
  }

  /** The answer in time, else null: the client's own timeouts do not cover a server that stalls. */
  async function bounded<T>(answer: Promise<T>): Promise<T | null> {
    let timer: Timer | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(lateSentence)), waitMsMax)
    })
    try {
      const value = await Promise.race([answer, late])
      succeed()
      return value
    } catch (error) {
      fail(error)
      return null
    } finally {
      clearTimeout(timer)
      answer.catch(() => {})
    }
  }

  function succeed(): void {
    failures = 0
    if (isOutageLogged) log.info('Redis answers again')
    isOutageLogged = false
  }

  function fail(error: unknown): void {
    failures++
    if (failures < sharedCacheFailuresMax) return
    pausedUntil = performance.now() + sharedCachePauseMs
    if (!isOutageLogged) log.warn({ err: error }, 'Redis is away, reads go on without it')
    isOutageLogged = true
  }
}
