import { sleep } from 'k6'
import { scenario as running } from 'k6/execution'
import http from 'k6/http'
import { expectUnitsSold, putOnDirectSale } from '../direct_sale.ts'
import { envOf, headersOf, sale, userOf } from '../k6/buying.ts'
import { read, readSomething } from '../k6/reading.ts'
import { env, optionsOf, thinkTime } from '../k6/workload.ts'
import { latencyOf, ms } from '../latency.ts'
import type { Scenario } from '../scenario.ts'

export const options = optionsOf({
  'http_req_duration{kind:read}': ['p(95)<20', 'p(99)<100'],
  'http_req_duration{kind:booking}': ['p(95)<50', 'p(99)<200'],
  http_req_failed: ['rate==0'],
})

const [url = '']: string[] = JSON.parse(env('URLS') || '[]')
http.setResponseCallback(http.expectedStatuses(200, 201, 304))

/** A visitor: every second page is one of the event on sale. */
export function visit(): void {
  const draw = Math.random()
  if (draw < 0.25) read(url, `/events/${sale.eventId}`)
  else if (draw < 0.5) read(url, `/events/${sale.eventId}/tickets`)
  else readSomething(url)
  sleep(thinkTime('visit'))
}

/** A buyer looks at what is left and books. */
export function buy(): void {
  http.get(`${url}/events/${sale.eventId}/availability`, { tags: { kind: 'availability' } })
  http.post(
    `${url}/bookings`,
    JSON.stringify({ event_id: sale.eventId, ticket_id: sale.ticketId, quantity: 1 }),
    {
      headers: headersOf(userOf(running.iterationInTest)),
      tags: { kind: 'booking' },
    },
  )
}

export const scenario: Scenario = {
  about:
    '10,000 visitors browse, every second page one of the event on sale, while 500 buyers a second look at what is left of it and book',
  profiles: ['smoke', 'full'],
  writes: true,
  runsOnTarget: false,
  events: 1_000,
  processes: { count: 1, ports: 'shared' },

  async run(bench) {
    const { size, measure, k6 } = bench
    const onSale = await putOnDirectSale(bench, {
      userCount: size({ smoke: 100, standard: 5_000, full: 20_000 }),
    })
    const rampS = size({ smoke: 1, standard: 6, full: 15 })
    const saleS = size({ smoke: 2, standard: 6, full: 60 })
    const ratePerS = size({ smoke: 50, standard: 500, full: 500 })
    const phase = await k6({
      name: 'visitors and buyers',
      loads: {
        visit: {
          users: size({ smoke: 50, standard: 10_000, full: 10_000 }),
          rampS,
          holdS: saleS,
          thinkS: size<[number, number]>({ smoke: [0.5, 1.5], standard: [5, 15], full: [5, 15] }),
        },
        buy: { ratePerS, seconds: saleS, afterS: rampS, vus: size({ smoke: 20, standard: 200, full: 300 }) },
      },
      env: envOf(onSale),
    })
    const [reads, bookings] = [latencyOf(phase, 'read'), latencyOf(phase, 'booking')]
    await expectUnitsSold(bench, onSale, bookings.count)
    measure({
      name: 'mixed: reads while 500 a second book, p99',
      value: reads.p99,
      unit: 'ms',
      goal: null,
      detail: `p50 ${ms(reads.p50)}, p95 ${ms(reads.p95)} ms of ${reads.count.toLocaleString('en')}`,
    })
    measure({
      name: 'mixed: bookings while 10,000 browse, p99',
      value: bookings.p99,
      unit: 'ms',
      goal: null,
      detail: `p50 ${ms(bookings.p50)}, p95 ${ms(bookings.p95)} ms of ${bookings.count.toLocaleString('en')}, ${phase.dropped} not sent`,
    })
    measure({
      name: 'mixed: errors',
      value: phase.failed,
      unit: '',
      goal: { is: '<=', value: 0 },
      detail: 'answers other than 200, 201 and 304, and connections that failed',
    })
  },
}
