// Cached reads of a running Onsale against servers that give the same answer and do nothing else.
//
//   bun bench/limits/reads.ts <url> [--pid N] [--rounds N] [--ms N] [--connections N]      prints the comparisons as JSON
//
// One after the other in each round, so that what else the machine does meets all of them. `--pid` is Onsale's process,
// for what a request costs it; the rate alone tells less where the generator is what stands at its limit (`generatorShare`).

import { parseArgs } from 'node:util'
import { startGenerator } from '../runner/generator.ts'
import { startPeer } from '../runner/limits.ts'
import { canSample, readUsage } from '../runner/sampler.ts'
import { readModelAnswer } from './model_answer.ts'

/**
 * What Onsale is held against (see bare.ts and elysia.ts). `reading` is a bare server that reads what any server of
 * this answer must, and so the nearest that a service can come.
 */
export const limitNames = ['same', 'body', 'reading', 'elysia'] as const
type LimitName = (typeof limitNames)[number]
type ServerName = 'onsale' | LimitName

export type ReadsOptions = {
  /** What is read again and again: a page of `GET /events`, say. */
  url: string
  status: 200 | 304
  /** Onsale's processes, for what a request costs them; null where they are not known. */
  pids: readonly number[] | null
  rounds: number
  /** Of one server in one round. */
  ms: number
  connections: number
}

export type ReadsComparison = {
  status: 200 | 304
  /** Medians of the rounds. `cpuUs`: processor time a request, all threads; null where it is not known. */
  servers: Record<
    ServerName,
    { perSecond: number; cpuUs: number | null; p99: number; generatorShare: number }
  >
  /** Onsale by each limit, medians of the rounds' own ratios: 1 is as fast. `cpu`: their time by Onsale's. */
  ratios: Record<LimitName, { rate: number; cpu: number | null }>
}

type Measured = { perSecond: number; cpuUs: number | null; p99: number; generatorShare: number }
type Server = { name: ServerName; port: number; pids: readonly number[] | null }

/** Measures the rounds. Throws where an answer is not the expected one. */
export async function compareReads(options: ReadsOptions): Promise<ReadsComparison> {
  const { url, status, rounds } = options
  const { etag } = (await readModelAnswer(url, status)).headers
  const { host, pathname, search } = new URL(url)
  const condition = status === 304 ? `If-None-Match: ${etag}\r\n` : ''
  const text = `GET ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\n${condition}\r\n`
  const peers = await Promise.all(
    limitNames.map(async (name) => {
      const args = name === 'elysia' ? [url, String(status)] : [url, String(status), name]
      return { name, peer: await startPeer(name === 'elysia' ? 'elysia' : 'bare', args) }
    }),
  )
  const servers: Server[] = [
    { name: 'onsale', port: Number(new URL(url).port || 80), pids: options.pids },
    ...peers.map(({ name, peer }) => ({ name, port: Number(new URL(peer.url).port), pids: [peer.pid] })),
  ]
  const measured = new Map<ServerName, Measured[]>()
  try {
    // The first round is to warm up: compilers and caches.
    for (let round = 0; round <= rounds; round++) {
      for (const server of servers) {
        const one = await measure(server, text, options)
        if (round > 0) measured.set(server.name, [...(measured.get(server.name) ?? []), one])
      }
    }
  } finally {
    for (const { peer } of peers) peer.stop()
  }
  return { status, ...summarise(measured) }
}

async function measure(
  { name, port, pids }: Server,
  text: string,
  { status, ms, connections }: ReadsOptions,
): Promise<Measured> {
  const before = cpuMsOf(pids)
  const { result } = startGenerator({
    port,
    connections,
    ms,
    rate: null,
    requests: { list: [{ text, expected: [status], group: 'read' }] },
  })
  const { requests, failed, faults, rateHeld, latencies, cpuShare } = await result
  const after = cpuMsOf(pids)
  if (failed > 0) throw new Error(`${failed} requests to ${name} failed: ${JSON.stringify(faults)}`)
  return {
    perSecond: rateHeld,
    cpuUs: before === null || after === null ? null : ((after - before) * 1_000) / requests,
    p99: latencies.read?.p99 ?? Number.NaN,
    generatorShare: cpuShare,
  }
}

function cpuMsOf(pids: readonly number[] | null): number | null {
  if (pids === null || !canSample) return null
  const { server } = readUsage({ server: () => [...pids] })
  return [...server!.cpuMsByPid.values()].reduce((sum, ms) => sum + ms, 0)
}

function summarise(
  measured: ReadonlyMap<ServerName, readonly Measured[]>,
): Pick<ReadsComparison, 'servers' | 'ratios'> {
  const servers = Object.fromEntries(
    [...measured].map(([name, rounds]) => [
      name,
      {
        perSecond: Math.round(median(rounds.map(({ perSecond }) => perSecond))),
        cpuUs: medianOrNull(rounds.map(({ cpuUs }) => cpuUs)),
        p99: median(rounds.map(({ p99 }) => p99)),
        generatorShare: rounded(median(rounds.map(({ generatorShare }) => generatorShare))),
      },
    ]),
  ) as ReadsComparison['servers']
  const own = measured.get('onsale') ?? []
  const ratios = Object.fromEntries(
    limitNames.map((name) => {
      const limit = measured.get(name) ?? []
      const rate = median(own.map(({ perSecond }, round) => perSecond / limit[round]!.perSecond))
      const cpu = medianOrNull(
        own.map(({ cpuUs }, round) => {
          const of = limit[round]!.cpuUs
          return cpuUs === null || of === null ? null : of / cpuUs
        }),
      )
      return [name, { rate: rounded(rate), cpu }]
    }),
  ) as ReadsComparison['ratios']
  return { servers, ratios }
}

function medianOrNull(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null)
  return known.length < values.length || known.length === 0 ? null : rounded(median(known))
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? Number.NaN
}

function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      pid: { type: 'string' },
      rounds: { type: 'string', default: '5' },
      ms: { type: 'string', default: '1000' },
      connections: { type: 'string', default: '64' },
    },
  })
  const [url] = positionals
  if (url === undefined) throw new Error('Which URL? For example http://127.0.0.1:3000/events')
  const options = {
    url,
    pids: values.pid === undefined ? null : [Number(values.pid)],
    rounds: Number(values.rounds),
    ms: Number(values.ms),
    connections: Number(values.connections),
  }
  for (const status of [200, 304] as const) {
    process.stdout.write(`${JSON.stringify(await compareReads({ ...options, status }), null, 2)}\n`)
  }
  process.exit()
}
