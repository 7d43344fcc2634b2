import type { Config } from '../config.ts'
import { AppError } from '../errors.ts'
import {
  availabilityBatchMax,
  availabilityCallsAtOnceMax,
  availabilityQueueMax,
  listenWaitMsMax,
  readWaitMsMax,
} from '../limits.ts'
import { uncached } from '../platform/answer.ts'
import { createCache, type Found, type Read } from '../platform/cache.ts'
import type { Sql, serviceRole } from '../platform/database.ts'
import { createGatherer } from '../platform/gather.ts'
import type { Log } from '../platform/log.ts'
import type { Metrics } from '../platform/metrics.ts'
import { createNotify } from '../platform/notify.ts'
import type { SharedCache } from '../platform/redis.ts'
import type { Answerer, Asked, DirectRoute } from '../platform/route_table.ts'
import { queryOf } from '../platform/shell.ts'
import { createCatalogCalls, type EventName } from './calls.ts'
import { type Content, createContentWriter, sizeOfContent } from './content.ts'
import { keyOf, readEventName, readListQuery, readNoQuery } from './query.ts'

export type Catalog = ReturnType<typeof createCatalog>

export type CatalogDeps = {
  /** The primary, on a pool that nothing slow shares. */
  pool: Sql
  /** Null: the primary serves cached reads too. */
  replica: Sql | null
  /** Level 2 of the cache; null: off. */
  redis: SharedCache | null
  log: Log
  metrics: Metrics
  config: Pick<Config, 'browserMaxAgeS' | 'cdnMaxAgeS' | 'staleWhileRevalidateS' | 'staleIfErrorS'>
  /** A direct connection to the primary, for LISTEN, and the role it takes on. */
  listenUrl: string
  listenRole: typeof serviceRole | null
}

/**
 * The public reads. Events, tickets and lists come out of the cache, which hears every commit; availability is
 * asked of the primary each time. Paths and queries are given as they came and are checked here; what is wrong
 * throws an AppError.
 */
export function createCatalog(deps: CatalogDeps) {
  const { pool, replica, redis, log, metrics, config, listenUrl, listenRole } = deps
  const calls = createCatalogCalls(metrics)
  const writer = createContentWriter({ cacheControl: cacheControlOf(config) })
  const cache = createCache<Content | null>({
    make: (bytes) => (bytes === null ? null : writer.contentOf(bytes)),
    sizeOf: sizeOfContent,
    shared: redis,
    hasReplica: replica !== null,
    staleIfErrorMs: config.staleIfErrorS * 1_000,
    askClock: () => notify.askClock(),
    log,
    metrics,
  })
  const notify = createNotify({
    url: listenUrl,
    role: listenRole,
    listen: calls.listen,
    getClock: calls.getClock,
    listener: cache,
    log,
    metrics,
  })
  const availability = createGatherer<EventName, string | null>({
    name: 'availability',
    run: (names) => calls.getAvailability(pool, names),
    concurrency: availabilityCallsAtOnceMax,
    batchItemsMax: availabilityBatchMax,
    queueItemsMax: availabilityQueueMax,
    waitMsMax: readWaitMsMax,
    metrics,
  })

  return {
    /**
     * Begins to listen, then reads what is asked for most, so that the first visitor finds it. Waits a bounded time
     * and never throws: what is missing then comes by itself.
     */
    async start(): Promise<void> {
      await Promise.race([notify.start(), Bun.sleep(listenWaitMsMax)])
      // One after the other: three at once would each open a connection, which takes longer than the reads.
      for (const query of hotQueries) {
        try {
          await cache.read(listRead(query))
        } catch {
          return
        }
      }
    },

    /** Answers what was accepted, then closes the listening connection. */
    async stop(): Promise<void> {
      await availability.drain()
      await notify.stop()
    },

    isListening: notify.isListening,
    changeLagMs: notify.lagMs,
    cacheSize: cache.size,

    /** `GET /events`. */
    listEvents: (({ query }) => answererOf(listRead(query))) satisfies DirectRoute,

    /** `GET /events/{id}`. */
    getEvent: (({ query, params: { id = '' } }) => {
      readNoQuery(query)
      const name = readEventName(id)
      return answererOf({
        key: `e:${id}`,
        scope: 'event',
        load: (source) => calls.getEvent(sqlOf(source), name),
      })
    }) satisfies DirectRoute,

    /** `GET /events/{id}/tickets`. */
    listEventTickets: (({ query, params: { id = '' } }) => {
      readNoQuery(query)
      const name = readEventName(id)
      return answererOf({
        key: `t:${id}`,
        scope: 'event',
        load: (source) => calls.listEventTickets(sqlOf(source), name),
      })
    }) satisfies DirectRoute,

    /** `GET /events/{id}/availability`. */
    async getAvailability(request: Request, id: string): Promise<Response> {
      readNoQuery(queryOf(request.url))
      const body = await availability.submit(readEventName(id))
      if (body === null) throw notFound()
      return uncached(body)
    },
  }

  function listRead(query: string): Read {
    const checked = readListQuery(query)
    // Whoever puts an admin's reads around these has answered it before (src/admin/reads.ts).
    if (checked.status !== null)
      throw new AppError('unauthorized', 'status is for a login with the role ADMIN')
    return {
      key: keyOf(checked),
      scope: 'list',
      load: (source) =>
        checked.search === null
          ? calls.listEvents(sqlOf(source), checked)
          : calls.searchEvents(sqlOf(source), checked),
    }
  }

  function sqlOf(source: 'primary' | 'replica'): Sql {
    return source === 'replica' ? (replica ?? pool) : pool
  }

  function answererOf(read: Read): Answerer {
    return (asked) => {
      const found = cache.read(read, asked.at)
      return found instanceof Promise ? found.then((found) => respond(asked, found)) : respond(asked, found)
    }
  }

  function respond(asked: Asked, { value, state }: Found<Content | null>): Response {
    if (value === null) throw notFound()
    return writer.respond(asked, value, state)
  }
}

/** Read at start: what a front page asks for. */
const hotQueries = ['', 'page=1', 'limit=100']

function notFound(): AppError {
  return new AppError('not_found', 'There is no such event')
}

function cacheControlOf(config: CatalogDeps['config']): string {
  return [
    'public',
    `max-age=${config.browserMaxAgeS}`,
    `s-maxage=${config.cdnMaxAgeS}`,
    `stale-while-revalidate=${config.staleWhileRevalidateS}`,
    `stale-if-error=${config.staleIfErrorS}`,
  ].join(', ')
}
