import { type Config, withDatabase } from './config.ts'
import { AppError } from './errors.ts'
import { listenerSettleMs, metricsMergeMsMax, metricsReportMsMax } from './limits.ts'
import { closeListener, leadConnections, spreadConnections } from './platform/listener.ts'
import { type MetricsReport, reportMetrics } from './platform/metrics.ts'
import { createPeer } from './platform/peer.ts'
import { type Service, startService } from './serve.ts'

/** What the supervisor asks of a process. */
export type SupervisorAsks = {
  /** Its metrics now. */
  report: { says: null; gets: MetricsReport }
  /** That every new connection comes to it, the newest process. False: not possible on this system. */
  lead: { says: null; gets: boolean }
  /** That new connections are spread over all again. */
  spread: { says: null; gets: boolean }
  /** That it ends, because another has taken its place. Answered as soon as it takes no new connection. */
  retire: { says: { isLedPast: boolean }; gets: null }
}

/** What a process asks of its supervisor. */
export type ProcessAsks = {
  /** To note that it serves. */
  serving: { says: { port: number }; gets: null }
  /** The metrics of all processes, as Prometheus text. */
  metrics: { says: null; gets: string }
  /** To keep its last counts: it ends now. */
  goodbye: { says: MetricsReport; gets: null }
}

/**
 * The role `serve` as one of several processes: takes orders from the supervisor that started it, and stops in order
 * when that is gone. `processes`: how many there are of them.
 */
export async function serveSupervised(config: Config, { processes }: { processes: number }): Promise<void> {
  let service: Service | null = null
  let isEnding = false
  const hurry = new AbortController()
  const peer = createPeer<ProcessAsks, SupervisorAsks>({
    send: (message) => process.send?.(message),
    answers: {
      report: () => reportMetrics(started().metrics.registry),
      lead: () => leadConnections(started().port),
      spread: () => spreadConnections(started().port),
      retire,
    },
  })
  process.on('message', peer.receive)
  process.on('disconnect', () => {
    peer.close()
    stop()
  })
  process.on('SIGTERM', stop)
  // A terminal signals everybody in it; what is to be done then is the supervisor's to say.
  process.on('SIGINT', () => {})
  process.on('SIGHUP', () => {})

  service = await startService(withDatabase(config), { sharesPort: true, processes, readMetrics })
  await peer.ask('serving', { says: { port: service.port }, msMax: metricsReportMsMax })

  function stop(): void {
    hurry.abort()
    void end((service) => service.stop())
  }

  function started(): Service {
    if (service === null) throw new Error('The process is still starting')
    return service
  }

  async function retire({ isLedPast }: { isLedPast: boolean }): Promise<null> {
    const { port, log } = started()
    if (isLedPast) await Bun.sleep(listenerSettleMs)
    const isClosed = isLedPast && (await closeListener(port))
    if (!isClosed) log.warn('New connections may be reset: they cannot be led past a process on this system')
    void end((service) => (isClosed ? service.retire({ signal: hurry.signal }) : service.stop()))
    return null
  }

  async function end(stop: (service: Service) => Promise<void>): Promise<void> {
    if (isEnding) return
    isEnding = true
    if (service !== null) {
      await stop(service)
      const says = await reportMetrics(service.metrics.registry)
      await peer.ask('goodbye', { says, msMax: metricsReportMsMax }).catch(() => {})
    }
    process.exit(0)
  }

  async function readMetrics(): Promise<string> {
    try {
      return await peer.ask('metrics', { says: null, msMax: metricsMergeMsMax })
    } catch (cause) {
      // Ours alone would look as if all counts had fallen.
      throw new AppError('unavailable', 'The supervisor does not tell the metrics of all', { cause })
    }
  }
}
