import { drainHoldMs, drainMsMax, launchersLookEveryMs } from '../limits.ts'
import type { Log } from './log.ts'
import { launchers } from './process.ts'

/** What a step of the stop does; its name is logged where it fails or takes too long. */
export type Step = readonly [name: string, run: () => unknown]

/** What `Bun.serve` was given. */
export type Served = { fetch(request: Request): Response | Promise<Response> }

/** Runs the steps one after the other; a step that fails is logged and does not keep the next from running. */
export async function stopInOrder(steps: readonly Step[], { log }: { log: Log }): Promise<void> {
  for (const [name, run] of steps) {
    try {
      await run()
    } catch (error) {
      log.error({ err: error }, `Could not ${name}`)
    }
  }
}

/**
 * Stops accepting, answers every open request, closes every connection.
 *
 * A connection that is kept alive may carry its next request at the very moment it is closed as idle: of 100
 * clients that never pause, 75 lost one. So for a moment answers are held back, until each client's request is
 * in our hands; then nothing is idle, the listener closes, and the answers go out with `Connection: close`.
 * Measured with the same clients: none lost.
 */
export async function drainServer(server: Bun.Server<unknown>, served: Served): Promise<void> {
  let answer = () => {}
  const held = new Promise<void>((resolve) => {
    answer = resolve
  })
  server.reload({
    ...served,
    async fetch(request: Request) {
      const response = await served.fetch(request)
      await held
      response.headers.set('connection', 'close')
      return response
    },
  })
  await Bun.sleep(drainHoldMs)
  const stopped = server.stop(false)
  answer()
  const timer = setTimeout(() => server.stop(true), drainMsMax)
  await stopped
  clearTimeout(timer)
}

/**
 * The first SIGINT or SIGTERM stops in order, the second at once. `withLaunchers`: so does the end of
 * `npx` or `bun run`, which do not pass on a signal that was sent to them alone.
 */
export function stopOnSignal({
  stop,
  force,
  withLaunchers = false,
}: {
  stop: () => Promise<void>
  force: () => void
  withLaunchers?: boolean
}) {
  let isStopping = false
  const stopOnce = async () => {
    if (isStopping) return
    isStopping = true
    await stop()
    process.exit(0)
  }
  const onSignal = () => {
    if (!isStopping) return stopOnce()
    force()
    process.exit(130)
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  // The terminal was closed. Without one (nohup) the signal stays as it was set, which is ignored.
  if (process.stdout.isTTY) process.on('SIGHUP', stopOnce)
  if (!withLaunchers) return
  const started = launchers().join()
  setInterval(() => {
    if (launchers().join() !== started) stopOnce()
  }, launchersLookEveryMs).unref()
}
