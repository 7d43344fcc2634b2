// What the service counted itself during a phase: its /metrics before and after, and every two seconds between.

import type { Series, ServiceCounts } from '../result.ts'

/** Values of /metrics by `name{labels}`, labels in the order of their names, summed over the processes. */
export type Counts = Map<string, number>

export const lookEveryMs = 2_000

export type Counting = {
  /** Null: a process did not answer. */
  soFar(): Promise<ServiceCounts | null>
  stop(): Promise<{ counts: ServiceCounts; series: Series[] } | null>
}

/** Reads the metrics of all `urls`; a process that does not answer (it is being restarted) ends the counting. */
export async function startCounting(urls: readonly string[]): Promise<Counting> {
  const startedAt = performance.now()
  const first = await readAll(urls)
  let last = first
  let isBroken = first === null
  const shares: Series = { group: 'cache', name: 'answered from memory', unit: 'share', at: [], values: [] }
  const sizes: Series = { group: 'batch', name: 'deliveries a call', unit: 'items', at: [], values: [] }
  let looking: Promise<void> = Promise.resolve()
  const timer = setInterval(() => {
    looking = looking.then(look)
  }, lookEveryMs)
  return {
    async soFar() {
      const now = await readAll(urls)
      return first === null || now === null ? null : countsOf(first, now)
    },
    async stop() {
      clearInterval(timer)
      await looking
      await look()
      if (isBroken || first === null || last === null) return null
      return {
        counts: countsOf(first, last),
        series: [shares, sizes].filter(({ values }) => values.some((value) => value !== null)),
      }
    },
  }

  async function look() {
    if (isBroken || last === null) return
    const now = await readAll(urls)
    if (now === null) {
      isBroken = true
      return
    }
    const at = Math.round((performance.now() - startedAt) / 100) / 10
    const { cache } = countsOf(last, now)
    const read = cache.hits1 + cache.misses
    shares.at.push(at)
    shares.values.push(read > 0 ? round(cache.hits1 / read) : null)
    const calls = grown(last, now, 'gather_batch_size_count{gatherer="deliveries"}')
    sizes.at.push(at)
    sizes.values.push(
      calls > 0 ? round(grown(last, now, 'gather_batch_size_sum{gatherer="deliveries"}') / calls) : null,
    )
    last = now
  }
}

function round(value: number): number {
  return Math.round(value * 1_000) / 1_000
}

function grown(before: Counts, after: Counts, key: string): number {
  return (after.get(key) ?? 0) - (before.get(key) ?? 0)
}

/** What happened between two looks. */
export function countsOf(before: Counts, after: Counts): ServiceCounts {
  const byLabel = (name: string, label: string) => {
    const all: Record<string, number> = {}
    for (const key of after.keys()) {
      if (!key.startsWith(`${name}{`)) continue
      const word = new RegExp(`${label}="([^"]*)"`).exec(key)?.[1]
      const count = grown(before, after, key)
      if (word !== undefined && count > 0) all[word] = (all[word] ?? 0) + count
    }
    return all
  }
  const hits = byLabel('cache_hits_total', 'level')
  return {
    calls: byLabel('db_query_time_seconds_count', 'function'),
    cache: {
      hits1: hits['1'] ?? 0,
      hits2: hits['2'] ?? 0,
      misses: byLabel('cache_misses_total', 'level')['1'] ?? 0,
      stale: grown(before, after, 'cache_stale_total'),
    },
    batchSizes: bucketsOf(before, after),
    deliveries: byLabel('webhook_deliveries_total', 'outcome'),
  }
}

/** Prometheus counts each bucket with all below it; here each stands alone. */
function bucketsOf(before: Counts, after: Counts): ServiceCounts['batchSizes'] {
  const buckets: { upTo: number | null; below: number }[] = []
  for (const key of after.keys()) {
    if (!key.startsWith('gather_batch_size_bucket{') || !key.includes('gatherer="deliveries"')) continue
    const bound = /le="([^"]*)"/.exec(key)?.[1] ?? ''
    buckets.push({ upTo: bound === '+Inf' ? null : Number(bound), below: grown(before, after, key) })
  }
  buckets.sort((a, b) => (a.upTo ?? Infinity) - (b.upTo ?? Infinity))
  return buckets.map(({ upTo, below }, index) => ({ upTo, count: below - (buckets[index - 1]?.below ?? 0) }))
}

async function readAll(urls: readonly string[]): Promise<Counts | null> {
  const all: Counts = new Map()
  try {
    for (const url of urls) {
      const answer = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(5_000) })
      if (!answer.ok) return null
      for (const [key, value] of parseMetrics(await answer.text())) all.set(key, (all.get(key) ?? 0) + value)
    }
  } catch {
    return null
  }
  return all
}

/** Lines `name{label="…",…} value` of the Prometheus text format; comments fall away. */
export function parseMetrics(text: string): Counts {
  const counts: Counts = new Map()
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    const end = line.lastIndexOf(' ')
    const series = line.slice(0, end)
    const sorted = series
      .match(/\w+="(?:[^"\\]|\\.)*"/g)
      ?.sort()
      .join(',')
    const [name = ''] = series.split('{', 1)
    counts.set(sorted ? `${name}{${sorted}}` : name, Number(line.slice(end + 1)))
  }
  return counts
}
