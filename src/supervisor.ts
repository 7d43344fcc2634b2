import { randomBytes } from 'node:crypto'
import { version } from '../package.json'
import type { Config } from './config.ts'
import {
  crashesCountedMs,
  listenerSettleMs,
  metricsReportMsMax,
  processOrderMsMax,
  processStartMsMax,
  processStopMsMax,
  replaceDelayMsMax,
  replaceDelayMsMin,
  retireMsMax,
} from './limits.ts'
import { createLog, openLogOutput } from './platform/log.ts'
import {
  createSupervisorMetrics,
  keepCounts,
  type MetricsReport,
  mergeReports,
  reportMetrics,
} from './platform/metrics.ts'
import { createPeer, type Peer } from './platform/peer.ts'
import { stopOnSignal } from './platform/shutdown.ts'
import type { ProcessAsks, SupervisorAsks } from './supervised.ts'

export type SupervisorOptions = {
  /** How many are to serve. */
  processes: number
  /** What starts one of them, the program first. */
  command: string[]
  /** Its environment; the port is added. */
  env: Record<string, string | undefined>
}

/** One of the processes, from its start until it is gone. */
type Member = {
  pid: number
  peer: Peer<SupervisorAsks>
  /** `done`: it has said goodbye, what follows is its end. */
  state: 'starting' | 'serving' | 'done'
  /** Another takes its place, so its end is no crash. */
  isLeaving: boolean
  /** What it told of its metrics last. */
  report: MetricsReport
  /** Resolves when it is gone and what it logged is passed on. */
  ended: Promise<void>
  kill(signal: NodeJS.Signals): void
}

/**
 * The role `serve` by several processes that share a port: keeps so many of them running until SIGTERM or SIGINT,
 * replaces one that ends by itself, and on SIGHUP replaces all, one after the other, without losing a request. It
 * answers no request itself. Where the first process does not start, it ends with 1.
 */
