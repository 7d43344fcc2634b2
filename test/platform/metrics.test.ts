import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  createMetrics,
  createSupervisorMetrics,
  keepCounts,
  type MetricsReport,
  mergeReports,
  reportMetrics,
} from '../../src/platform/metrics.ts'

/** As it arrives from another process. */
async function reportOf({ registry }: Pick<ReturnType<typeof createMetrics>, 'registry'>) {
  return JSON.parse(JSON.stringify(await reportMetrics(registry))) as MetricsReport
}

const merged = async (...reports: MetricsReport[]) => await mergeReports(reports).metrics()

function twoProcesses() {
  const [one, other] = [createMetrics(), createMetrics()]
  for (const [metrics, seconds] of [
    [one, 0.001],
    [other, 0.2],
  ] as const) {
    metrics.requests.endpoint('/events').count('GET', 200, seconds)
    metrics.processingTime.observe(seconds)
    metrics.cacheHits.labels('1').inc(3)
    metrics.deliveries.inc({ topic: 'orders/create', outcome: 'applied' })
  }
  other.requests.endpoint('/events').count('GET', 304, 0.2)
  return { one, other }
}

test('counters and histograms of several processes are summed, label by label', async () => {
  const { one, other } = twoProcesses()
  const text = await merged(await reportOf(one), await reportOf(other))
  expect(text).toContain('api_requests_total{endpoint="/events",method="GET",status="200"} 2\n')
  expect(text).toContain('api_requests_total{endpoint="/events",method="GET",status="304"} 1\n')
  expect(text).toContain('api_response_time_seconds_bucket{le="0.001",endpoint="/events"} 1\n')
  expect(text).toContain('api_response_time_seconds_bucket{le="+Inf",endpoint="/events"} 3\n')
  expect(text).toContain('api_response_time_seconds_count{endpoint="/events"} 3\n')
  expect(text).toContain('webhook_processing_seconds_bucket{le="0.001"} 1\n')
  expect(text).toContain('webhook_processing_seconds_sum 0.201\n')
  expect(text).toContain('cache_hits_total{level="1"} 6\n')
  expect(text).toContain('webhook_deliveries_total{topic="orders/create",outcome="applied"} 2\n')
})

test('gauges say what is true of all: what adds up is summed, else the worst speaks', async () => {
  const { one, other } = twoProcesses()
  one.gatherQueueDepth.set({ gatherer: 'deliveries' }, 3)
  other.gatherQueueDepth.set({ gatherer: 'deliveries' }, 4)
  one.notifyConnected.set(1)
  one.notifyLag.set(0.5)
  other.notifyLag.set(0.1)
  one.deadLetters.set(2)
  other.deadLetters.set(2)
  one.verifyDrift.set(1)
  other.verifyDrift.set(1)
  one.eventAge.set({ topic: 'orders/create' }, 9)
  other.eventAge.set({ topic: 'orders/create' }, 4)
  const supervisor = createSupervisorMetrics()
  supervisor.wanted.set(2)
  const text = await merged(await reportOf(supervisor), await reportOf(one), await reportOf(other))
  expect(text).toContain('gather_queue_depth{gatherer="deliveries"} 7\n')
  expect(text).toContain('notify_connected 0\n')
  expect(text).toContain('notify_lag_seconds 0.5\n')
  expect(text).toContain('dead_letters 2\n')
  expect(text).toContain('verify_drift_rows 1\n')
  expect(text).toContain('webhook_event_age_seconds{topic="orders/create"} 9\n')
  expect(text).toContain('processes_wanted 2\n')
  const memory = Number(/^process_resident_memory_bytes (\d+)$/m.exec(text)?.[1])
  expect(memory).toBeGreaterThan(2 * process.memoryUsage.rss())
  expect(text.match(/^process_start_time_seconds \d+$/gm)).toHaveLength(1)
})

test('every gauge of ours says what becomes of it, or is one of those that add up', () => {
  const source = readFileSync(join(import.meta.dir, '../../src/platform/metrics.ts'), 'utf8')
  const service = source.slice(
    source.indexOf('export function createMetrics'),
    source.indexOf('createSupervisorMetrics'),
  )
  const summed = [...service.matchAll(/new Gauge\(\{(?<options>[^}]*)\}/g)]
    .map((match) => match.groups?.options ?? '')
    .filter((options) => !options.includes('aggregator:'))
    .map((options) => /name: '(\w+)'/.exec(options)?.[1])
  expect(summed).toEqual(['gather_queue_depth'])
})

test('of a process that is gone its counts stay, and nothing that was true of it', async () => {
  const { one, other } = twoProcesses()
  one.gatherQueueDepth.set({ gatherer: 'deliveries' }, 3)
  let kept = await keepCounts([await reportOf(one)])
  expect(kept.map(({ type }) => type)).not.toContain('gauge')
  kept = await keepCounts([kept, await reportOf(one)])
  const text = await merged(kept, await reportOf(other))
  expect(text).toContain('api_requests_total{endpoint="/events",method="GET",status="200"} 3\n')
  expect(text).toContain('api_response_time_seconds_count{endpoint="/events"} 4\n')
  expect(text).not.toContain('gather_queue_depth{')
})

test('nothing but numbers arrives', async () => {
  const metrics = createMetrics()
  metrics.notifyLag.set(Number.NaN)
  const report = await reportOf(metrics)
  expect(report.find(({ name }) => name === 'notify_lag_seconds')?.values).toEqual([])
  for (const { values } of report) {
    for (const { value } of values) expect(value).toBeNumber()
  }
})
