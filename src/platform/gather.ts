import { AppError } from '../errors.ts'
import type { Metrics } from './metrics.ts'

export type GathererOptions<Item, Result> = {
  /** Label of the metrics. */
  name: string
  /**
   * Does the batch in one call; answers one result per item, in order, an Error for an item that alone is refused. A
   * rejection refuses the whole batch.
   */
  run: (items: readonly Item[]) => Promise<readonly (Result | Error)[]>
  /** Batches under way at once. */
  concurrency: number
  batchItemsMax: number
  batchBytesMax?: number
  queueItemsMax: number
  queueBytesMax?: number
  /** From submit to refusal as busy; what is under way then may still be done. */
  waitMsMax: number
  /** Size of an item, for the bounds in bytes; 0 by default. */
  bytesOf?: (item: Item) => number
  metrics: Pick<Metrics, 'gatherBatchSize' | 'gatherQueueDepth' | 'poolWait'>
}

export type Gatherer<Item, Result> = {
  /** Adds the item to the next batch. Refuses with `busy` at once when the queue is full, or after waitMsMax. */
  submit: (item: Item) => Promise<Result>
  /** Items that wait for their batch. */
  depth: () => number
  /** Refuses newcomers as `unavailable` and waits until what was accepted is answered. */
  drain: () => Promise<void>
}

type Waiting<Item, Result> = {
  item: Item
  bytes: number
  submittedAt: number
  isSettled: boolean
  resolve: (result: Result) => void
  reject: (error: unknown) => void
}

/**
 * Group commit: gathers concurrent requests into one call. Nobody waits for company: a request that finds a
 * free slot leaves in the same turn of the event loop, and batches form only from what arrives while all slots
 * are busy, so batches grow with load and a lone request pays nothing.
 */
export function createGatherer<Item, Result>(options: GathererOptions<Item, Result>): Gatherer<Item, Result> {
  const { name, run, concurrency, batchItemsMax, queueItemsMax, waitMsMax, metrics } = options
  const { batchBytesMax = Infinity, queueBytesMax = Infinity, bytesOf = () => 0 } = options
  const batchSize = metrics.gatherBatchSize.labels(name)
  const queueDepth = metrics.gatherQueueDepth.labels(name)

  type Entry = Waiting<Item, Result>
  // A queue with a moving head: shift() on a long array costs its length.
  let queue: Entry[] = []
  let head = 0
  let queuedBytes = 0
  let slots = concurrency
  let isScheduled = false
  let isDraining = false
  const underWay = new Set<readonly Entry[]>()
  let sweeper: Timer | undefined
  /** Settled when the last accepted item is answered; there from the first drain on. */
  let idle: PromiseWithResolvers<void> | undefined

  return { submit, depth, drain }

  function submit(item: Item): Promise<Result> {
    if (isDraining) return Promise.reject(new AppError('unavailable', 'The server is shutting down'))
    const bytes = bytesOf(item)
    // The bound in bytes never refuses the only item: one body is bounded by its own limit.
    const isFull = depth() >= queueItemsMax || (queuedBytes > 0 && queuedBytes + bytes > queueBytesMax)
    if (isFull) return Promise.reject(new AppError('busy', 'Too many requests are waiting, try again'))
    return new Promise<Result>((resolve, reject) => {
      queue.push({ item, bytes, submittedAt: performance.now(), isSettled: false, resolve, reject })
      queuedBytes += bytes
      queueDepth.set(depth())
      sweeper ??= setInterval(refuseOverdue, waitMsMax / 10)
      if (slots > 0 && !isScheduled) {
        isScheduled = true
        // Whatever arrives in this turn of the event loop leaves together.
        setImmediate(dispatch)
      }
    })
  }

  function depth(): number {
    return queue.length - head
  }

  function dispatch(): void {
    isScheduled = false
    while (slots > 0 && depth() > 0) {
      const batch = takeBatch()
      if (batch.length > 0) void runBatch(batch)
    }
    // Also where everything that waited was refused as overdue, and there was nothing to run.
    if (isIdle()) becomeIdle()
  }

  function isIdle(): boolean {
    return depth() === 0 && underWay.size === 0
  }

  function takeBatch(): Entry[] {
    const batch: Entry[] = []
    let bytes = 0
    while (depth() > 0 && batch.length < batchItemsMax) {
      const entry = queue[head] as Entry
      if (batch.length > 0 && bytes + entry.bytes > batchBytesMax) break
      head++
      queuedBytes -= entry.bytes
      if (entry.isSettled) continue
      bytes += entry.bytes
      batch.push(entry)
    }
    if (head > 1024 && head * 2 > queue.length) {
      queue = queue.slice(head)
      head = 0
    }
    if (depth() === 0) {
      queue = []
      head = 0
    }
    queueDepth.set(depth())
    return batch
  }

  async function runBatch(batch: readonly Entry[]): Promise<void> {
    slots--
    underWay.add(batch)
    batchSize.observe(batch.length)
    metrics.poolWait.observe((performance.now() - (batch[0] as Entry).submittedAt) / 1000)
    try {
      const results = await run(batch.map((entry) => entry.item))
      if (results.length !== batch.length) {
        throw new Error(`Batch of ${batch.length} answered ${results.length} results`)
      }
      for (const [index, entry] of batch.entries()) {
        const result = results[index] as Result | Error
        entry.isSettled = true
        if (result instanceof Error) entry.reject(result)
        else entry.resolve(result)
      }
    } catch (error) {
      for (const entry of batch) {
        entry.isSettled = true
        entry.reject(error)
      }
    } finally {
      slots++
      underWay.delete(batch)
      dispatch()
    }
  }

  function refuseOverdue(): void {
    const limit = performance.now() - waitMsMax
    for (let index = head; index < queue.length; index++) {
      const entry = queue[index] as Entry
      if (entry.submittedAt > limit) break
      refuse(entry)
    }
    for (const batch of underWay) {
      for (const entry of batch) if (entry.submittedAt <= limit) refuse(entry)
    }
  }

  function refuse(entry: Entry): void {
    if (entry.isSettled) return
    entry.isSettled = true
    entry.reject(new AppError('busy', `No answer from the database within ${waitMsMax} ms, try again`))
  }

  function becomeIdle(): void {
    clearInterval(sweeper)
    sweeper = undefined
    idle?.resolve()
  }

  async function drain(): Promise<void> {
    isDraining = true
    idle ??= Promise.withResolvers<void>()
    if (isIdle()) idle.resolve()
    await idle.promise
  }
}

