// Rough figures of this machine against a running Onsale, in about a minute: what a newcomer can repeat. The generator
// shares the machine with what it measures, so only ratios within one run mean anything elsewhere.
//
//   bun run rough [url]          default http://127.0.0.1:3000; the secret comes from the environment or DATA_DIR/env

import { createHmac, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { readSecret, targetOf } from '../sandbox/target.ts'
import { compareReads } from './limits/reads.ts'
import { hotEventOf, levelBody, productBody } from './orders.ts'
import { distributionOf } from './runner/distribution.ts'
import { startGenerator } from './runner/generator.ts'
import type { WebhookSourceOptions } from './runner/webhook_source.ts'

const url = targetOf(process.argv[2] ?? 'http://127.0.0.1:3000', { allow_remote: false })
const secret = await readSecret(process.env)
const port = Number(new URL(url).port || 80)
const readConnections = 64
const readMs = 1_000
const readRounds = 5
const webhookConnections = 250
const webhookCount = 30_000
const webhookMs = 60_000
const visibleCount = 100

const event = hotEventOf(1, 1)
// Unlisted: it can be opened, and is in no list of the shop.
const product = { ...JSON.parse(productBody(event)), title: 'Rough figures', status: 'unlisted' }
await post('products/create', JSON.stringify(product))
const found = await fetch(`${url}/events/shopify:${event.productId}`)
const eventId = ((await found.json()) as { id: number }).id
for (const status of [200, 304] as const) await readRatio(status)
await webhookRate()
await timeToVisible()
process.exit()

async function readRatio(status: 200 | 304) {
  print(`Cached GET /events answered ${status}, ${readConnections} connections, against a bare Bun.serve`)
  const { servers, ratios } = await compareReads({
    url: `${url}/events`,
    status,
    pids: null,
    rounds: readRounds,
    ms: readMs,
    connections: readConnections,
  })
  const { onsale, same, reading } = servers
  print(`  ${onsale.perSecond} a second; bare, the same bytes: ${same.perSecond}, ratio ${ratios.same.rate}`)
  print(`  bare that reads URL and headers too: ${reading.perSecond}, ratio ${ratios.reading.rate}`)
}

async function webhookRate() {
  print(`Signed webhooks on one hot ticket, ${webhookConnections} connections, 4 kB bodies`)
  const options: WebhookSourceOptions = { event, secret, first: 0, count: webhookCount, expected: [200] }
  const { rateHeld, failed, latencies } = await startGenerator({
    port,
    connections: webhookConnections,
    ms: webhookMs,
    rate: null,
    requests: { module: join(import.meta.dir, 'runner/webhook_source.ts'), options },
  }).result
  const { p50, p99 } = latencies.webhook ?? { p50: Number.NaN, p99: Number.NaN }
  print(`  ${Math.round(rateHeld)} a second, ${failed} failed, p50 ${p50} ms, p99 ${p99} ms`)
}

async function timeToVisible() {
  print('From the answer to a webhook until the change is in the cached tickets of the event')
  const waits: number[] = []
  for (let nth = 0; nth < visibleCount; nth++) {
    const left = 2_000_000 + nth
    await post('inventory_levels/update', levelBody(event, left, Date.now() + nth * 1_000))
    const answeredAt = performance.now()
    while (!(await tickets()).includes(`"available":${left}`)) await Bun.sleep(1)
    waits.push(performance.now() - answeredAt)
  }
  const waited = distributionOf(waits.sort((a, b) => a - b))
  print(`  p50 ${waited?.p50} ms, p99 ${waited?.p99} ms, of ${visibleCount}`)
}

async function tickets(): Promise<string> {
  return (await fetch(`${url}/events/${eventId}/tickets`)).text()
}

async function post(topic: string, body: string) {
  const signature = createHmac('sha256', secret).update(body).digest('base64')
  const answer = await fetch(`${url}/webhooks/${topic}`, {
    method: 'POST',
    body,
    headers: { 'x-shopify-hmac-sha256': signature, 'x-shopify-webhook-id': randomUUID() },
  })
  if (answer.status !== 200) throw new Error(`${topic} was answered ${answer.status}: ${await answer.text()}`)
}

function print(line: string) {
  process.stdout.write(`${line}\n`)
}
