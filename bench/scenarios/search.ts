import { scenario as running } from 'k6/execution'
import http from 'k6/http'
import { queryOf } from '../k6/searching.ts'
import { env, optionsOf } from '../k6/workload.ts'
import { latencyOf, ms } from '../latency.ts'
import type { K6Load, Scenario } from '../scenario.ts'

export const options = optionsOf({
  'http_req_duration{kind:search}': ['p(95)<10'],
  'http_req_duration{kind:list}': ['p(95)<10'],
  http_req_failed: ['rate==0'],
})

const [url = '']: string[] = JSON.parse(env('URLS') || '[]')
const first = Number(env('FIRST') || 0)

/** A search or a list that nobody has asked for before; of some the next page, too. */
export function ask(): void {
  const { query, kind, isFollowed } = queryOf(first + running.iterationInTest)
  const tags = { kind }
  const { body } = http.get(`${url}/events?${query}`, { tags, responseType: isFollowed ? 'text' : 'none' })
  if (!isFollowed) return
  const cursor = JSON.parse(String(body)).next_cursor
  if (cursor !== null) http.get(`${url}/events?${query}&cursor=${cursor}`, { tags })
}

export const scenario: Scenario = {
  about:
    'Searches and lists, each asked for the first time, on a thousand and a million events; in the full profile on a hundred thousand, too',
  profiles: ['smoke', 'standard', 'full'],
  writes: false,
  runsOnTarget: true,
  events: { smoke: [1_000], standard: [1_000, 1_000_000], full: [1_000, 100_000, 1_000_000] },
  processes: { count: 1, ports: 'shared' },

  async run({ events, size, k6, measure }) {
    const ratePerS = size({ smoke: 50, standard: 50, full: 50 })
    const askFor = async (name: string, load: K6Load) => {
      // Never the same query twice, also when a server that was running already is asked again: each is of its own instant.
      const phase = await k6({ name, loads: { ask: load }, env: { FIRST: String(Date.now()) } })
      const { service } = phase
      if (service !== null && service.cache.misses < phase.requests) {
        throw new Error(`Only ${service.cache.misses} of ${phase.requests} queries were not cached`)
      }
      return phase
    }
    const vus = 50
    const first = await askFor(`${nameOf(events)}, the first of all`, {
      ratePerS,
      seconds: size({ smoke: 1, standard: 6, full: 30 }),
      vus,
    })
    const phase = await askFor(nameOf(events), {
      ratePerS,
      seconds: size({ smoke: 2, standard: 10, full: 60 }),
      vus,
    })
    const unpaused = await askFor(`${nameOf(events)}, one right after the other`, {
      users: 1,
      seconds: size({ smoke: 1, standard: 4, full: 15 }),
    })
    for (const kind of ['search', 'list']) {
      const { p50, p95, p99 } = latencyOf(phase, kind)
      const [begun, hurried] = [latencyOf(first, kind), latencyOf(unpaused, kind)]
      measure({
        name: `uncached ${kind}, ${nameOf(events)}, p95`,
        value: p95,
        unit: 'ms',
        goal: events >= 1_000_000 ? { is: '<=', value: 10 } : null,
        detail:
          `p50 ${ms(p50)}, p99 ${ms(p99)} ms at ${ratePerS} a second; the first of all, whose pages PostgreSQL has to fetch, p95 ${ms(begun.p95)}; ` +
          `without a pause between them, so that no processor sleeps, p50 ${ms(hurried.p50)}, p95 ${ms(hurried.p95)} ms`,
      })
    }
  },

  conclude({ measure }, phases) {
    const small = phases.find(({ name }) => name === nameOf(1_000))
    const large = phases.find(({ name }) => name === nameOf(1_000_000))
    if (small === undefined || large === undefined) return
    for (const kind of ['search', 'list']) {
      const [few, many] = [latencyOf(small, kind), latencyOf(large, kind)]
      measure({
        name: `uncached ${kind}, a million events against a thousand, mean`,
        value: many.mean / few.mean,
        unit: '×',
        goal: { is: '<=', value: 2 },
        detail: `${ms(many.mean)} against ${ms(few.mean)} ms; medians ${ms(many.p50)} and ${ms(few.p50)}, p95 ${ms(many.p95)} and ${ms(few.p95)}`,
      })
    }
  },
}

function nameOf(events: number): string {
  return `${events.toLocaleString('en')} events`
}
