import { sleep } from 'k6'
import { scenario as running } from 'k6/execution'
import http from 'k6/http'
import { readSomething } from '../k6/reading.ts'
import { env, optionsOf, thinkTime } from '../k6/workload.ts'
import { latencyOf, ms } from '../latency.ts'
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
  readSomething(urls[Math.random() < 0.5 ? 0 : 1] ?? '')
  sleep(thinkTime('visit'))
}

const params = { tags: { kind: 'herd' } }

/** The same few pages, again and again, so that each is asked for by many at the moment the caches are dropped. */
export function herd(): void {
  const n = running.iterationInTest
  http.get((urls[n % 2] ?? '') + paths[Math.floor(n / 2) % paths.length], params)
}

export const scenario: Scenario = {
  about:
    'All caches of two processes and Redis are dropped at once under full load; each page may be loaded once by each process',
  profiles: ['smoke', 'standard', 'full'],
  writes: true,
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
    const seconds = size({ smoke: 4, standard: 12, full: 30 })
    const run = k6({
      name: 'all caches dropped',
      loads: {
        visit: {
          users: size({ smoke: 50, standard: 5_000, full: 10_000 }),
          rampS: seconds / 4,
          holdS: seconds * 0.75,
          thinkS: size<[number, number]>({ smoke: [0.5, 1.5], standard: [5, 15], full: [5, 15] }),
        },
        herd: { ratePerS: size({ smoke: 200, standard: 3_000, full: 5_000 }), seconds, vus: 200 },
      },
      env: { PATHS: JSON.stringify(herdPaths) },
    })
    const phase = await run
    const read = latencyOf(phase, 'herd')
    measure({
      name: 'stampede: worst second, p99',
      value: read.p99,
      unit: 'ms',
      goal: null,
      detail: `max ${ms(read.max)} ms`,
    })
  },
}
