import {
  shopifyCostAssumed,
  shopifyCrowdedMs,
  shopifyPointsAssumed,
  shopifyRestoreAssumed,
  shopifySharersMax,
  shopifyWaitingMax,
} from '../limits.ts'
import type { Log } from '../platform/log.ts'
import type { Metrics } from '../platform/metrics.ts'
import { ShopifyError } from './error.ts'

export type Pace = ReturnType<typeof createPace>

/** What Shopify says of the points of an app in a shop. */
export type ThrottleStatus = { maximumAvailable: number; currentlyAvailable: number; restoreRate: number }

type Waiting = { points: number; isLook: boolean; go: () => void; refuse: (error: unknown) => void }

/**
 * Lets calls go as there are points for them: first come, first served, writes before looks, which leave `reservedShare` of
 * all points alone. What is left is Shopify's word in each answer, and restores by itself.
 *
 * The points are counted in this process alone: others (and other apps under the same token) are seen by what an answer says is
 * left. Each of `processes` therefore takes at most its part of what it sees; when several take at the same moment all the same,
 * Shopify throttles one, which then waits for the right time, and takes a smaller part for a while: there may be more of us. A count that all share would cost a call of PostgreSQL or
 * Redis for each of Shopify, and be wrong as well as soon as an answer is lost.
 */
export function createPace(options: {
  /** Whose points: a label of the metrics. */
  shop: string
  processes: number
  reservedShare: number
  /** Below this share of all points somebody should look. */
  lowShare: number
  log: Pick<Log, 'warn'>
  metrics: Pick<Metrics, 'shopifyPointsLeft' | 'shopifyPointsLow'>
}) {
  const { shop, processes, reservedShare, lowShare, log, metrics } = options
  let maximum = shopifyPointsAssumed
  let restoreRate = shopifyRestoreAssumed
  let available = maximum
  let availableAt = performance.now()
  let pausedUntil = 0
  let underWay = 0
  let sharers = processes
  let crowdedAt = Number.NEGATIVE_INFINITY
  let isLow = false
  let timer: Timer | undefined
  const costs = new Map<string, number>()
  const writes: Waiting[] = []
  const looks: Waiting[] = []

  return {
    /** What a call of this operation is asked for before it is done. */
    costOf: (operation: string): number => costs.get(operation) ?? shopifyCostAssumed,

    /** How long a call of so many points would wait from now on, if it were alone. */
    waitMs,

    /**
     * Waits for points, and refuses as `throttled` where they do not come by `startBy` (performance.now). Whoever got them
     * gives them back by `settle`, whatever became of the call.
     */
    take(
      points: number,
      { isLook, startBy, signal }: { isLook: boolean; startBy: number; signal?: AbortSignal | undefined },
    ): Promise<void> {
      signal?.throwIfAborted()
      const queue = isLook ? looks : writes
      if (queue.length >= shopifyWaitingMax) throw tooLate(points, isLook)
      return new Promise((resolve, reject) => {
        const leave = () => {
          clearTimeout(late)
          signal?.removeEventListener('abort', abandon)
        }
        const go = () => {
          leave()
          resolve()
        }
        const refuse = (error: unknown) => {
          leave()
          queue.splice(queue.indexOf(waiting), 1)
          reject(error)
          letGo()
        }
        const abandon = () => refuse(signal?.reason)
        const waiting = { points, isLook, go, refuse }
        const late = setTimeout(() => refuse(tooLate(points, isLook)), startBy - performance.now())
        signal?.addEventListener('abort', abandon)
        queue.push(waiting)
        letGo()
      })
    },

    /** Ends what `take` began, with what Shopify said of it, where it said something. */
    settle(
      points: number,
      told: { operation: string; requested: number | null; status: ThrottleStatus | null },
    ): void {
      underWay -= points
      if (told.requested !== null) costs.set(told.operation, told.requested)
      if (told.status !== null) learn(told.status)
      letGo()
    },

    /** There are more of us than was said: each throttled call has us take half as much, for a while. */
    crowd(): void {
      sharers = Math.min(sharersNow() * 2, shopifySharersMax)
      crowdedAt = performance.now()
    },

    /** Lets nobody go for so long: Shopify asked for it. */
    pause(ms: number): void {
      pausedUntil = Math.max(pausedUntil, performance.now() + ms)
      letGo()
    },
  }

  /** Lets go whoever may; for the next one there is a timer. */
  function letGo(): void {
    clearTimeout(timer)
    for (;;) {
      const queue = writes.length > 0 ? writes : looks
      const next = queue[0]
      if (next === undefined) return
      const ms = waitMs(next.points, next)
      if (ms > 0) {
        timer = setTimeout(letGo, Math.ceil(ms))
        return
      }
      queue.shift()
      available = availableNow() - next.points
      availableAt = performance.now()
      underWay += next.points
      next.go()
    }
  }

  function waitMs(points: number, { isLook }: { isLook: boolean }): number {
    const reserve = isLook ? maximum * reservedShare : 0
    // What is dearer than it may ever be waits for all points there are.
    const needed = Math.min(points * sharersNow() + reserve, maximum)
    const pointsMs = ((needed - availableNow()) / restoreRate) * 1_000
    return Math.max(0, pausedUntil - performance.now(), pointsMs)
  }

  function sharersNow(): number {
    return performance.now() - crowdedAt < shopifyCrowdedMs ? sharers : processes
  }

  function availableNow(): number {
    const restored = ((performance.now() - availableAt) / 1_000) * restoreRate
    return Math.min(maximum, available + restored)
  }

  function learn(status: ThrottleStatus): void {
    maximum = status.maximumAvailable
    restoreRate = status.restoreRate
    // Whether Shopify has counted those under way is not known: with the next answer it is.
    available = status.currentlyAvailable - underWay
    availableAt = performance.now()
    const wasLow = isLow
    isLow = status.currentlyAvailable < maximum * lowShare
    metrics.shopifyPointsLeft.set({ shop }, status.currentlyAvailable)
    metrics.shopifyPointsLow.set({ shop }, isLow ? 1 : 0)
    if (isLow && !wasLow) {
      log.warn({ shop, left: status.currentlyAvailable, of: maximum }, 'Few points of the Admin API are left')
    }
  }

  function tooLate(points: number, isLook: boolean): ShopifyError {
    return new ShopifyError('throttled', 'No points of the Admin API are left in time', {
      retryAfterMs: waitMs(points, { isLook }),
    })
  }
}
