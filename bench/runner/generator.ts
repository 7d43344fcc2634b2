// The generator that is light enough for a limit: requests over raw sockets, answers read to their end and checked. k6
// takes more of the processor for a cached read than the server does, so where the server is to be at its limit, k6
// would be measured instead.
//
//   bun bench/runner/generator.ts < load.json      a GeneratorLoad in, a Generated out
//
// It runs as a process of its own, so that its share of the processor is told apart. One core can send about as much as
// a bare Bun.serve on another can answer: `cpuShare` near 1 means that it was the generator that was measured.

import { spawn } from 'node:child_process'
import type { Distribution, PhaseResult, Series } from '../result.ts'
import { type Head, readHead } from './answer_reader.ts'
import { distributionOf, percentile, Samples } from './distribution.ts'

/** What to send, for how long, and how: the generator's input. */
export type GeneratorLoad = {
  /** Name or address; 127.0.0.1 unless told otherwise. */
  host?: string
  port: number
  /** Kept alive, opened before the clock starts; one request at a time on each. */
  connections: number
  /** How long requests are sent; answers are waited for `graceMs` longer. */
  ms: number
  /**
   * Null: closed loop, each connection sends as soon as it has its answer. A number: requests a second on a fixed
   * schedule, whatever the answers do (open loop), over whichever connection has been free the longest. A latency is then
   * counted from the moment at which the request was planned, so a server that stands still is not spared the requests
   * that it kept from being sent.
   */
  rate: number | null
  requests: RequestsFrom
  /** Also returns rate and latencies by the second. */
  bySecond?: boolean
  /** Answers that have not come this long after the last request count as failed. 5,000 unless told otherwise. */
  graceMs?: number
}

/** Requests that are sent in turn, for ever; or a module whose `createSource(options)` makes them. */
export type RequestsFrom = { list: readonly WrittenRequest[] } | { module: string; options: unknown }

/** A request as JSON can hold it. */
export type WrittenRequest = { text: string; expected: readonly number[]; group: string }

/** A request as it goes out. May be sent many times, so whoever makes it may keep it. */
export type GeneratorRequest = {
  bytes: Buffer
  /** Statuses that are no failure. */
  expected: readonly number[]
  /** What it is timed as (`reads`, `webhooks`). Answers with another than the first expected status are timed apart, as `<group> <status>`. */
  group: string
}

/** Where requests come from. */
export type RequestSource = {
  /** The next request of a connection (numbered from 0); null: there are no more. */
  next: (connection: number) => GeneratorRequest | null
  /** Told of every whole answer. Only where a source has this are bodies kept, which costs the generator. */
  answered?: (answer: Answer) => void
  /** What the source itself timed, by name, in ms. Asked once, at the end. */
  timed?: () => Record<string, readonly number[]>
}

/** Times are of performance.now(). */
export type Answer = {
  connection: number
  request: GeneratorRequest
  status: number
  body: Buffer
  sentAt: number
  answeredAt: number
}

export type Generated = Pick<
  PhaseResult,
  'seconds' | 'requests' | 'failed' | 'dropped' | 'rateAsked' | 'rateHeld' | 'latencies' | 'series'
> & {
  /** When the clock started: Unix, ms. */
  startedAtMs: number
  /** Answers by status. */
  statuses: Record<string, number>
  /** What failed, by reason. */
  faults: Record<string, number>
  /** Open loop: how long after its planned time a request was sent. What is large here is the generator's or the connections' lack. */
  lags: Distribution | null
  cpuSeconds: number
  /** Share of one core that the generator took. */
  cpuShare: number
}

/** Generates a load in a process of its own. `result` rejects where the process could not do it. */
export function startGenerator(load: GeneratorLoad): { pid: number | undefined; result: Promise<Generated> } {
  const child = spawn(process.execPath, [import.meta.path], { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.end(JSON.stringify(load))
  let output = ''
  child.stdout.on('data', (piece) => {
    output += piece
  })
  const result = new Promise<Generated>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => {
      if (code === 0) resolve(JSON.parse(output))
      else reject(new Error(`The generator ended with code ${code}`))
    })
  })
  return { pid: child.pid, result }
}

/** Generates a load in this process. Throws where the first connections cannot be opened. */
export async function generate(load: GeneratorLoad): Promise<Generated> {
  const generator = createGenerator(load, await sourceOf(load.requests))
  await generator.connect()
  return generator.run()
}

