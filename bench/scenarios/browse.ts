import { sleep } from 'k6'
import http from 'k6/http'
import { readSomething } from '../k6/reading.ts'
import { env, optionsOf, thinkTime } from '../k6/workload.ts'
import { latencyOf, ms } from '../latency.ts'
import { openAllPages } from '../runner/shop.ts'
import type { K6Load, Scenario } from '../scenario.ts'

export const options = optionsOf({
  'http_req_duration{kind:read}': ['p(95)<5', 'p(99)<20'],
  http_req_failed: ['rate==0'],
})

const [url = '']: string[] = JSON.parse(env('URLS') || '[]')
http.setResponseCallback(http.expectedStatuses(200, 304))

/** A visitor looks at a page and thinks. */
export function visit(): void {
  readSomething(url)
  const think = thinkTime('visit')
  if (think > 0) sleep(think)
}

export const scenario: Scenario = {
  about:
    '10,000 connected users read lists, categories, searches, events and tickets, half of what they have seen conditionally; ' +
    'then the same mix at fixed rates',
  profiles: ['smoke', 'standard', 'full'],
  writes: false,
  runsOnTarget: true,
  events: 1_000,
  processes: { count: 1, ports: 'shared' },

  async run(bench) {
    const { size, measure, limits, k6, urls } = bench
    const crowdOf: K6Load = {
      users: size({ smoke: 100, standard: 10_000, full: 10_000 }),
      rampS: size({ smoke: 1, standard: 10, full: 30 }),
      holdS: size({ smoke: 1, standard: 12, full: 120 }),
      thinkS: size<[number, number]>({ smoke: [0.5, 1.5], standard: [5, 15], full: [5, 15] }),
    }
    const loads = { visit: crowdOf }
    const count = crowdOf.users.toLocaleString('en')

    const bare = await limits.startMirror(urls[0])
    await openAllPages(bare.url, bench.shop)
    const limit = await k6({
      name: `${count} users, bare`,
      isLimit: true,
      loads,
      env: { URLS: JSON.stringify([bare.url]) },
    })
    bare.stop()
    const crowd = await k6({ name: `${count} users`, loads })
    const bytes = bench.residentBytes()
    const read = latencyOf(crowd, 'read')
    const bareRead = latencyOf(limit, 'read')
    measure({
      name: `${count} users, p95`,
      value: read.p95,
      unit: 'ms',
      goal: { is: '<=', value: 5 },
      detail: `p50 ${ms(read.p50)}, p99 ${ms(read.p99)}, max ${ms(read.max)} ms over the ramp and the hold`,
    })
    measure({
      name: `${count} users, p95 against a bare Bun.serve of the same bytes`,
      value: read.p95 / bareRead.p95,
      unit: '×',
      goal: { is: '<=', value: 1.5 },
      detail: `bare: p50 ${ms(bareRead.p50)}, p95 ${ms(bareRead.p95)}, p99 ${ms(bareRead.p99)} ms`,
    })
    measure({
      name: `${count} users, p99`,
      value: read.p99,
      unit: 'ms',
      goal: { is: '<=', value: 20 },
      detail: `${crowd.requests.toLocaleString('en')} requests`,
    })
    measure({
      name: `${count} users, errors`,
      value: crowd.failed,
      unit: '',
      goal: { is: '<=', value: 0 },
      detail: 'answers other than 200 and 304, and connections that failed',
    })
    if (bytes !== null) {
      measure({
        name: `memory with ${count} connections`,
        value: bytes / 2 ** 20,
        unit: 'MiB',
        goal: { is: '<=', value: 250 },
        detail: 'resident, right after they browsed',
      })
    }

    const open = (ratePerS: number): Record<string, K6Load> => ({
      visit: {
        ratePerS,
        seconds: size({ smoke: 1, standard: 6, full: 60 }),
        vus: size({ smoke: 20, standard: 200, full: 500 }),
      },
    })
    // The last rate of a bare server, too: at 5,000 a second k6 takes most of two cores, and what it waits for itself counts.
    const limitRatePerS = size({ smoke: 200, standard: 5_000, full: 10_000 })
    const peer = await limits.startMirror(urls[0])
    await openAllPages(peer.url, bench.shop)
    const bareOpen = await k6({
      name: `${limitRatePerS.toLocaleString('en')} requests a second, bare`,
      isLimit: true,
      loads: open(limitRatePerS),
      env: { URLS: JSON.stringify([peer.url]) },
    })
    peer.stop()

    for (const ratePerS of size({
      smoke: [200],
      standard: [1_000, 2_000, 5_000],
      full: [1_000, 2_000, 5_000, 10_000],
    })) {
      const phase = await k6({
        name: `${ratePerS.toLocaleString('en')} requests a second`,
        loads: open(ratePerS),
      })
      const latency = latencyOf(phase, 'read')
      measure({
        name: `${ratePerS.toLocaleString('en')} requests a second of the mix, p99`,
        value: latency.p99,
        unit: 'ms',
        goal: ratePerS <= 5_000 ? { is: '<=', value: 20 } : null,
        detail: `p50 ${ms(latency.p50)}, p95 ${ms(latency.p95)} ms; ${phase.dropped} not sent`,
      })
      if (ratePerS !== limitRatePerS) continue
      const bareLatency = latencyOf(bareOpen, 'read')
      measure({
        name: `${ratePerS.toLocaleString('en')} requests a second of the mix, p99 against a bare Bun.serve of the same bytes`,
        value: latency.p99 / bareLatency.p99,
        unit: '×',
        goal: null,
        detail: `bare: p50 ${ms(bareLatency.p50)}, p95 ${ms(bareLatency.p95)}, p99 ${ms(bareLatency.p99)} ms; ${bareOpen.dropped} not sent`,
      })
    }
  },
}
