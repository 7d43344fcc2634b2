import { sleep } from 'k6'
import { scenario as execution } from 'k6/execution'
import http from 'k6/http'
import { read } from '../k6/reading.ts'
import { env, optionsOf, thinkTime } from '../k6/workload.ts'
import { latencyOf, ms } from '../latency.ts'
import { openAllPages } from '../runner/shop.ts'
import type { Scenario } from '../scenario.ts'

export const options = optionsOf({
  'http_req_duration{kind:read}': ['p(99)<200'],
  'http_req_duration{kind:herd}': ['p(99)<200'],
  http_req_failed: ['rate==0'],
})

const urls: string[] = JSON.parse(env('URLS') || '[]')
const paths: string[] = JSON.parse(env('PATHS') || '[]')
http.setResponseCallback(http.expectedStatuses(200, 304))

/** The crowd that is there anyway. */
export function visit(): void {
  const path = paths[Math.floor(Math.random() * paths.length)] ?? ''
  read(urls[Math.random() < 0.5 ? 0 : 1] ?? '', path)
  sleep(thinkTime('visit'))
}

const params = { tags: { kind: 'herd' } }

/** The same few pages, again and again, so that each is asked for by many at the moment the caches are dropped. */
export function herd(): void {
  const n = execution.iterationInTest
  http.get((urls[n % 2] ?? '') + paths[Math.floor(n / 2) % paths.length], params)
}

/** The functions that make a page. */
const loaders = ['list_events', 'search_events', 'get_event', 'list_event_tickets']

export const scenario: Scenario = {
  about:
    'All caches of two processes and Redis are dropped at once under full load; each page may be loaded once by each process',
  profiles: ['smoke', 'standard', 'full'],
  writes: false,
  runsOnTarget: false,
  events: 1_000,
  processes: { count: 2, ports: 'apart' },

  async run(bench) {
    const { size, k6, measure, shop } = bench
    const herdPaths = [
      '/events',
      ...shop.categories.slice(0, 5).map((category) => `/events?category=${encodeURIComponent(category)}`),
      ...shop.eventIds.slice(0, 22).flatMap((id) => [`/events/${id}`, `/events/${id}/tickets`]),
    ]
    const rampS = size({ smoke: 1, standard: 4, full: 10 })
    const holdS = size({ smoke: 4, standard: 8, full: 30 })
    for (const url of bench.urls) await openAllPages(url, shop)
    const counting = await bench.count()
    const running = k6({
      name: 'all caches dropped in the middle',
      loads: {
        visit: {
          users: size({ smoke: 50, standard: 5_000, full: 10_000 }),
          rampS,
          holdS,
          thinkS: size<[number, number]>({ smoke: [0.5, 1.5], standard: [5, 15], full: [5, 15] }),
        },
        herd: {
          ratePerS: size({ smoke: 500, standard: 3_000, full: 5_000 }),
          seconds: rampS + holdS,
          vus: size({ smoke: 50, standard: 200, full: 400 }),
        },
      },
      env: { PATHS: JSON.stringify(herdPaths) },
    })
    let isOver = false
    // What breaks while nobody waits for it is told where it is waited for.
    running
      .catch(() => {})
      .finally(() => {
        isOver = true
      })
    // k6 needs a while for its users. When the load has come, every page is in every cache.
    while (!isOver && ((await counting.soFar())?.cache.hits1 ?? 0) < herdPaths.length * 10)
      await Bun.sleep(100)
    await Bun.sleep(rampS * 1_000)
    const afterDrop = await bench.count()
    await bench.dropCaches()
    await Bun.sleep(holdS * 500)
    const counted = await afterDrop.stop()
    await counting.stop()
    const phase = await running
    if (counted === null) throw new Error('The processes did not tell their metrics')

    const keys = herdPaths.length * bench.urls.length
    const { calls } = counted.counts
    const loads = loaders.reduce((sum, name) => sum + (calls[name] ?? 0), 0)
    if (loads === 0) throw new Error('Nothing was loaded after the caches were dropped')
    measure({
      name: 'stampede: SQL calls for each page and process',
      value: loads / keys,
      unit: '',
      goal: { is: '<=', value: 1 },
      detail: `${loads} calls for ${herdPaths.length} pages in ${bench.urls.length} processes; what one process has loaded another may take from Redis`,
    })
    const all = latencyOf(phase, 'herd')
    const worst = phase.series.find(({ group, name }) => group === 'latency' && name === 'herd p99')
    measure({
      name: 'stampede: p99 of the worst second',
      value: Math.max(...(worst?.values ?? []).map((value) => value ?? 0)),
      unit: 'ms',
      goal: null,
      detail: `over all: p50 ${ms(all.p50)}, p99 ${ms(all.p99)}, max ${ms(all.max)} ms`,
    })
  },
}
