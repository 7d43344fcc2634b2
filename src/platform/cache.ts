import { LRUCache } from 'lru-cache'
import { AppError, isTransient, sqlState } from '../errors.ts'
import {
  cacheBytesMax,
  databaseAwayMs,
  eventLoadsAtOnceMax,
  eventTtlMs,
  heardEventsMax,
  heardKeptMs,
  listCountsRefreshMsMin,
  listCountsStaleMsMax,
  listLoadsAtOnceMax,
  listScanMsMin,
  listTtlMs,
  loadsWaitingMax,
  probesHangingMax,
  readWaitMsMax,
  refreshMsMin,
  sharedCacheValueBytesMax,
  staleServeMsMax,
} from '../limits.ts'
import { createLane } from './lane.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'
import type { ChangeKind, ChangeListener, Clock } from './notify.ts'
import type { SharedCache } from './redis.ts'

/** Bytes out of the database, and from which state they were made. */
export type Loaded = {
  /** Null: there is nothing to see (404), which is remembered too. */
  bytes: Uint8Array<ArrayBuffer> | null
  eventIds: readonly number[]
  /** Of each event, in the same order. */
  revisions: readonly number[]
  catalogueRevision: number
  /** The database's clock (Unix ms): everything committed before is in the bytes. */
  asOfMs: number
  /** The database's clock: from then on they may be wrong although nothing was committed. */
  expiresAtMs: number | null
}

export type Source = 'primary' | 'replica'

/** What is read: how it is called, what outdates it, and where it comes from. */
export type Read = {
  key: string
  /** A list is outdated by any edit of the catalogue and, later, by counts; an event only by its own changes. */
  scope: 'event' | 'list'
  load: (source: Source) => Promise<Loaded>
}

export type Found<V> = { value: V; state: 'hit' | 'miss' | 'stale' }

export type CacheOptions<V> = {
  /** Makes what is kept of the bytes, once per load. */
  make: (bytes: Uint8Array<ArrayBuffer> | null) => V
  /** Bytes that a value takes in memory. */
  sizeOf: (value: V) => number
  /** Null: level 2 is off. */
  shared: SharedCache | null
  hasReplica: boolean
  /** How old the last good bytes may be that are sent while the database is away. */
  staleIfErrorMs: number
  /** Called where the cache has lost the thread and must know the database's clock again. */
  askClock: () => void
  log: Log
  metrics: Pick<Metrics, 'cacheHits' | 'cacheMisses' | 'cacheStale' | 'poolWait'>
}

export type Cache<V> = ChangeListener & {
  /** What is read: at once where it can be served from memory. Refuses with `unavailable` or `busy`. `now` is of performance.now(). */
  read: (read: Read, now?: number) => Found<V> | Promise<Found<V>>
  /** For tests and health: entries and their bytes in level 1. */
  size: () => { entries: number; bytes: number }
}

/** How far behind what was heard an entry is. Counts alone may wait longer in a list. */
const fresh = 0
const countsBehind = 1
const behind = 2
type Standing = typeof fresh | typeof countsBehind | typeof behind

/** Local times are of performance.now(). */
type Entry<V> = {
  key: string
  value: V
  isList: boolean
  isNothing: boolean
  eventIds: readonly number[]
  revisions: readonly number[]
  catalogueRevision: number
  /** Everything committed before is in the value, or was heard and compared with it. */
  knownAt: number
  expiresAt: number
  /** When the value was last known to hold all edits and flips, and all counts. */
  freshAt: number
  countsFreshAt: number
  /** The last look at what was heard: which word was the newest, when, and what came of it. */
  scannedWord: number
  scannedAt: number
  standing: Standing
  /** When the last refresh in the background began. */
  refreshedAt: number
}

type Flight<V> = {
  /** When the primary was asked; Infinity before: then its answer will hold all that is committed now. */
  askedAt: number
  entry: Promise<Entry<V>>
}

/** The newest that was heard of an event, and the newest that is more than counts. */
type Heard = { revision: number; flipRevision: number; at: number }

