import { AppError } from '../errors.ts'
import type { Metrics } from './metrics.ts'

export type Lane = {
  /** Does the work when it is its turn. Refuses with `busy` at once where too much waits already. */
  run: <T>(work: () => Promise<T>) => Promise<T>
}

/**
 * Bounds what is under way at once. A place is given back after `holdMsMax` at the latest: work that hangs must
 * not close the lane for good.
 */
export function createLane({
  atOnceMax,
  waitingMax,
  holdMsMax,
  metrics,
  refusal = 'Too many reads wait for the database, try again',
}: {
  atOnceMax: number
  waitingMax: number
  holdMsMax: number
  /** Counts waiting for the database; null where it is not the database that is waited for. */
  metrics: Pick<Metrics, 'poolWait'> | null
  /** What a client is told where too much waits. */
  refusal?: string
}): Lane {
  let places = atOnceMax
  const waiting: (() => void)[] = []

  return {
    async run(work) {
      if (places > 0) {
        places--
        metrics?.poolWait.observe(0)
      } else {
        const end = metrics?.poolWait.startTimer()
        await turn()
        end?.()
      }
      let isHeld = true
      const release = () => {
        if (!isHeld) return
        isHeld = false
        clearTimeout(timer)
        const next = waiting.shift()
        if (next) next()
        else places++
      }
      const timer = setTimeout(release, holdMsMax)
      try {
        return await work()
      } finally {
        release()
      }
    },
  }

  function turn(): Promise<void> {
    if (waiting.length >= waitingMax) {
      return Promise.reject(new AppError('busy', refusal))
    }
    return new Promise((resolve) => waiting.push(resolve))
  }
}
