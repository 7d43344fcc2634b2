// Rough figures of this machine against a running Onsale, in about 30 seconds: what a newcomer can repeat. The generator
// shares the machine with what it measures, so only ratios within one run mean anything elsewhere.
//
//   bun run rough [url]          default http://127.0.0.1:3000; the secret comes from the environment or DATA_DIR/env

import { spawn } from 'node:child_process'
import { createHmac, randomUUID } from 'node:crypto'
import { readSecret, targetOf } from '../sandbox/target.ts'

const url = targetOf(process.argv[2] ?? 'http://127.0.0.1:3000', { allow_remote: false })
const secret = await readSecret(process.env)
const readConnections = 64
const webhookConnections = 250
const webhookCount = 30_000
const readMs = 3_000
const rounds = 3
const visibleCount = 100

const ids = {
  product: BigInt(Date.now()) * 1000n,
  variant: BigInt(Date.now()) * 1000n + 1n,
  item: BigInt(Date.now()) * 1000n + 2n,
}

await post('products/create', productBody(1_000_000))
const found = await fetch(`${url}/events/shopify:${ids.product}`)
const eventId = ((await found.json()) as { id: number }).id
print(`Cached GET /events against a bare Bun.serve of the same bytes, ${readConnections} connections`)
await readRatio()
print(`Signed webhooks on one hot ticket, ${webhookConnections} connections, 4 kB bodies`)
await webhookRate()
print('From the answer to a webhook until the change is in the cached tickets of the event')
await timeToVisible()
process.exit()

async function readRatio() {
  const bare = spawn(process.execPath, [`${import.meta.dir}/bare.ts`, `${url}/events`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const port = Number(
    await new Promise((resolve) => bare.stdout.once('data', (data) => resolve(String(data)))),
  )
  const get = (host: string) => Buffer.from(`GET /events HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
  const target = new URL(url)
  const ratios: number[] = []
  for (let round = 0; round < rounds; round++) {
    const full = await load(Number(target.port || 80), () => get(target.host), {
      connections: readConnections,
      ms: readMs,
    })
    const limit = await load(port, () => get('bare'), { connections: readConnections, ms: readMs })
    ratios.push(full.perSecond / limit.perSecond)
    print(
      `  ${full.perSecond} a second, bare ${limit.perSecond}: ${(full.perSecond / limit.perSecond).toFixed(2)}`,
    )
  }
  bare.kill()
  print(`  median ratio ${ratios.sort((a, b) => a - b)[rounds >> 1]?.toFixed(2)}`)
}

async function webhookRate() {
  const orders = Array.from({ length: webhookCount }, (_, nth) => raw('orders/create', orderBody(nth)))
  let next = 0
  const { perSecond, refused, latencies } = await load(
    Number(new URL(url).port || 80),
    () => orders[next++],
    {
      connections: webhookConnections,
      ms: 60_000,
    },
  )
  print(
    `  ${perSecond} a second, ${refused} refused, p50 ${at(latencies, 0.5)} ms, p99 ${at(latencies, 0.99)} ms`,
  )
}

async function timeToVisible() {
  const waits: number[] = []
  for (let nth = 0; nth < visibleCount; nth++) {
    const left = 2_000_000 + nth
    const seconds = new Date(Date.now() + nth * 1000).toISOString().slice(0, 19)
    await post(
      'inventory_levels/update',
      `{"inventory_item_id":${ids.item},"location_id":1,"available":${left},"updated_at":"${seconds}Z"}`,
    )
    const answeredAt = performance.now()
    while (!(await tickets()).includes(`"available":${left}`)) await Bun.sleep(1)
    waits.push(performance.now() - answeredAt)
  }
  waits.sort((a, b) => a - b)
  print(`  p50 ${at(waits, 0.5)} ms, p99 ${at(waits, 0.99)} ms, of ${visibleCount}`)
}

async function tickets(): Promise<string> {
  return (await fetch(`${url}/events/${eventId}/tickets`)).text()
}

/** Sends one request after the other on each connection until `next` has none or the time is over. */
async function load(
  port: number,
  next: () => Buffer | undefined,
  options: { connections: number; ms: number },
) {
  const latencies: number[] = []
  let refused = 0
  const startedAt = performance.now()
  await Promise.all(
    Array.from({ length: options.connections }, async () => {
      await new Promise<void>((resolve, reject) => {
        let sentAt = 0
        let missing = 0
        const send = (socket: Bun.Socket) => {
          const request = performance.now() - startedAt < options.ms ? next() : undefined
          if (!request) {
            socket.end()
            resolve()
            return
          }
          sentAt = performance.now()
          socket.write(request)
        }
        Bun.connect({
          hostname: '127.0.0.1',
          port,
          socket: {
            open: send,
            data(socket, chunk) {
              if (missing === 0) {
                const head = chunk.indexOf('\r\n\r\n')
                const length = /content-length: (\d+)/i.exec(chunk.subarray(0, head).toString())?.[1]
                missing = head + 4 + Number(length ?? 0)
                if (!chunk.subarray(9, 12).equals(Buffer.from('200'))) refused++
              }
              missing -= chunk.length
              if (missing > 0) return
              missing = 0
              latencies.push(performance.now() - sentAt)
              send(socket)
            },
            error: (_, error) => reject(error),
          },
        }).catch(reject)
      })
    }),
  )
  const seconds = (performance.now() - startedAt) / 1000
  latencies.sort((a, b) => a - b)
  return { perSecond: Math.round(latencies.length / seconds), refused, latencies }
}

function at(sorted: readonly number[], share: number): string {
  return (sorted[Math.floor(sorted.length * share)] ?? Number.NaN).toFixed(1)
}

async function post(topic: string, body: string) {
  const answer = await fetch(`${url}/webhooks/${topic}`, {
    method: 'POST',
    body,
    headers: { 'x-shopify-hmac-sha256': sign(body), 'x-shopify-webhook-id': randomUUID() },
  })
  if (answer.status !== 200) throw new Error(`${topic} was answered ${answer.status}: ${await answer.text()}`)
}

function raw(topic: string, body: string): Buffer {
  return Buffer.from(
    `POST /webhooks/${topic} HTTP/1.1\r\nHost: onsale\r\nX-Shopify-Hmac-Sha256: ${sign(body)}\r\n` +
      `X-Shopify-Webhook-Id: ${randomUUID()}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
}

function sign(body: string): string {
  return createHmac('sha256', secret).update(body).digest('base64')
}

function productBody(left: number): string {
  const now = new Date().toISOString()
  return (
    `{"id":${ids.product},"title":"Rough figures","status":"unlisted","updated_at":"${now}","variants":[` +
    `{"id":${ids.variant},"title":"General","price":"25.00","inventory_item_id":${ids.item},"inventory_quantity":${left}}]}`
  )
}

/** An order of the size Shopify's have. */
function orderBody(nth: number): string {
  const now = new Date().toISOString()
  return JSON.stringify({
    id: Number(ids.product) + nth,
    created_at: now,
    updated_at: now,
    note: 'x'.repeat(3_400),
    financial_status: 'paid',
    tags: '',
    line_items: [
      {
        id: 1,
        variant_id: Number(ids.variant),
        quantity: 1,
        current_quantity: 1,
        price: '25.00',
        title: 'General',
      },
    ],
    customer: { id: nth + 1 },
    refunds: [],
  })
}

function print(line: string) {
  process.stdout.write(`${line}\n`)
}