/**
 * Two levels of bytes before the database: this process's memory, and Redis. Entries are never hunted down when
 * something changes: what was heard is remembered, and an entry is compared with it when it is read. So a commit
 * costs the same however many entries hold the event, and what nobody reads costs nothing.
 *
 * An outdated entry is still served for a moment, counted from when it was last known to be fresh, while it is
 * loaded in the background, at most every `refreshMsMin`: the cost of a hot event follows time, not sales. A
 * reader who comes later waits for a load that was not asked before he came.
 */
export function createCache<V>(options: CacheOptions<V>): Cache<V> {
  const { make, sizeOf, shared, hasReplica, staleIfErrorMs, askClock, log, metrics } = options
  const entries = new LRUCache<string, Entry<V>>({
    maxSize: cacheBytesMax,
    sizeCalculation: (entry) => sizeOf(entry.value) + 16 * entry.eventIds.length + 500,
  })
  const flights = new Map<string, Flight<V>>()
  const eventLane = createLane({
    atOnceMax: eventLoadsAtOnceMax,
    waitingMax: loadsWaitingMax,
    holdMsMax: readWaitMsMax,
    metrics,
  })
  const listLane = createLane({
    atOnceMax: listLoadsAtOnceMax,
    waitingMax: loadsWaitingMax,
    holdMsMax: readWaitMsMax,
    metrics,
  })

  // What was heard. `words` counts it, so that one comparison tells that nothing is new.
  const heard = new Map<number, Heard>()
  let heardCatalogue = 0
  let heardCatalogueAt = -Infinity
  let forgotAt = 0
  let words = 0

  // Since when nothing escapes: in local time, and in the database's, which bytes made elsewhere are compared with.
  let heardSince = Infinity
  let heardSinceDatabase = Infinity
  let lost = { since: Infinity, at: -Infinity }
  let databaseId = ''
  /** The database's clock less the local one. */
  let clockOffset = Date.now() - performance.now()

  let isAway = false
  let probeAt = 0
  let probesHanging = 0
  let succeededAt = 0

  const hits = metrics.cacheHits.labels('1')
  const sharedHits = metrics.cacheHits.labels('2')
  const misses = metrics.cacheMisses.labels('1')
  const sharedMisses = metrics.cacheMisses.labels('2')

  return {
    read,
    size: () => ({ entries: entries.size, bytes: entries.calculatedSize }),
    onListening,
    onClock,
    onChange,
    onCatalogue,
    onEverything,
    onLost,
  }

  function read(read: Read, now = performance.now()): Found<V> | Promise<Found<V>> {
    const entry = entries.get(read.key)
    if (entry !== undefined) {
      const standing = look(entry, now)
      if (standing === fresh) {
        hits.inc()
        return { value: entry.value, state: 'hit' }
      }
      const age = now - (standing === behind ? entry.freshAt : entry.countsFreshAt)
      if (age < (standing === behind ? staleServeMsMax : listCountsStaleMsMax)) {
        refresh(read, entry, now, standing === behind ? refreshMsMin : listCountsRefreshMsMin)
        hits.inc()
        metrics.cacheStale.inc()
        return { value: entry.value, state: 'stale' }
      }
    }
    misses.inc()
    return isAway ? readAway(read, entry, now) : load(read, entry, now)
  }

  /** Compares the entry with what was heard, and notes until when it was known to be fresh. */
  function look(entry: Entry<V>, now: number): Standing {
    if (entry.knownAt < heardSince || now >= entry.expiresAt) return behind
    if (entry.scannedWord !== words) {
      if (entry.isList && now - entry.scannedAt < listScanMsMin) return entry.standing
      entry.standing = scan(entry)
      entry.scannedWord = words
      entry.scannedAt = now
    }
    if (entry.standing === fresh) entry.countsFreshAt = now
    if (entry.standing !== behind) entry.freshAt = now
    return entry.standing
  }

  function scan({ isList, isNothing, eventIds, revisions, catalogueRevision }: Entry<V>): Standing {
    if ((isList || isNothing) && catalogueRevision < heardCatalogue) return behind
    let standing: Standing = fresh
    for (let index = 0; index < eventIds.length; index++) {
      const word = heard.get(eventIds[index]!)
      const revision = revisions[index]!
      if (word === undefined || word.revision <= revision) continue
      if (!isList || word.flipRevision > revision) return behind
      standing = countsBehind
    }
    return standing
  }

  /** Loads in the background, unless that was done a moment ago or is under way. */
  function refresh(read: Read, entry: Entry<V>, now: number, everyMs: number): void {
    if (isAway) {
      probe(read, now)
    } else if (now - entry.refreshedAt >= everyMs && !flights.has(read.key)) {
      entry.refreshedAt = now
      start(read)
    }
  }

  /**
   * Waits for a load. One that is under way is joined, unless a word about the key has come since it was asked;
   * what it brings is good if it holds all that was heard by then, or was asked no earlier than the reader came.
   */
  async function load(read: Read, entry: Entry<V> | undefined, arrivedAt: number): Promise<Found<V>> {
    try {
      for (;;) {
        const current = flights.get(read.key)
        const flight = current && !isDetached(current, entry, arrivedAt) ? current : start(read)
        const loaded = await inTime(flight.entry)
        if (flight.askedAt >= arrivedAt - refreshMsMin || look(loaded, performance.now()) === fresh) {
          return { value: loaded.value, state: 'miss' }
        }
        entry = loaded
      }
    } catch (error) {
      if (error === late && succeededAt < arrivedAt) goAway()
      if (error !== late && !isTransient(error)) throw error
      const good = lastGood(entry) ?? (isAway ? await lastGoodShared(read) : null)
      if (good) return serveStale(good)
      throw error === late ? new AppError('unavailable', 'The database does not answer, try again') : error
    }
  }

  function isDetached({ askedAt }: Flight<V>, entry: Entry<V> | undefined, arrivedAt: number): boolean {
    if (askedAt >= arrivedAt - refreshMsMin) return false
    if (askedAt < heardSince) return true
    if (entry === undefined) return false
    if ((entry.isList || entry.isNothing) && heardCatalogueAt > askedAt) return true
    return entry.eventIds.some((eventId) => (heard.get(eventId)?.at ?? 0) > askedAt)
  }

  /** While the database is away nobody waits for it: the last good bytes, or a refusal, at once. */
  async function readAway(read: Read, entry: Entry<V> | undefined, now: number): Promise<Found<V>> {
    probe(read, now)
    const good = lastGood(entry) ?? (await lastGoodShared(read))
    if (good) return serveStale(good)
    throw new AppError('unavailable', 'The database is away, try again')
  }

  function serveStale(entry: Entry<V>): Found<V> {
    metrics.cacheStale.inc()
    return { value: entry.value, state: 'stale' }
  }

  /** Starts a load of the key; an older one under way is detached: its readers get it, newcomers do not. */
  function start(read: Read): Flight<V> {
    const flight: Flight<V> = { askedAt: Infinity, entry: Promise.resolve().then(() => fetch(read, flight)) }
    flights.set(read.key, flight)
    flight.entry
      .catch((error) => {
        if (isOutage(error)) goAway()
      })
      .finally(() => {
        if (flights.get(read.key) === flight) flights.delete(read.key)
      })
    return flight
  }

  async function fetch(read: Read, flight: Flight<V>): Promise<Entry<V>> {
    const elsewhere = (await fetchShared(read)) ?? (await fetchReplica(read))
    if (elsewhere) return elsewhere
    const lane = read.scope === 'list' ? listLane : eventLane
    const loaded = await lane.run(() => {
      flight.askedAt = performance.now()
      return read.load('primary')
    })
    succeed()
    clockOffset = loaded.asOfMs - flight.askedAt
    const entry = entryOf(read, loaded, flight.askedAt)
    keep(entry)
    share(read, loaded, entry)
    return entry
  }

  /** Level 2, where its bytes are at least as new as all that was heard, and no word could be missed in between. */
  async function fetchShared(read: Read): Promise<Entry<V> | null> {
    if (shared === null || heardSinceDatabase === Infinity) return null
    const stored = await shared.get(sharedKey(read.key))
    const loaded = stored && decode(stored)
    const entry = loaded && entryElsewhere(read, loaded)
    if (!entry) {
      sharedMisses.inc()
      return null
    }
    sharedHits.inc()
    keep(entry)
    return entry
  }

  /** The replica, where it has replayed all that was heard. */
  async function fetchReplica(read: Read): Promise<Entry<V> | null> {
    if (!hasReplica || heardSinceDatabase === Infinity) return null
    const lane = read.scope === 'list' ? listLane : eventLane
    try {
      const loaded = await inTime(lane.run(() => read.load('replica')))
      const entry = entryElsewhere(read, loaded)
      if (!entry) return null
      keep(entry)
      share(read, loaded, entry)
      return entry
    } catch (error) {
      if (error !== late && !isTransient(error)) throw error
      log.debug({ err: error }, 'The replica did not answer, the primary is asked')
      return null
    }
  }

  /** Bytes that this process did not ask the primary for: an entry, or null where they may lack something. */
  function entryElsewhere(read: Read, loaded: Loaded): Entry<V> | null {
    if (!(loaded.asOfMs >= heardSinceDatabase)) return null
    const now = performance.now()
    const entry = entryOf(read, loaded, now)
    const standing = scan(entry)
    if (standing === behind || now >= entry.expiresAt) return null
    if (standing === fresh) return entry
    entry.countsFreshAt = toLocal(loaded.asOfMs)
    return now - entry.countsFreshAt < listCountsStaleMsMax ? entry : null
  }

  function entryOf(read: Read, loaded: Loaded, knownAt: number): Entry<V> {
    const isList = read.scope === 'list'
    const ttlMs = isList ? listTtlMs : eventTtlMs
    const expiresAtMs = Math.min(loaded.asOfMs + ttlMs, loaded.expiresAtMs ?? Infinity)
    return {
      key: read.key,
      value: make(loaded.bytes),
      isList,
      isNothing: loaded.bytes === null,
      eventIds: loaded.eventIds,
      revisions: loaded.revisions,
      catalogueRevision: loaded.catalogueRevision,
      knownAt,
      expiresAt: toLocal(expiresAtMs),
      freshAt: knownAt,
      countsFreshAt: knownAt,
      scannedWord: -1,
      scannedAt: -Infinity,
      standing: fresh,
      refreshedAt: knownAt,
    }
  }

  function keep(entry: Entry<V>): void {
    const present = entries.peek(entry.key)
    if (present === undefined || present.knownAt <= entry.knownAt) entries.set(entry.key, entry)
  }

  function share(read: Read, loaded: Loaded, entry: Entry<V>): void {
    if (shared === null || loaded.bytes === null || heardSinceDatabase === Infinity) return
    if (loaded.bytes.length > sharedCacheValueBytesMax) return
    const ttlMs = entry.expiresAt - performance.now()
    if (ttlMs > 0) shared.set(sharedKey(read.key), encode(loaded), ttlMs)
  }

  // Two deployments may share one Redis. The number is the format's.
  function sharedKey(key: string): string {
    return `onsale:1:${databaseId}:${key}`
  }

  function toLocal(databaseMs: number): number {
    return databaseMs - clockOffset
  }

  // While the database is away ------------------------------------------------------------------------------------

  function goAway(): void {
    if (!isAway) log.warn('The database is away, reads are served from the last good bytes')
    isAway = true
    probeAt = performance.now() + databaseAwayMs
  }

  function succeed(): void {
    if (isAway) log.info('The database answers again')
    isAway = false
    succeededAt = performance.now()
  }

  /** Tries the database with one reader's load at a time; the reader does not wait for it. */
  function probe(read: Read, now: number): void {
    if (now < probeAt || probesHanging >= probesHangingMax) return
    probeAt = now + databaseAwayMs
    probesHanging++
    const askedAt = performance.now()
    read
      .load('primary')
      .then((loaded) => {
        succeed()
        keep(entryOf(read, loaded, askedAt))
      })
      .catch(() => {})
      .finally(() => probesHanging--)
  }

  /** The entry where it was good a bounded time ago: when it was last looked at, or when listening was lost. */
  function lastGood(entry: Entry<V> | undefined): Entry<V> | null {
    if (entry === undefined) return null
    const wasGoodWhenLost = entry.knownAt >= lost.since && entry.expiresAt > lost.at && scan(entry) !== behind
    const goodAt = wasGoodWhenLost ? Math.max(entry.freshAt, lost.at) : entry.freshAt
    return performance.now() - goodAt < staleIfErrorMs ? entry : null
  }

  async function lastGoodShared(read: Read): Promise<Entry<V> | null> {
    if (shared === null || databaseId === '') return null
    const stored = await shared.get(sharedKey(read.key))
    const loaded = stored && decode(stored)
    if (!loaded) return null
    const entry = entryOf(read, loaded, -Infinity)
    entry.freshAt = toLocal(loaded.asOfMs)
    if (lastGood(entry) === null) return null
    keep(entry)
    return entry
  }

  // What is heard -------------------------------------------------------------------------------------------------

  function onListening(): void {
    // The server is there again: whether it answers, the next reader finds out.
    isAway = false
    heardSince = performance.now()
    heardSinceDatabase = Infinity
    // A database that was restored from a backup counts from lower numbers again.
    heard.clear()
    heardCatalogue = 0
    words++
  }

  function onClock(clock: Clock): void {
    clockOffset = clock.nowMs - performance.now()
    // The clock was cut to milliseconds.
    heardSinceDatabase = clock.nowMs + 1
    heardCatalogue = Math.max(heardCatalogue, clock.catalogueRevision)
    databaseId = clock.databaseId
    words++
  }

  function onChange(eventId: number, revision: number, kind: ChangeKind): void {
    words++
    const at = performance.now()
    const word = heard.get(eventId)
    if (word !== undefined) {
      if (revision > word.revision) word.revision = revision
      if (kind !== 'c' && revision > word.flipRevision) word.flipRevision = revision
      word.at = at
    } else if (heard.size < heardEventsMax) {
      heard.set(eventId, { revision, flipRevision: kind === 'c' ? 0 : revision, at })
      if (at - forgotAt > heardKeptMs / 10) forget(at)
    } else {
      startOver(at)
    }
  }

  function onCatalogue(revision: number): void {
    words++
    if (revision <= heardCatalogue) return
    heardCatalogue = revision
    heardCatalogueAt = performance.now()
  }

  function onEverything(): void {
    heardSince = performance.now()
    heardSinceDatabase = Infinity
    words++
  }

  function onLost(): void {
    lost = { since: heardSince, at: performance.now() }
    heardSince = Infinity
    heardSinceDatabase = Infinity
    words++
  }

  /** Forgets what no bytes can be older than; in no order, because the newest words may stand anywhere. */
  function forget(now: number): void {
    forgotAt = now
    for (const [eventId, { at }] of heard) if (now - at > heardKeptMs) heard.delete(eventId)
  }

  /** More was heard than is kept: everything is read anew. */
  function startOver(now: number): void {
    forget(now)
    if (heard.size >= heardEventsMax) heard.clear()
    onEverything()
    askClock()
  }
}

