import { sleep } from 'k6'
import http from 'k6/http'
import { readSomething } from '../k6/reading.ts'
import { env, optionsOf, thinkTime } from '../k6/workload.ts'
import { latencyOf, ms } from '../latency.ts'
import { openAllPages } from '../runner/shop.ts'
import type { Scenario } from '../scenario.ts'

export const options = optionsOf({
  // 2,000 new users a second take k6 1.6 of 2 cores: a bare Bun.serve of the same bytes had p95 45 and p99 119 ms, Onsale 82
  // and 147 in the same minute.
  'http_req_duration{kind:read}': ['p(95)<150', 'p(99)<300'],
  http_req_failed: ['rate==0'],
})

const [url = '']: string[] = JSON.parse(env('URLS') || '[]')
http.setResponseCallback(http.expectedStatuses(200, 304))

/** A visitor comes the moment the sale is announced. */
export function visit(): void {
  readSomething(url)
  sleep(thinkTime('visit'))
}

export const scenario: Scenario = {
  about:
    '10,000 users arrive within 5 seconds at a shop that has been open, each on a connection of his own, and stay',
  profiles: ['smoke', 'standard', 'full'],
  writes: false,
  runsOnTarget: true,
  events: 1_000,
  processes: { count: 1, ports: 'shared' },

  async run({ size, k6, measure, shop, urls }) {
    await openAllPages(urls[0], shop)
    const users = size({ smoke: 100, standard: 10_000, full: 10_000 })
    const phase = await k6({
      name: `0 to ${users.toLocaleString('en')} users`,
      loads: {
        visit: {
          users,
          rampS: size({ smoke: 1, standard: 5, full: 5 }),
          holdS: size({ smoke: 2, standard: 6, full: 60 }),
          thinkS: size<[number, number]>({ smoke: [0.5, 1.5], standard: [5, 15], full: [5, 15] }),
        },
      },
    })
    const read = latencyOf(phase, 'read')
    measure({
      name: 'spike: errors',
      value: phase.failed,
      unit: '',
      goal: { is: '<=', value: 0 },
      detail: `of ${phase.requests.toLocaleString('en')} requests on new connections; p50 ${ms(read.p50)}, p99 ${ms(read.p99)}, max ${ms(read.max)} ms`,
    })
  },
}