async function sourceOf(from: RequestsFrom): Promise<RequestSource> {
  if ('module' in from) {
    const { createSource } = await import(from.module)
    return createSource(from.options)
  }
  const requests = from.list.map(({ text, expected, group }) => ({
    bytes: Buffer.from(text),
    expected,
    group,
  }))
  if (requests.length === 0) throw new Error('A load without requests')
  let next = 0
  return {
    next() {
      if (next === requests.length) next = 0
      return requests[next++]!
    },
  }
}

/** One connection and what is on its way. */
type Connection = {
  number: number
  socket: Bun.Socket<Connection> | null
  /** What was sent and is not answered. */
  request: GeneratorRequest | null
  /** What latency is counted from, and when it was really sent. */
  plannedAt: number
  sentAt: number
  /** Bytes of the request that the socket has not taken yet. */
  unsent: Buffer | null
  /** Bytes of a head that is not whole yet. */
  partialHead: Buffer | null
  head: Head | null
  bodyBytesMissing: number
  /** The body so far, where the source wants it. */
  body: Buffer[]
  /** Waits in the ring of free connections. */
  isFree: boolean
  /** Closed loop: has sent its last. */
  isDone: boolean
  isDialling: boolean
}

function createGenerator(load: GeneratorLoad, source: RequestSource) {
  const { host = '127.0.0.1', port, ms, rate, bySecond = false, graceMs = 5_000 } = load
  const keepsBodies = source.answered !== undefined
  const connections = Array.from({ length: load.connections }, (_, number) => newConnection(number))
  const latencies = new Map<string, Samples>()
  const lags = new Samples()
  const statuses: Record<string, number> = {}
  const faults: Record<string, number> = {}
  const seconds = bySecond ? createSeconds() : null

  let startedAt = 0
  let startedAtMs = 0
  let endsAt = Infinity
  let lastAnswerAt = 0
  let isOver = false
  let requests = 0
  let answers = 0
  let failed = 0
  /** Sent and not answered. */
  let open = 0
  let hasMore = true
  /** Connections of a closed loop that have sent their last. */
  let done = 0
  let finish = () => {}

  // Open loop: planned requests are numbers on a schedule, so those that wait need no list.
  let planned = 0
  let taken = 0
  // Free connections, the one that has been free the longest first: a ring.
  const free = new Int32Array(load.connections + 1)
  let freeFrom = 0
  let freeTo = 0

  const handlers: Bun.SocketHandler<Connection> = {
    open(socket) {
      socket.data.socket = socket
      socket.setNoDelay(true)
    },
    data(socket, chunk) {
      try {
        receive(socket.data, chunk)
      } catch (error) {
        breakOff(socket.data, error instanceof Error ? error.message : String(error))
      }
    },
    drain: ({ data }) => flush(data),
    close: ({ data }) => lose(data),
    end(socket) {
      socket.end()
    },
    error: ({ data }, error) => breakOff(data, `The connection failed: ${error.message}`),
  }

  return { connect, run }

  /** Opens all connections, a bounded number at a time, which is what the server's backlog can take. */
  async function connect(): Promise<void> {
    for (let from = 0; from < connections.length; from += connectsAtOnce) {
      await Promise.all(connections.slice(from, from + connectsAtOnce).map(dial))
    }
  }

  async function dial(connection: Connection): Promise<void> {
    await Bun.connect({ hostname: host, port, socket: handlers, data: connection })
  }

  async function run(): Promise<Generated> {
    const cpuBefore = process.cpuUsage()
    const finished = new Promise<void>((resolve) => {
      finish = resolve
    })
    startedAtMs = Date.now()
    startedAt = performance.now()
    endsAt = startedAt + ms
    lastAnswerAt = startedAt
    if (rate === null) {
      for (const connection of connections) send(connection, performance.now())
    } else {
      for (const connection of connections) release(connection)
      dispatch()
    }
    setTimeout(() => finish(), ms + graceMs)
    await finished
    isOver = true
    const ended = performance.now()

    if (open > 0) fail(`No answer ${graceMs} ms after the last request`, open)
    for (const { socket } of connections) socket?.terminate()
    const { user, system } = process.cpuUsage(cpuBefore)
    const cpuSeconds = (user + system) / 1e6
    // Without load at its end a closed loop lasts until its last answer, a schedule as long as it was planned.
    const lasted = (rate === null ? lastAnswerAt - startedAt : Math.max(ms, lastAnswerAt - startedAt)) / 1_000
    for (const [group, values] of Object.entries(source.timed?.() ?? {})) {
      for (const value of values) samplesOf(group).add(value)
    }
    return {
      startedAtMs,
      seconds: lasted,
      requests,
      failed,
      dropped: planned - taken,
      rateAsked: rate,
      rateHeld: lasted > 0 ? answers / lasted : 0,
      latencies: Object.fromEntries(
        [...latencies].flatMap(([group, samples]) => {
          const distribution = distributionOf(samples.sorted())
          return distribution === null ? [] : [[group, distribution]]
        }),
      ),
      series: seconds?.series() ?? [],
      statuses,
      faults,
      lags: distributionOf(lags.sorted()),
      cpuSeconds,
      cpuShare: (cpuSeconds * 1_000) / (ended - startedAt),
    }
  }

  // Sending ---------------------------------------------------------------------------------------------------------

  /** Sends the connection's next request, unless the time is over or there are none. */
  function send(connection: Connection, plannedAt: number): void {
    const { socket, number } = connection
    if (socket === null) return
    const request = hasMore && (rate !== null || plannedAt < endsAt) ? source.next(number) : null
    if (request === null) {
      if (rate === null) retire(connection)
      else hasMore = false
      return
    }
    const now = rate === null ? plannedAt : performance.now()
    connection.request = request
    connection.sentAt = now
    // A timer's grain is a millisecond; what is sent within it is on time.
    connection.plannedAt = rate === null ? now : Math.min(now, plannedAt + timerGrainMs)
    if (rate !== null) lags.add(now - plannedAt)
    open++
    requests++
    const written = socket.write(request.bytes)
    if (written < request.bytes.length) connection.unsent = request.bytes.subarray(Math.max(0, written))
  }

  function flush(connection: Connection): void {
    const { socket, unsent } = connection
    if (socket === null || unsent === null) return
    const written = Math.max(0, socket.write(unsent))
    connection.unsent = written < unsent.length ? unsent.subarray(written) : null
  }

  /** Closed loop: the connection has no more to send. */
  function retire(connection: Connection): void {
    if (connection.isDone) return
    connection.isDone = true
    done++
    if (done === connections.length) finish()
  }

  /** Plans what is due by now and sends it over free connections; what finds none goes with the next that is free. */
  function dispatch(): void {
    const now = performance.now()
    planned = hasMore ? dueAfter(Math.min(now - startedAt, ms)) : taken
    serveWaiting()
    if (now < endsAt && hasMore) setTimeout(dispatch, Math.max(1, startedAt + planned / perMs() - now))
    else finishIfAnswered()
  }

  function serveWaiting(): void {
    while (taken < planned && freeFrom !== freeTo) {
      const connection = connections[free[freeFrom]!]!
      freeFrom = (freeFrom + 1) % free.length
      connection.isFree = false
      // It comes back when it is open again.
      if (connection.socket === null) continue
      const plannedAt = startedAt + taken / perMs()
      taken++
      send(connection, plannedAt)
      if (!hasMore) {
        taken--
        planned = taken
      }
    }
  }

  /** Of the schedule. Never from `endsAt`: a sum that is rounded may plan one more. */
  function dueAfter(elapsedMs: number): number {
    return Math.ceil((elapsedMs * (rate ?? 0)) / 1_000)
  }

  /** What is planned is sent after the end as well. */
  function hasToSend(): boolean {
    return rate === null ? performance.now() < endsAt : hasMore && taken < dueAfter(ms)
  }

  function perMs(): number {
    return (rate ?? 0) / 1_000
  }

  function release(connection: Connection): void {
    if (connection.isFree) return
    connection.isFree = true
    free[freeTo] = connection.number
    freeTo = (freeTo + 1) % free.length
  }

  // Receiving -------------------------------------------------------------------------------------------------------

  function receive(connection: Connection, chunk: Buffer): void {
    if (connection.request === null) throw new Error('Bytes that nobody asked for')
    let { head } = connection
    let bytes = chunk
    if (head === null) {
      if (connection.partialHead !== null) bytes = Buffer.concat([connection.partialHead, chunk])
      head = readHead(bytes)
      if (head === null) {
        // The library may use the chunk's memory again.
        connection.partialHead = Buffer.from(bytes)
        return
      }
      connection.partialHead = null
      connection.head = head
      connection.bodyBytesMissing = head.bodyBytes
      bytes = bytes.subarray(head.headBytes)
    }
    connection.bodyBytesMissing -= bytes.length
    if (keepsBodies && bytes.length > 0) connection.body.push(Buffer.from(bytes))
    if (connection.bodyBytesMissing > 0) return
    if (connection.bodyBytesMissing < 0) throw new Error('More bytes than Content-Length told')
    complete(connection, head)
  }

  function complete(connection: Connection, { status, closes }: Head): void {
    const { request, plannedAt, sentAt, number } = connection
    if (request === null) return
    const now = performance.now()
    open--
    answers++
    lastAnswerAt = now
    statuses[status] = (statuses[status] ?? 0) + 1
    if (request.expected.includes(status)) {
      const latency = now - plannedAt
      samplesOf(status === request.expected[0] ? request.group : `${request.group} ${status}`).add(latency)
      seconds?.add(now - startedAt, latency)
    } else {
      fail(`Status ${status} of ${request.group}`)
    }
    if (source.answered) {
      const body = connection.body.length === 1 ? connection.body[0]! : Buffer.concat(connection.body)
      connection.body = []
      source.answered({ connection: number, request, status, body, sentAt, answeredAt: now })
    }
    connection.request = null
    connection.head = null
    if (closes) connection.socket?.end()
    else goOn(connection, now)
  }

  /** The connection is free: the next request, or the end. */
  function goOn(connection: Connection, now: number): void {
    if (isOver || startedAt === 0) return
    if (rate === null) {
      send(connection, now)
    } else {
      release(connection)
      serveWaiting()
      finishIfAnswered()
    }
  }

  function samplesOf(group: string): Samples {
    let samples = latencies.get(group)
    if (samples === undefined) {
      samples = new Samples()
      latencies.set(group, samples)
    }
    return samples
  }

  /** Open loop: all that was planned is sent and answered. */
  function finishIfAnswered(): void {
    if (open === 0 && taken === planned && (!hasMore || performance.now() >= endsAt)) finish()
  }

  // What goes wrong -------------------------------------------------------------------------------------------------

  function fail(reason: string, count = 1): void {
    failed += count
    faults[reason] = (faults[reason] ?? 0) + count
  }

  function breakOff(connection: Connection, reason: string): void {
    if (connection.request !== null) forsake(connection, reason)
    connection.socket?.terminate()
  }

  /** The connection is closed, by whomever: what was on its way is lost, and it is opened again. */
  function lose(connection: Connection): void {
    connection.socket = null
    if (isOver) return
    if (connection.request !== null) forsake(connection, 'The connection was closed before the answer')
    if (!connection.isDone && !connection.isDialling) void redial(connection)
  }

  function forsake(connection: Connection, reason: string): void {
    fail(reason)
    open--
    connection.request = null
    connection.unsent = null
    connection.partialHead = null
    connection.head = null
    connection.body = []
  }

  async function redial(connection: Connection): Promise<void> {
    connection.isDialling = true
    while (connection.socket === null && !isOver && hasToSend()) {
      try {
        await dial(connection)
      } catch (error) {
        fail(`No connection: ${error instanceof Error ? error.message : String(error)}`)
        await Bun.sleep(redialMs)
      }
    }
    connection.isDialling = false
    if (connection.socket !== null) goOn(connection, performance.now())
    else if (rate === null) retire(connection)
    else finishIfAnswered()
  }
}

