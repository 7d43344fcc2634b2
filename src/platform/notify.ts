import postgres from 'postgres'
import {
  heartbeatMs,
  heartbeatsMissedMax,
  listenRetryMs,
  poolConnectTimeoutS,
  poolReconnectDelayMs,
} from '../limits.ts'
import type { Sql, serviceRole } from './database.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'

/** What changed of an event: `e` it was edited, is new or gone; `f` it flipped to or from sold out; `c` only counts. */
export type ChangeKind = 'e' | 'f' | 'c'

/** What the database says once a process listens: from `nowMs` (its clock, Unix) on no commit escapes. */
export type Clock = { nowMs: number; catalogueRevision: number; databaseId: string }

export type ChangeListener = {
  /** From this moment on every commit is heard. `clock` follows, when the database has told it. */
  onListening: () => void
  onClock: (clock: Clock) => void
  /** One event of one commit. */
  onChange: (eventId: number, revision: number, kind: ChangeKind) => void
  /** The catalogue as a whole was edited. */
  onCatalogue: (revision: number) => void
  /** Anything may have changed. */
  onEverything: () => void
  /** From this moment on commits may escape. */
  onLost: () => void
}

export type NotifyOptions = {
  /** A direct connection: a pooler in transaction mode loses what it should deliver. */
  url: string
  role: typeof serviceRole | null
  /** Executes LISTEN on both channels. */
  listen: (sql: Sql) => Promise<unknown>
  getClock: (sql: Sql) => Promise<Clock>
  listener: ChangeListener
  log: Log
  metrics: Pick<Metrics, 'notifyLag' | 'notifyConnected'>
}

export const changesChannel = 'onsale_changes'
export const heartbeatChannel = 'onsale_heartbeat'

/**
 * Hears the commits of the database on one connection of its own, for as long as the process lives: a lost
 * connection is made again, and one that is half-open (it does not hear its own heartbeat) is closed first.
 */
export function createNotify({ url, role, listen, getClock, listener, log, metrics }: NotifyOptions) {
  const ownId = crypto.randomUUID()
  let session: Session | null = null
  let retry: Timer | undefined
  let isStopped = false
  let isOutageLogged = false
  const firstListening = Promise.withResolvers<void>()

  return {
    /** Begins to listen; failures are retried until `stop`. Resolves when it listens for the first time. */
    start(): Promise<void> {
      void connect()
      return firstListening.promise
    },
    async stop() {
      isStopped = true
      clearTimeout(retry)
      await session?.close()
    },
    /** Reads the database's clock once more, for the listener. */
    askClock: () => session?.askClock(),
    /** Whether commits are heard now. */
    isListening: () => session?.isListening ?? false,
    /** How long the newest heartbeat took through the database and back; null before the first. */
    lagMs: () => session?.lagMs ?? null,
  }

  type Session = {
    isListening: boolean
    lagMs: number | null
    askClock: () => void
    close: () => Promise<void>
  }

  async function connect(): Promise<void> {
    let missed = 0
    let beat: Timer | undefined
    let isOver = false
    // `onnotify` is an option of the library that its types leave out: what sql.listen itself is made of. With
    // sql.listen nobody is told that the connection was lost until it is there again.
    const options: Record<string, unknown> = { onnotify: hear }
    const sql = postgres(url, {
      ...options,
      max: 1,
      idle_timeout: 0,
      max_lifetime: null,
      fetch_types: false,
      prepare: false,
      connect_timeout: poolConnectTimeoutS,
      // The types know a function here only, the code takes both.
      backoff: () => poolReconnectDelayMs / 1000,
      onnotice: () => {},
      onclose: () => end('The connection that listens was closed'),
      connection: { application_name: 'onsale listen', ...(role === null ? {} : { role }) },
    })
    const current: Session = { isListening: false, lagMs: null, askClock, close }
    session = current

    try {
      await Promise.race([listen(sql), deadline('LISTEN was not answered')])
      if (isOver) return
      current.isListening = true
      listener.onListening()
      beat = setInterval(sendHeartbeat, heartbeatMs)
      await tellClock()
      if (isOver) return
      metrics.notifyConnected.set(1)
      firstListening.resolve()
      if (isOutageLogged) log.info('Listening again')
      isOutageLogged = false
    } catch (error) {
      end('The database could not be listened to', error)
    }

    function hear(channel: string, payload: string): void {
      if (isOver) return
      if (channel === heartbeatChannel) {
        hearHeartbeat(payload)
      } else if (channel === changesChannel && !readChanges(payload, listener)) {
        listener.onEverything()
        askClock()
      }
    }

    function askClock(): void {
      tellClock().catch((error) => end('The clock of the database could not be read', error))
    }

    async function tellClock(): Promise<void> {
      const clock = await Promise.race([getClock(sql), deadline('The clock was not told')])
      if (!isOver) listener.onClock(clock)
    }

    function sendHeartbeat(): void {
      if (missed >= heartbeatsMissedMax) {
        end('The connection that listens does not hear itself: half-open, or through a pooler')
      } else {
        missed++
        sql.notify(heartbeatChannel, `${ownId} ${performance.now()}`).catch(() => {})
      }
    }

    function hearHeartbeat(payload: string): void {
      const [id, sentAt] = payload.split(' ')
      if (id !== ownId) return
      missed = 0
      current.lagMs = performance.now() - Number(sentAt)
      metrics.notifyLag.set(current.lagMs / 1000)
    }

    function end(sentence: string, error?: unknown): void {
      if (isOver) return
      const wasListening = current.isListening
      void close()
      if (isStopped) return
      metrics.notifyConnected.set(0)
      if (wasListening) listener.onLost()
      if (!isOutageLogged) log.warn({ err: error }, sentence)
      isOutageLogged = true
      retry = setTimeout(connect, listenRetryMs)
    }

    async function close(): Promise<void> {
      isOver = true
      current.isListening = false
      clearInterval(beat)
      await sql.end({ timeout: 0 }).catch(() => {})
    }
  }
}

/**
 * Reads `<catalogue revision>;<event>:<revision>:<kind>,...` (sql/functions/intake/update_revisions.sql). False
 * where the payload says, or cannot say, what changed.
 */
function readChanges(payload: string, listener: ChangeListener): boolean {
  const middle = payload.indexOf(';')
  const catalogueRevision = Number(payload.slice(0, middle))
  if (middle < 1 || !Number.isSafeInteger(catalogueRevision)) return false
  for (const entry of payload.slice(middle + 1).split(',')) {
    const [id, revision, kind] = entry.split(':')
    if (!(Number(id) > 0 && Number(revision) > 0)) return false
    if (kind !== 'e' && kind !== 'f' && kind !== 'c') return false
    listener.onChange(Number(id), Number(revision), kind)
  }
  if (catalogueRevision > 0) listener.onCatalogue(catalogueRevision)
  return true
}

function deadline(sentence: string): Promise<never> {
  return new Promise((_, reject) => {
    setTimeout(() => reject(new Error(sentence)), heartbeatMs * heartbeatsMissedMax).unref()
  })
}
