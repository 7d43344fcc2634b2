import type { Log } from './log.ts'

export type RepeatedTask = { stop: () => Promise<void> }

/**
 * Runs a task again and again, the pause counted from its end; a failure is logged and the next turn tries again.
 * `stop` waits for the turn under way, which can ask whether it should hurry.
 */
export function repeat(
  task: (isStopping: () => boolean) => Promise<void>,
  { everyMs, name, log }: { everyMs: number; name: string; log: Log },
): RepeatedTask {
  let isStopping = false
  let timer: Timer | undefined
  let running = Promise.resolve()
  // A share of chance keeps processes that started together from running together.
  const schedule = () => {
    timer = setTimeout(
      () => {
        running = task(() => isStopping)
          .catch((error: unknown) => log.warn({ err: error }, `Could not ${name}`))
          .finally(() => {
            if (!isStopping) schedule()
          })
      },
      everyMs * (0.8 + 0.4 * Math.random()),
    )
    timer.unref()
  }
  schedule()
  return {
    stop: () => {
      isStopping = true
      clearTimeout(timer)
      return running
    },
  }
}
