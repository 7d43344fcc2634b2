import http from 'k6/http'
import { env, optionsOf } from '../k6/workload.ts'
import { latencyOf, ms } from '../latency.ts'
import type { Scenario } from '../scenario.ts'

export const options = optionsOf({
  'http_req_duration{kind:availability}': ['p(95)<20', 'p(99)<50'],
  http_req_failed: ['rate==0'],
})

const [url = '']: string[] = JSON.parse(env('URLS') || '[]')
const path = `${url}/events/${env('EVENT')}/availability`
const params = { tags: { kind: 'availability' } }

/** A buyer asks what is left, right before checkout. */
export function ask(): void {
  http.get(path, params)
}

export const scenario: Scenario = {
  about: 'Buyers ask what is left of one hot event right before checkout: never cached, gathered into calls',
  profiles: ['smoke', 'standard', 'full'],
  writes: false,
  runsOnTarget: true,
  events: 1_000,
  processes: { count: 1, ports: 'shared' },

  async run({ size, k6, measure, shop }) {
    for (const ratePerS of size({ smoke: [200], standard: [1_000, 5_000], full: [1_000, 5_000, 10_000] })) {
      const seconds = size({ smoke: 2, standard: 4, full: 30 })
      const phase = await k6({
        name: `${ratePerS.toLocaleString('en')} questions a second`,
        loads: { ask: { ratePerS, seconds, vus: size({ smoke: 20, standard: 200, full: 400 }) } },
        env: { EVENT: String(shop.eventIds[0]) },
      })
      const latency = latencyOf(phase, 'availability')
      const calls = phase.service?.calls.get_availability
      measure({
        name: `availability at ${ratePerS.toLocaleString('en')} a second, p99`,
        value: latency.p99,
        unit: 'ms',
        goal: null,
        detail:
          `p50 ${ms(latency.p50)}, p95 ${ms(latency.p95)} ms; ` +
          `${calls === undefined ? 'an unknown number of' : calls.toLocaleString('en')} SQL calls for ${phase.requests.toLocaleString('en')} answers`,
      })
    }
  },
}
