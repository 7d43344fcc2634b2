import { sleep } from 'k6'
import { scenario as running } from 'k6/execution'
import http from 'k6/http'
import { Trend } from 'k6/metrics'
import { read, readSomething } from '../k6/reading.ts'
import { send } from '../k6/sending.ts'
import { env, optionsOf, thinkTime } from '../k6/workload.ts'
import { latencyOf, ms } from '../latency.ts'
import { expectSold, putOnSale } from '../on_sale.ts'
import { levelBody, orderDelivery } from '../orders.ts'
import type { K6Load, Scenario } from '../scenario.ts'

export const options = optionsOf({
  'http_req_duration{kind:read}': ['p(95)<20', 'p(99)<50'],
  'http_req_duration{kind:calm_read}': ['p(95)<20', 'p(99)<50'],
  'http_req_duration{kind:webhook}': ['p(99)<50'],
  freshness_ms: ['p(99)<100'],
  http_req_failed: ['rate==0'],
})

// Webhooks go to one process, visitors read from another.
const [webhookUrl = '', readUrl = webhookUrl]: string[] = JSON.parse(env('URLS') || '[]')
const hot = JSON.parse(env('HOT') || 'null')
const freshness = new Trend('freshness_ms', true)
const sentToVisible = new Trend('sent_to_visible_ms', true)
http.setResponseCallback(http.expectedStatuses(200, 304))

/** A visitor: every second page is one of the event on sale. Timed apart while all arrive, before the sale, and during it. */
export function visit(): void {
  const seconds = (Date.now() - running.startTime) / 1_000
  const kind =
    seconds < Number(env('CALM_AT')) ? 'arriving' : seconds < Number(env('SALE_AT')) ? 'calm_read' : 'read'
  const draw = Math.random()
  if (draw < 0.25) read(readUrl, `/events/${hot.id}`, kind)
  else if (draw < 0.5) read(readUrl, `/events/${hot.id}/tickets`, kind)
  else readSomething(readUrl, kind)
  sleep(thinkTime('visit'))
}

/** Shopify tells of one order. */
export function sell(): void {
  send(webhookUrl, orderDelivery(hot.event, running.iterationInTest))
}

const pollMs = 2
const pollsMax = 1_000
const polled = { tags: { kind: 'poll' }, responseType: 'text' as const }

/** Changes one count of the event on sale and looks at the other process until it, or a later change, shows. */
export function watch(): void {
  const left = 1_000 + running.iterationInTest
  const sentAt = Date.now()
  const body = levelBody(hot.event, left, sentAt)
  send(webhookUrl, {
    topic: 'inventory_levels/update',
    webhookId: `${hot.event.productId}-watch-${left}`,
    body,
  })
  const answeredAt = Date.now()
  for (let poll = 0; poll < pollsMax; poll++) {
    if (watchedIn(http.get(`${readUrl}/events/${hot.id}/tickets`, polled).body) >= left) break
    sleep(pollMs / 1_000)
  }
  freshness.add(Date.now() - answeredAt)
  sentToVisible.add(Date.now() - sentAt)
}

/** What is left of the watched ticket: each change sets more than the one before. */
function watchedIn(body: string): number {
  const { tickets }: { tickets: { shopify_variant_id: string; available: number }[] } = JSON.parse(body)
  const id = String(hot.event.watched.variantId)
  return tickets.find((ticket) => ticket.shopify_variant_id === id)?.available ?? 0
}

export const scenario: Scenario = {
  about:
    'Visitors crowd on an event while its orders arrive by signed webhooks, 1,000 a second, one in ten a duplicate, shuffled; ' +
    'webhooks go to one process and visitors read from another',
  profiles: ['smoke', 'standard', 'full'],
  writes: true,
  runsOnTarget: true,
  events: 1_000,
  processes: { count: 2, ports: 'apart' },

  async run(bench) {
    const { size, measure, k6 } = bench
    const onSale = await putOnSale(bench, 1, 1)
    const rampS = size({ smoke: 1, standard: 6, full: 20 })
    const calmS = size({ smoke: 1, standard: 6, full: 60 })
    const saleS = size({ smoke: 2, standard: 12, full: 120 })
    const visit: K6Load = {
      users: size({ smoke: 50, standard: 10_000, full: 10_000 }),
      rampS,
      holdS: calmS + saleS,
      thinkS: size<[number, number]>({ smoke: [0.5, 1.5], standard: [5, 15], full: [5, 15] }),
    }
    const sell: K6Load = {
      ratePerS: size({ smoke: 100, standard: 1_000, full: 1_000 }),
      seconds: saleS,
      afterS: rampS + calmS,
      vus: size({ smoke: 20, standard: 100, full: 200 }),
    }
    const watch: K6Load = { ratePerS: 5, seconds: saleS, afterS: rampS + calmS, vus: 10 }

    const phase = await k6({
      name: 'visitors, then visitors and orders',
      loads: { visit, sell, watch },
      env: { HOT: JSON.stringify(onSale), CALM_AT: String(rampS), SALE_AT: String(rampS + calmS) },
    })
    const fresh = latencyOf(phase, 'freshness')
    await expectSold(bench, onSale, latencyOf(phase, 'webhook').count - fresh.count)

    const [alone, read] = [latencyOf(phase, 'calm_read'), latencyOf(phase, 'read')]
    const webhook = latencyOf(phase, 'webhook')
    const whole = latencyOf(phase, 'sent_to_visible')
    measure({
      name: 'read p99 during an on-sale against before',
      value: read.p99 / alone.p99,
      unit: '×',
      goal: { is: '<=', value: 1.5 },
      detail: `${ms(read.p99)} against ${ms(alone.p99)} ms; p95 ${ms(read.p95)} against ${ms(alone.p95)} ms`,
    })
    measure({
      name: 'webhook answer during an on-sale, p99',
      value: webhook.p99,
      unit: 'ms',
      goal: null,
      detail: `p50 ${ms(webhook.p50)}, p95 ${ms(webhook.p95)}, max ${ms(webhook.max)} ms of ${webhook.count.toLocaleString('en')}`,
    })
    measure({
      name: 'commit to visible in another process, p99',
      value: whole.p99,
      unit: 'ms',
      goal: { is: '<=', value: 100 },
      detail:
        `counted from sending the webhook, which is before its commit: p50 ${ms(whole.p50)}, max ${ms(whole.max)} ms; ` +
        `from its 200: p50 ${ms(fresh.p50)}, p99 ${ms(fresh.p99)} ms`,
    })
  },
}