const late = new Error(`No answer within ${readWaitMsMax} ms`)

/** The answer, or the error `late` after the time a reader waits. */
async function inTime<T>(answer: Promise<T>): Promise<T> {
  let timer: Timer | undefined
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late), readWaitMsMax)
  })
  try {
    return await Promise.race([answer, timeout])
  } finally {
    clearTimeout(timer)
  }
}

/** True where the server or the way to it is away; false where one call was slow or wrong. */
function isOutage(error: unknown): boolean {
  if (error instanceof AppError || !isTransient(error)) return false
  const state = sqlState(error)
  return state === null || /^(08|28|3D|57P|53)/.test(state)
}

// In Redis: one line of JSON about the bytes, then the bytes.
type Header = { e: readonly number[]; r: readonly number[]; c: number; a: number; x: number | null }

function encode({
  bytes,
  eventIds,
  revisions,
  catalogueRevision,
  asOfMs,
  expiresAtMs,
}: Loaded): Uint8Array<ArrayBuffer> {
  const header: Header = { e: eventIds, r: revisions, c: catalogueRevision, a: asOfMs, x: expiresAtMs }
  return Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), bytes!])
}

function decode(stored: Uint8Array<ArrayBuffer>): Loaded | null {
  const middle = stored.indexOf(0x0a)
  if (middle < 0) return null
  try {
    const header: Header = JSON.parse(Buffer.from(stored.subarray(0, middle)).toString())
    return {
      bytes: stored.subarray(middle + 1),
      eventIds: header.e,
      revisions: header.r,
      catalogueRevision: header.c,
      asOfMs: header.a,
      expiresAtMs: header.x,
    }
  } catch {
    return null
  }
}
