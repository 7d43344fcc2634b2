import type { AdminShop, Subscription } from './admin_state.ts'
import { type DeliverOptions, deliver } from './deliver.ts'
import { TOPICS } from './graphql_schema.ts'
import { createRandom } from './random.ts'
import type { Delivery } from './world.ts'

/** Sends what leaves the shop while it lives */
export interface Courier {
  /** Takes up what has left since the last time */
  collect(): void
  /** Resolves when everything that was changed so far has been told, and answered or given up */
  idle(): Promise<void>
  /** Webhooks that left the shop, requests made of them, and what became of these; `waiting` have not left yet */
  counts(): { waiting: number; collected: number; sent: number; answered: number; lost: number }
}

/** How often the shop looks whether something is due */
const ROUND_MS = 20

/**
 * Delivers to `url`, all topics and all metafields as an app's own configuration has it, and to whoever subscribed: each
 * subscription's copy has a Webhook-Id of its own, and one Event-Id with the others.
 */
export function startCourier(
  shop: AdminShop,
  {
    url,
    secret,
    seed,
    options,
    signal,
  }: {
    url: string | null
    secret: string
    seed: string
    options: () => Pick<DeliverOptions, 'duplicates' | 'shuffle' | 'delay_ms'>
    signal: AbortSignal
  },
): Courier {
  const ids = createRandom(`${seed}/courier`)
  const underWay = new Set<Promise<void>>()
  // What was lived through before the courier came is history: nobody had subscribed
  let next = shop.world.deliveries.length
  let rounds = 0
  const counts = { collected: 0, sent: 0, answered: 0, lost: 0 }
  const timer = setInterval(() => {
    shop.tick()
    collect()
  }, ROUND_MS)
  signal.addEventListener('abort', () => clearInterval(timer))
  return { collect, idle, counts: () => ({ waiting: shop.world.waiting, ...counts }) }

  function collect(): void {
    const fresh = shop.world.deliveries.slice(next)
    if (fresh.length === 0) return
    next += fresh.length
    counts.collected += fresh.length
    if (url !== null) send(fresh, { url })
    for (const uri of new Set(shop.subscriptions.map((subscription) => subscription.uri))) {
      const there = shop.subscriptions.filter((subscription) => subscription.uri === uri)
      const copies = fresh.flatMap((delivery) =>
        there.filter(({ topic }) => TOPICS[topic] === delivery.topic).map((one) => copyFor(one, delivery)),
      )
      if (copies.length > 0) send(copies, { url: uri, uri })
    }
  }

  function send(deliveries: readonly Delivery[], to: { url: string; uri?: string }): void {
    const task = deliver(deliveries, { ...to, ...options(), secret, seed: `${seed}/${rounds++}`, signal })
      .then((report) => {
        counts.sent += report.requests
        counts.answered += report.answered
        counts.lost += report.lost_count + report.refused_count
      })
      .finally(() => underWay.delete(task))
    underWay.add(task)
  }

  function copyFor(subscription: Subscription, delivery: Delivery): Delivery {
    return {
      topic: delivery.topic,
      headers: {
        ...delivery.headers,
        'X-Shopify-Webhook-Id': ids.uuid(),
        'X-Shopify-API-Version': subscription.api_version,
        ...(subscription.name ? { 'X-Shopify-Name': subscription.name } : {}),
      },
      body: delivery.bodyFor?.(subscription.namespaces) ?? delivery.body,
    }
  }

  async function idle(): Promise<void> {
    while (!signal.aborted && (underWay.size > 0 || shop.world.waiting > 0)) {
      await Promise.all([...underWay, Bun.sleep(ROUND_MS)])
    }
  }
}
