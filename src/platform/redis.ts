import { createClient, RESP_TYPES } from 'redis'
import {
  sharedCacheFailuresMax,
  sharedCachePauseMs,
  sharedCachePingMs,
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

/**
 * Redis as a cache that may be missing: no call waits longer than `sharedCacheWaitMsMax`, after some failures in
 * a row it is left alone for a while, and it comes back by itself. Errors are counted and logged once an outage.
 */
export function openSharedCache(url: string, { log }: { log: Log }): SharedCache {
  const client = createClient({
    url,
    // Else a get waits in the client until Redis is back.
    disableOfflineQueue: true,
    // A connection whose server vanished without a word is found out and made again.
    pingInterval: sharedCachePingMs,
    socket: {
      connectTimeout: sharedCacheSilenceMsMax,
      socketTimeout: sharedCacheSilenceMsMax,
      reconnectStrategy: (retries) => Math.min(100 * (retries + 1), 1_000),
    },
  })
  const bytesClient = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer })
  let failures = 0
  let pausedUntil = 0
  let isOutageLogged = false

  client.on('error', (error) => fail(error))
  client.on('ready', () => {
    pausedUntil = 0
    succeed()
  })
  client.connect().catch(() => {})

  return {
    async get(key) {
      if (!isUsable()) return null
      const value = await bounded(bytesClient.get(key))
      return (value ?? null) as Uint8Array<ArrayBuffer> | null
    },
    set(key, bytes, ttlMs) {
      if (!isUsable()) return
      const value = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      void bounded(
        client.set(key, value, { expiration: { type: 'PX', value: Math.max(1, Math.round(ttlMs)) } }),
      )
    },
    state: () => (client.isReady && failures === 0 ? 'ok' : 'error'),
    async stop() {
      client.removeAllListeners('error')
      client.on('error', () => {})
      if (client.isOpen) client.destroy()
    },
  }

  function isUsable(): boolean {
    return client.isReady && performance.now() >= pausedUntil
  }

  /** The answer in time, else null: the client's own timeouts do not cover a server that stalls. */
  async function bounded<T>(answer: Promise<T>): Promise<T | null> {
    let timer: Timer | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`Redis did not answer within ${sharedCacheWaitMsMax} ms`)),
        sharedCacheWaitMsMax,
      )
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
