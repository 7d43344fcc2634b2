import postgres from 'postgres'
import {
  poolAnswerGraceMs,
  poolConnectTimeoutS,
  poolIdleInTransactionMs,
  poolReconnectDelayMs,
  poolStatementTimeoutMs,
} from '../limits.ts'
import { Refusal } from './refusal.ts'

export type Sql = postgres.Sql

/** What takes a query: a pool, or a transaction of it. */
export type Session = postgres.ISql

/** The role that may execute what `api` holds and can read no table. */
export const serviceRole = 'onsale_service'

export type PoolOptions = {
  /** Shown in pg_stat_activity. */
  name: string
  /** Connections at most. */
  max: number
  /** Taken on at connect; null keeps the login's own rights (see `roleFor`). */
  role?: typeof serviceRole | null
  /** False behind a pooler in transaction mode. */
  prepare?: boolean
  /** 0 = unbounded, for migrations and bulk loads. */
  statementTimeoutMs?: number
  connectTimeoutS?: number
  /**
   * Asks the server for its array types, so that arrays come and go as lists. Off: that question is a promise which
   * nobody awaits, and a connection lost during it ends the process (postgres.js 3.4.9).
   */
  fetchTypes?: boolean
}

/**
 * Opens a pool that connects when it is first used. While the server is away a query fails at once with a
 * connection error; when it is back the next query finds it. Notices are dropped.
 */
export function openPool(
  url: string,
  {
    name,
    max,
    role = null,
    prepare = true,
    statementTimeoutMs = poolStatementTimeoutMs,
    connectTimeoutS = poolConnectTimeoutS,
    fetchTypes = false,
  }: PoolOptions,
): Sql {
  // A pooler in transaction mode refuses startup parameters it cannot track, so it gets none that it could
  // refuse: there the login must be a member of the service's role, and the server sets the timeouts.
  const session = prepare
    ? {
        statement_timeout: statementTimeoutMs,
        idle_in_transaction_session_timeout: poolIdleInTransactionMs,
        ...(role === null ? {} : { role }),
      }
    : {}
  return postgres(url, {
    max,
    prepare,
    connect_timeout: connectTimeoutS,
    fetch_types: fetchTypes,
    // The library's own backoff grows to 20 s, and a query sent meanwhile waits for it instead of failing.
    // Its types know a function here only, its code takes both.
    backoff: () => poolReconnectDelayMs / 1000,
    onnotice: () => {},
    connection: { application_name: `onsale ${name}`, ...session },
  })
}

/** A pool that is open for as long as `use` takes. */
export async function withPool<T>(
  url: string,
  options: PoolOptions,
  use: (sql: Sql) => Promise<T>,
): Promise<T> {
  const sql = openPool(url, options)
  try {
    return await use(sql)
  } finally {
    await sql.end({ timeout: 1 })
  }
}

/**
 * A pool that keeps to few connections, and is replaced when a call gets no answer at all: a connection into a black hole
 * (failover by address, a firewall, a frozen machine) is noticed by the system after minutes, postgres.js cannot drop a single
 * one, and until then every slot waits on it. A call that is older than the server's own timeout and a second can only hang: it
 * is rejected as a lost connection, and the next one finds new connections. For plain queries, each awaited.
 */
