// Signed order webhooks for the light generator, made before the clock starts: signing would take the generator more
// time than sending.

import { createHmac } from 'node:crypto'
import { deliveryOf, type HotEvent } from '../orders.ts'
import type { GeneratorRequest, RequestSource } from './generator.ts'

export type WebhookSourceOptions = {
  /** Each has a delivery in turn. */
  events: readonly HotEvent[]
  secret: string
  /** Number of the first delivery (see `deliveryOf`), and how many there are. */
  first: number
  count: number
  /** Statuses that are no failure; the first is the one that is hoped for. */
  expected: number[]
}

/** Each delivery once, over whichever connection asks next; then there are no more. */
export function createSource({
  events,
  secret,
  first,
  count,
  expected,
}: WebhookSourceOptions): RequestSource {
  const requests: GeneratorRequest[] = []
  for (let n = first; n < first + count; n++) {
    const { topic, webhookId, body } = deliveryOf(events, n)
    const signature = createHmac('sha256', secret).update(body).digest('base64')
    const bytes = Buffer.from(
      `POST /webhooks/${topic} HTTP/1.1\r\nHost: onsale\r\nContent-Type: application/json\r\n` +
        `X-Shopify-Topic: ${topic}\r\nX-Shopify-Webhook-Id: ${webhookId}\r\n` +
        `X-Shopify-Hmac-Sha256: ${signature}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    )
    requests.push({ bytes, expected, group: 'webhook' })
  }
  let next = 0
  return { next: () => requests[next++] ?? null }
}