/**
 * A gatherer for each key that is being asked for, for calls that take one key each and a lock on it: those of different
 * keys go side by side. One goes when the last of its requests is answered, so that there are never more of them than requests,
 * and `queueItemsMax` bounds all of them together.
 */
export function createKeyedGatherer<Key, Item, Result>({
  run,
  ...options
}: Omit<GathererOptions<Item, Result>, 'run'> & {
  /** As `run` of a gatherer, for items of one key. */
  run: (key: Key, items: readonly Item[]) => Promise<readonly (Result | Error)[]>
}) {
  const byKey = new Map<Key, { gatherer: Gatherer<Item, Result>; openCount: number }>()
  let openCount = 0
  let isDraining = false

  return {
    /** Adds the item to its key's next batch. Refuses as a gatherer does. */
    async submit(key: Key, item: Item): Promise<Result> {
      if (isDraining) throw new AppError('unavailable', 'The server is shutting down')
      if (openCount >= options.queueItemsMax) {
        throw new AppError('busy', 'Too many requests are waiting, try again')
      }
      const entry = byKey.get(key) ?? { gatherer: gathererOf(key), openCount: 0 }
      byKey.set(key, entry)
      entry.openCount++
      openCount++
      try {
        return await entry.gatherer.submit(item)
      } finally {
        openCount--
        entry.openCount--
        if (entry.openCount === 0) byKey.delete(key)
      }
    },

    /** Refuses newcomers and waits until what was accepted is answered. */
    async drain(): Promise<void> {
      isDraining = true
      await Promise.all([...byKey.values()].map(({ gatherer }) => gatherer.drain()))
    },
  }

  function gathererOf(key: Key): Gatherer<Item, Result> {
    return createGatherer<Item, Result>({ ...options, run: (items) => run(key, items) })
  }
}