/** Connections opened at once: below the backlog of a listening socket (128 on old systems). */
const connectsAtOnce = 100
const redialMs = 20
const timerGrainMs = 1

function newConnection(number: number): Connection {
  return {
    number,
    socket: null,
    request: null,
    plannedAt: 0,
    sentAt: 0,
    unsent: null,
    partialHead: null,
    head: null,
    bodyBytesMissing: 0,
    body: [],
    isFree: false,
    isDone: false,
    isDialling: false,
  }
}

/** Latencies by the second in which they ended. */
function createSeconds() {
  const samples = new Samples()
  /** Where each second begins among the samples. */
  const starts: number[] = []
  return { add, series }

  function add(atMs: number, latency: number): void {
    const second = Math.floor(atMs / 1_000)
    while (starts.length <= second) starts.push(samples.count)
    samples.add(latency)
  }

  function series(): Series[] {
    // The last second is seldom whole.
    const whole = starts.slice(0, Math.max(1, starts.length - 1))
    const at = whole.map((_, second) => second)
    const sorted = whole.map((from, second) => samples.sorted(from, starts[second + 1] ?? samples.count))
    const latency = (percent: number): Series => ({
      group: 'latency',
      name: `p${percent}`,
      unit: 'ms',
      at,
      values: sorted.map((values) => (values.length === 0 ? null : percentile(values, percent))),
    })
    return [
      { group: 'rate', name: 'held', unit: '1/s', at, values: sorted.map(({ length }) => length) },
      latency(50),
      latency(95),
      latency(99),
    ]
  }
}

if (import.meta.main) {
  const generated = await generate(JSON.parse(await Bun.stdin.text()))
  process.stdout.write(`${JSON.stringify(generated)}\n`, () => process.exit())
}