export function openWatchedPool(url: string, options: PoolOptions & { onReplaced?: () => void }): Sql {
  const { statementTimeoutMs = poolStatementTimeoutMs, onReplaced } = options
  const callMsMax = statementTimeoutMs + poolAnswerGraceMs
  const underWay = new Set<{ startedAt: number; tier: Tier }>()
  let tiers = openTiers(url, options)
  const watch = setInterval(replaceHanging, poolAnswerGraceMs)
  watch.unref()

  return new Proxy(largest(), {
    apply(_, __, [first, ...rest]: Parameters<Sql>) {
      const tier = freest(tiers)
      const call = { startedAt: performance.now(), tier }
      const query = tier.pool(first, ...rest)
      tier.busy++
      underWay.add(call)
      const settle = () => {
        tier.busy--
        underWay.delete(call)
      }
      query.then(settle, settle)
      return query
    },
    get(_, name) {
      if (name === 'end') return end
      return Reflect.get(largest(), name)
    },
  })

  function largest(): Sql {
    return (tiers.at(-1) as Tier).pool
  }

  function replaceHanging(): void {
    const limit = performance.now() - callMsMax
    const hanging = [...underWay].some(({ startedAt, tier }) => tiers.includes(tier) && startedAt < limit)
    if (!hanging) return
    const old = tiers
    tiers = openTiers(url, options)
    onReplaced?.()
    // Rejects what waits on them; there is nobody to tell about the rest.
    for (const { pool } of old) void pool.end({ timeout: 0 }).catch(() => {})
  }

  async function end(endOptions?: { timeout?: number }): Promise<void> {
    clearInterval(watch)
    await Promise.all(tiers.map(({ pool }) => pool.end(endOptions)))
  }
}

/** A part of a pool's connections; `busy` are the calls that it has, waiting ones included. */
type Tier = { pool: Sql; size: number; busy: number }

/**
 * postgres.js hands its connections out in turn, so that in a quiet hour each of 20 is asked now and then, and none has its plans,
 * its catalogue and its part of the shared buffers at hand: searches among a million events, one every 20 ms, took 11.4 ms
 * (p95 58) in their first hundred on 20 connections, 5.6 (7.4) on two. So a pool is several of 1, 1, 2, 4, 8 … connections, and a
 * call takes the first that has a free one.
 */
function openTiers(url: string, options: PoolOptions): Tier[] {
  const tiers: Tier[] = []
  for (let opened = 0; opened < options.max; ) {
    const size = Math.min(Math.max(1, opened), options.max - opened)
    tiers.push({ pool: openPool(url, { ...options, max: size }), size, busy: 0 })
    opened += size
  }
  return tiers
}

function freest(tiers: readonly Tier[]): Tier {
  const free = tiers.find(({ busy, size }) => busy < size)
  // Where none is free the call waits, where fewest do.
  return (
    free ?? tiers.reduce((least, tier) => (tier.busy / tier.size < least.busy / least.size ? tier : least))
  )
}

/**
 * The role that the service's pool must take on: `onsale_service` where its login is also the owner's, so
 * that EXECUTE-only holds everywhere; null where the service has a login of its own.
 */
export function roleFor({ databaseUrl, adminUrl }: { databaseUrl: string; adminUrl: string }) {
  return loginOf(databaseUrl) === loginOf(adminUrl) ? serviceRole : null
}

/** The user name in a database URL, or null where it has none. */
export function loginOf(url: string): string | null {
  const login = /^[a-z]+:\/\/([^:@/]*)(:[^@/]*)?@/.exec(url)?.[1]
  return login ? decodeURIComponent(login) : null
}

/** Says which database cannot be used and why, without its password. */
export function unusable(url: string, error: Error): Refusal {
  const reason = error.message || ('code' in error ? String(error.code) : error.name)
  return new Refusal(`Cannot use the database ${withoutPassword(url)}: ${reason}`, { cause: error })
}

/** A database URL without its password, for messages. */
function withoutPassword(url: string): string {
  return url.replace(/^([a-z]+:\/\/[^:@/]*):[^@/]*@/, '$1@')
}

/**
 * A list as the text of a PostgreSQL array, for `${textArray(list)}::text[]` (and a further cast). postgres.js's own
 * arrays need the types of the server, which it only knows once a first query has been answered: until then it sends
 * something else.
 */
export function textArray(values: readonly (string | null)[]): string {
  let literal = ''
  for (const value of values) {
    literal += value === null ? ',null' : `,"${value.replace(/["\\]/g, '\\$&')}"`
  }
  return `{${literal.slice(1)}}`
}
