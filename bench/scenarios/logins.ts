import { sleep } from 'k6'
import { scenario as running } from 'k6/execution'
import http from 'k6/http'
import { Trend } from 'k6/metrics'
import { putOnDirectSale } from '../direct_sale.ts'
import { envOf, sale } from '../k6/buying.ts'
import { readSomething } from '../k6/reading.ts'
import { env, optionsOf } from '../k6/workload.ts'
import { latencyOf, ms } from '../latency.ts'
import { openAllPages } from '../runner/shop.ts'
import type { K6Load, Scenario } from '../scenario.ts'

export const options = optionsOf({
  'http_req_duration{kind:read}': ['p(99)<100'],
  'http_req_duration{kind:calm_read}': ['p(99)<50'],
  login_ms: ['p(99)<5000'],
  http_req_failed: ['rate==0'],
})

const [url = '']: string[] = JSON.parse(env('URLS') || '[]')
const password = 'a sentence about otters'
const loggedIn = new Trend('login_ms', true)
// A login that finds too many waiting is told so at once; that is no failure here, and no login.
http.setResponseCallback(http.expectedStatuses(200, 304, 503))

/** A visitor; timed apart before the storm and during it. */
export function visit(): void {
  const seconds = (Date.now() - running.startTime) / 1_000
  readSomething(url, seconds < Number(env('STORM_AT')) ? 'calm_read' : 'read')
}

/** Somebody who logs in, again and again. */
export function login(): void {
  const email = `user${1 + (running.iterationInTest % sale.userCount)}@example.com`
  const { status, timings } = http.post(`${url}/auth/login`, JSON.stringify({ email, password }), {
    headers: { 'Content-Type': 'application/json' },
    tags: { kind: 'login' },
  })
  if (status === 200) loggedIn.add(timings.duration)
  else sleep(0.1)
}

export const scenario: Scenario = {
  about:
    'Visitors read at a fixed rate; then as many log in as are let, and the visitors should hardly notice',
  profiles: ['smoke', 'full'],
  writes: true,
  runsOnTarget: false,
  events: 1_000,
  processes: { count: 1, ports: 'shared' },

  async run(bench) {
    const { size, measure, k6 } = bench
    const { createPasswords } = await import('../../src/accounts/passwords.ts')
    const onSale = await putOnDirectSale(bench, {
      userCount: 100,
      passwordHash: await createPasswords().hash(password),
    })
    await openAllPages(bench.urls[0], bench.shop)
    const calmS = size({ smoke: 1, standard: 4, full: 30 })
    const stormS = size({ smoke: 1, standard: 4, full: 30 })
    const visit: K6Load = {
      ratePerS: size({ smoke: 100, standard: 1_000, full: 1_000 }),
      seconds: calmS + stormS,
      vus: 100,
    }
    const phase = await k6({
      name: 'visitors, then visitors and logins',
      loads: {
        visit,
        login: {
          ratePerS: size({ smoke: 10, standard: 100, full: 100 }),
          seconds: stormS,
          afterS: calmS,
          vus: 50,
        },
      },
      env: { ...envOf(onSale), STORM_AT: String(calmS) },
    })
    const [calm, read] = [latencyOf(phase, 'calm_read'), latencyOf(phase, 'read')]
    const logins = latencyOf(phase, 'login')
    measure({
      name: 'logins a second',
      value: logins.count / stormS,
      unit: '1/s',
      goal: null,
      detail: `argon2id; p50 ${ms(logins.p50)}, p99 ${ms(logins.p99)} ms`,
    })
    measure({
      name: 'read p99 during a storm of logins against before',
      value: read.p99 / calm.p99,
      unit: '×',
      goal: null,
      detail: `${ms(read.p99)} against ${ms(calm.p99)} ms; p95 ${ms(read.p95)} against ${ms(calm.p95)} ms`,
    })
  },
}
