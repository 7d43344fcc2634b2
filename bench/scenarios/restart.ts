import { sleep } from 'k6'
import http from 'k6/http'
import { readSomething } from '../k6/reading.ts'
import { env, optionsOf } from '../k6/workload.ts'
import { latencyOf, ms } from '../latency.ts'
import type { Scenario } from '../scenario.ts'

export const options = optionsOf({
  'http_req_duration{kind:read}': ['p(95)<50'],
  http_req_failed: ['rate==0'],
})

const [url = '']: string[] = JSON.parse(env('URLS') || '[]')
http.setResponseCallback(http.expectedStatuses(200, 304))

/** Reads over a kept connection. */
export function visit(): void {
  readSomething(url)
}

const once = { tags: { kind: 'read' }, headers: { Connection: 'close' } }

/** Comes, reads one page, and goes: a new connection each time. */
export function comeAndGo(): void {
  http.get(`${url}/events`, once)
  sleep(0.001)
}

export const scenario: Scenario = {
  about:
    'Two processes behind one port are restarted one after the other under load, several times; no request may be lost',
  profiles: ['smoke', 'standard', 'full'],
  writes: false,
  runsOnTarget: false,
  events: 1_000,
  processes: { count: 2, ports: 'shared' },

  async run({ size, k6, measure, servers }) {
    const seconds = size({ smoke: 5, standard: 15, full: 90 })
    const rate = size({ smoke: 100, standard: 500, full: 1_000 })
    let restarts = 0
    const running = k6({
      name: 'rolling restarts under load',
      loads: {
        visit: { ratePerS: rate, seconds, vus: 200 },
        comeAndGo: { ratePerS: rate / 2, seconds, vus: 200 },
      },
    })
    // What breaks while nobody waits for it is told where it is waited for.
    running.catch(() => {})
    // k6 needs a moment until the load is there, and the last restart is to end before the load does.
    const lastAt = performance.now() + (seconds - 6) * 1_000
    await Bun.sleep(1_500)
    const restarting = (async () => {
      do {
        await servers?.restart()
        restarts++
        await Bun.sleep(1_000)
      } while (performance.now() < lastAt)
    })()
    const phase = await running
    await restarting
    const read = latencyOf(phase, 'read')
    measure({
      name: 'rolling restart: requests lost',
      value: phase.failed,
      unit: '',
      goal: { is: '<=', value: 0 },
      detail:
        `of ${phase.requests.toLocaleString('en')} in ${restarts} restarts of both processes, a third of them on new connections; ` +
        `p99 ${ms(read.p99)}, max ${ms(read.max)} ms`,
    })
  },
}