export async function supervise(config: Config, { processes, command, env }: SupervisorOptions) {
  const output = openLogOutput()
  const log = createLog({ level: config.logLevel, destination: output })
  const metrics = createSupervisorMetrics()
  const members = new Set<Member>()
  /** What those that are gone have counted. */
  const left: MetricsReport[] = []
  const crashedAt: number[] = []
  let port = config.port
  let isStopping = false
  let isRestartWanted = false
  let isRestarting = false
  let merging: Promise<string> | null = null
  // One for all: a token of one process counts in the others, and after a rolling restart.
  const made = config.secretKeys.length === 0 ? { SECRET_KEY: randomBytes(32).toString('hex') } : {}

  if ('SECRET_KEY' in made) log.warn('SECRET_KEY is not set: tokens count until this ends')
  metrics.wanted.set(processes)
  stopOnSignal({ stop, force: killAll, onHangup: restart })
  const first = await start()
  if (isStopping) return
  if (first === null) {
    // The others could not start either, and one sentence is enough.
    await stop()
    process.exit(1)
  }
  await Promise.all(Array.from({ length: processes - 1 }, async () => (await start()) ?? replace()))
  if (!isStopping) log.info({ port, version, processes: members.size }, 'All processes serve')

  /** Starts a process and waits until it serves; null where it ended, or had to be ended, before that. */
  async function start(): Promise<Member | null> {
    const { promise: isServing, resolve: serves } = Promise.withResolvers<void>()
    const member = spawn({ serves })
    const timer = setTimeout(() => {
      log.error({ process: member.pid }, `The process did not serve within ${processStartMsMax} ms`)
      member.kill('SIGKILL')
    }, processStartMsMax)
    await Promise.race([isServing, member.ended])
    clearTimeout(timer)
    return members.has(member) ? member : null
  }

  function spawn({ serves }: { serves: () => void }): Member {
    const child = Bun.spawn(command, {
      env: { ...env, ...made, PORT: String(port) },
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'inherit',
      // The other format is Bun's own, and a process that is started after an update may be of another Bun.
      serialization: 'json',
      ipc: (message) => peer.receive(message),
    })
    const peer = createPeer<SupervisorAsks, ProcessAsks>({
      send: (message) => void child.send(message),
      answers: {
        serving(says) {
          port = says.port
          member.state = 'serving'
          serves()
          return null
        },
        metrics: readMetrics,
        goodbye(report) {
          member.state = 'done'
          member.report = report
          return null
        },
      },
    })
    const member: Member = {
      pid: child.pid,
      peer,
      state: 'starting',
      isLeaving: false,
      report: [],
      ended: Promise.all([child.exited, passOn(child.stdout)]).then(() => end(member, child)),
      kill: (signal) => child.kill(signal),
    }
    members.add(member)
    return member
  }

  /** Passes on whole lines: processes that share a pipe would write into each other's. */
  async function passOn(stdout: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder()
    let rest = ''
    for await (const piece of stdout) {
      const text = rest + decoder.decode(piece, { stream: true })
      const linesEnd = text.lastIndexOf('\n') + 1
      if (linesEnd > 0) output.write(text.slice(0, linesEnd))
      rest = text.slice(linesEnd)
    }
    if (rest !== '') output.write(`${rest}\n`)
  }

  function end(member: Member, { exitCode, signalCode }: Bun.Subprocess): void {
    member.peer.close()
    members.delete(member)
    left.push(member.report)
    if (isStopping || member.isLeaving) return
    log.error({ process: member.pid, code: exitCode, signal: signalCode }, 'The process ended by itself')
    // One that never served is told to who started it.
    if (member.state !== 'starting') void replace()
  }

  /** Starts a process in the place of one that is gone, however often that takes. */
  async function replace(): Promise<void> {
    const now = performance.now()
    crashedAt.push(now)
    while (now - (crashedAt[0] as number) > crashesCountedMs) crashedAt.shift()
    const delayMs = Math.min(replaceDelayMsMin * 2 ** (crashedAt.length - 2), replaceDelayMsMax)
    if (crashedAt.length > 1) await Bun.sleep(delayMs)
    if (isStopping) return
    const member = await start()
    if (member === null) return isStopping ? undefined : replace()
    metrics.replaced.inc({ reason: 'crash' })
    log.info({ process: member.pid }, 'Another process serves in its place')
  }

  /** Replaces every process; asked for meanwhile, once more, because what has just been started may be old again. */
  function restart(): void {
    isRestartWanted = true
    if (!isRestarting) void restartAll()
  }

  async function restartAll(): Promise<void> {
    isRestarting = true
    while (isRestartWanted && !isStopping) {
      isRestartWanted = false
      const startedAt = performance.now()
      log.info('The rolling restart begins')
      for (const old of [...members]) {
        // Whoever ended by itself meanwhile has a new one in its place.
        if (!members.has(old)) continue
        if (isStopping) return
        if (await exchange(old)) continue
        log.error('The rolling restart is given up: a new process does not serve, so the others stay')
        break
      }
      log.info({ ms: Math.round(performance.now() - startedAt) }, 'The rolling restart is over')
    }
    isRestarting = false
  }

  /** Puts a new process in the place of an old one, which goes when the new one serves. False: it does not. */
  async function exchange(old: Member): Promise<boolean> {
    old.isLeaving = true
    const next = await start()
    if (next === null) {
      old.isLeaving = false
      if (!members.has(old) && !isStopping) void replace()
      return isStopping
    }
    const isLedPast = await next.peer.ask('lead', { says: null, msMax: processOrderMsMax }).catch(() => false)
    try {
      const msMax = listenerSettleMs + processOrderMsMax
      await old.peer.ask('retire', { says: { isLedPast }, msMax })
    } catch (error) {
      log.warn({ err: error, process: old.pid }, 'The process does not retire, so it is stopped')
      old.kill('SIGTERM')
    }
    if (isLedPast) await next.peer.ask('spread', { says: null, msMax: processOrderMsMax }).catch(() => false)
    await endWithin(retireMsMax + processStopMsMax, [old])
    metrics.replaced.inc({ reason: 'restart' })
    log.info({ process: next.pid, replaced: old.pid }, 'The process is replaced')
    return true
  }

  /** SIGTERM for all at once: each refuses new work, answers what is open, and ends. */
  async function stop(): Promise<void> {
    isStopping = true
    for (const member of members) member.kill('SIGTERM')
    await endWithin(processStopMsMax, [...members])
    await output.writeOut()
  }

  async function endWithin(msMax: number, leaving: readonly Member[]): Promise<void> {
    const timer = setTimeout(() => {
      for (const { pid, kill } of leaving.filter((member) => members.has(member))) {
        log.error({ process: pid }, `The process did not end within ${msMax} ms, it is killed`)
        kill('SIGKILL')
      }
    }, msMax)
    await Promise.all(leaving.map((member) => member.ended))
    clearTimeout(timer)
  }

  function killAll(): void {
    for (const member of members) member.kill('SIGKILL')
  }

  /** The metrics of all as those of one process, gathered once for all who ask at the same time. */
  function readMetrics(): Promise<string> {
    merging ??= mergeMetrics().finally(() => {
      merging = null
    })
    return merging
  }

  /**
   * A process that does not answer in time counts with what it told last, and one that is gone with what it told before
   * that, so that no sum falls: whoever reads a counter that falls takes it for one that began again at 0.
   */
  async function mergeMetrics(): Promise<string> {
    const asked = [...members].filter(({ state }) => state === 'serving')
    let unheardCount = 0
    await Promise.all(
      asked.map(async (member) => {
        const report = await member.peer
          .ask('report', { says: null, msMax: metricsReportMsMax })
          .catch(() => null)
        if (member.state !== 'serving') return
        if (report === null) unheardCount++
        else member.report = report
      }),
    )
    metrics.serving.set(asked.length)
    metrics.unheard.set(unheardCount)
    const own = await reportMetrics(metrics.registry)
    const gone = [...left]
    left.splice(0, gone.length, await keepCounts(gone))
    return await mergeReports([own, ...left, ...[...members].map(({ report }) => report)]).metrics()
  }
}
