import {
  drainHoldMs,
  drainMsMax,
  launchersLookEveryMs,
  retireLookEveryMs,
  retireLookPerConnectionMs,
  retireMsMax,
} from '../limits.ts'
import { countConnections } from './listener.ts'
import type { Log } from './log.ts'
import { hasTerminal, launchers } from './process.ts'

/** What a step of the stop does; its name is logged where it fails or takes too long. */
export type Step = readonly [name: string, run: () => unknown]

/** What `Bun.serve` was given. */
export type Served = {
  fetch(request: Request, server: Bun.Server<undefined>): Response | Promise<Response>
}

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
  server.reload(lastAnswers(served, { after: held }))
  await Bun.sleep(drainHoldMs)
  const stopped = server.stop(false)
  answer()
  const timer = setTimeout(() => server.stop(true), drainMsMax)
  await stopped
  clearTimeout(timer)
}

/**
 * Answers on every connection its next request, with `Connection: close`, until there is none left; then as drainServer.
 * For a server whose listener is closed already and that nobody waits for: a connection on which nobody asks is
 * left to its client until it idles out, so that no request meets its closing. `port` is that of the closed listener,
 * which the server no longer knows; `signal` ends the patience.
 */
export async function retireServer(
  server: Bun.Server<unknown>,
  served: Served,
  { port, signal }: { port: number; signal: AbortSignal },
): Promise<void> {
  server.reload(lastAnswers(served, { after: null }))
  const endsAt = performance.now() + retireMsMax
  const hurry = new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
  while (!signal.aborted && performance.now() < endsAt) {
    const count = countConnections(port)
    if (count === 0) break
    const lookMs = retireLookEveryMs + (count ?? 0) * retireLookPerConnectionMs
    await Promise.race([Bun.sleep(lookMs), hurry])
  }
  await drainServer(server, served)
}

/** What answers as before and then closes the connection; `after` holds the answers back. */
function lastAnswers(served: Served, { after }: { after: Promise<void> | null }): Served {
  return {
    ...served,
    async fetch(request: Request, server: Bun.Server<undefined>) {
      const response = await served.fetch(request, server)
      if (after !== null) await after
      response.headers.set('connection', 'close')
      return response
    },
  }
}

/**
 * The first SIGINT or SIGTERM stops in order, the second at once. `withLaunchers`: so does the end of
 * `npx` or `bun run`, which do not pass on a signal that was sent to them alone. `onHangup`: what SIGHUP does while
 * the terminal is there; else it is ignored where there is none, and means that it was closed.
 */
export function stopOnSignal({
  stop,
  force,
  onHangup,
  withLaunchers = false,
  exitCode = 0,
}: {
  stop: () => Promise<void>
  force: () => void
  onHangup?: () => void
  withLaunchers?: boolean
  /** After a stop in order: 0 for who serves until then, another for work that has not come to its end. */
  exitCode?: number
}) {
  let isStopping = false
  const stopOnce = async () => {
    if (isStopping) return
    isStopping = true
    await stop()
    process.exit(exitCode)
  }
  const onSignal = () => {
    if (!isStopping) return stopOnce()
    force()
    process.exit(130)
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  // The terminal was closed. Without one (nohup) the signal stays as it was set, which is ignored.
  const isInTerminal = process.stdout.isTTY
  if (onHangup) process.on('SIGHUP', () => (isInTerminal && !hasTerminal() ? stopOnce() : onHangup()))
  else if (isInTerminal) process.on('SIGHUP', stopOnce)
  if (!withLaunchers) return
  const started = launchers().join()
  setInterval(() => {
    if (launchers().join() !== started) stopOnce()
  }, launchersLookEveryMs).unref()
}
