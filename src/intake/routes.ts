import { Elysia } from 'elysia'
import type { Config } from '../config.ts'
import { AppError } from '../errors.ts'
import { webhookBodyBytesMax, webhookReadMsMax } from '../limits.ts'
import { createBodyReader } from '../platform/body.ts'
import type { Metrics } from '../platform/metrics.ts'
import { operation } from '../platform/operation.ts'
import { descriptionOf } from './description.ts'
import { describes, type Intake } from './intake.ts'
import { type Delivery, deliveryAnswer, deliveryHeaders, knownTopics } from './model.ts'
import { isSigned } from './signature.ts'

export type IntakeRoutesDeps = {
  intake: Pick<Intake, 'submit'>
  config: Pick<Config, 'shopifyWebhookSecrets' | 'shopifyShops'>
  metrics: Metrics
}

/** `POST /webhooks/{topic}` and `POST /webhooks/shopify`: verified, gathered, answered after commit. */
export function intakeRoutes({ intake, config, metrics }: IntakeRoutesDeps) {
  const readBody = createBodyReader({ bytesMax: webhookBodyBytesMax, msMax: webhookReadMsMax })
  const shops = new Set(config.shopifyShops.map((shop) => shop.toLowerCase()))

  return new Elysia({ name: 'intake' }).post(
    '/webhooks/*',
    ({ request, params }) => answer(request, params['*']),
    {
      // The bytes are what is signed: nothing may read them before the signature is checked.
      parse: 'none',
      detail: operation({
        access: 'signed',
        tags: ['Webhooks'],
        summary: 'Take a delivery of Shopify',
        description:
          'The path names the topic (`/webhooks/orders/create`), or is `/webhooks/shopify` and the header names it. ' +
          'Answered after commit: 200 means durably applied, or durably kept as failed. ' +
          'Every other answer means that nothing was stored and the sender should repeat.',
        parameters: Object.entries(deliveryHeaders.properties).map(([name, schema]) => ({
          name,
          in: 'header' as const,
          required: name === 'x-shopify-hmac-sha256',
          schema: schema as never,
        })),
        requestBody: {
          required: true,
          content: {
            'application/json': {
              schema: { type: 'object' as const, additionalProperties: true },
              example: {
                id: 5678901234567,
                updated_at: '2026-11-20T09:00:00Z',
                line_items: [{ id: 901, variant_id: 808950810, quantity: 2, current_quantity: 2 }],
              },
            },
          },
        },
        wildcard: 'topic',
        errors: [
          'missing_topic',
          'topic_mismatch',
          'unknown_shop',
          'request_timeout',
          'too_large',
          'busy',
          'unavailable',
        ],
      }),
      response: { 200: deliveryAnswer },
    },
  )

  async function answer(request: Request, pathTopic: string): Promise<never> {
    const body = await readBody(request)
    const startedAt = performance.now()
    const delivery = deliveryOf(request, pathTopic, body)
    const label = knownTopics.has(delivery.topic) ? delivery.topic : 'other'
    observeAge(delivery, label)
    const { outcome } = await intake.submit(delivery)
    metrics.deliveries.inc({ topic: label, outcome })
    metrics.processingTime.observe((performance.now() - startedAt) / 1000)
    return { outcome, delivery_id: delivery.deliveryId } as never
  }

  function deliveryOf(request: Request, pathTopic: string, body: Uint8Array): Delivery {
    const { headers } = request
    if (!isSigned(body, headers.get('x-shopify-hmac-sha256'), config.shopifyWebhookSecrets)) {
      throw new AppError('bad_signature', 'X-Shopify-Hmac-Sha256 is not the signature of this body')
    }
    const topic = topicOf(pathTopic, headers.get('x-shopify-topic'))
    const shop = headers.get('x-shopify-shop-domain')?.toLowerCase() ?? ''
    if (shops.size > 0 && !shops.has(shop)) {
      throw new AppError('unknown_shop', 'X-Shopify-Shop-Domain names no shop of this service')
    }
    return {
      shop: /^[a-z0-9.-]{1,255}$/.test(shop) ? shop : '',
      deliveryId: token(headers.get('x-shopify-webhook-id')) ?? sha256(body),
      topic,
      triggeredNs: nanosecondsOf(headers.get('x-shopify-triggered-at')),
      eventId: token(headers.get('x-shopify-event-id')),
      apiVersion: token(headers.get('x-shopify-api-version')),
      body,
      description: describes(topic) ? descriptionOf(body) : null,
    }
  }

  function observeAge({ triggeredNs }: Delivery, label: string): void {
    if (triggeredNs === '0') return
    metrics.eventAge.set({ topic: label }, Math.max(0, Date.now() / 1000 - Number(triggeredNs) / 1e9))
  }
}

/** The topic by path or header; both where both are there, and then they must agree. */
function topicOf(pathTopic: string, headerTopic: string | null): string {
  const path = pathTopic.toLowerCase() === 'shopify' ? null : pathTopic.toLowerCase()
  const header = headerTopic?.trim().toLowerCase() || null
  const topic = path || header
  if (!topic) throw new AppError('missing_topic', 'Name the topic in the path or in X-Shopify-Topic')
  if (!/^[a-z0-9_]+(\/[a-z0-9_]+)*$/.test(topic) || topic.length > 100) {
    throw new AppError('missing_topic', 'The topic must look like orders/create')
  }
  if (path && header && path !== header) {
    throw new AppError('topic_mismatch', `The path says ${path}, X-Shopify-Topic says ${header}`)
  }
  return topic
}

/** A header that is stored: printable and short, else as if it were absent. */
function token(value: string | null): string | null {
  return value !== null && /^[\x21-\x7e]{1,128}$/.test(value) ? value : null
}

function sha256(body: Uint8Array): string {
  return new Bun.CryptoHasher('sha256').update(body).digest('hex')
}

/** An RFC 3339 instant in nanoseconds since 1970, as text; "0" where it is none. Date alone stops at milliseconds. */
export function nanosecondsOf(instant: string | null): string {
  const parts = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?(Z|[+-]\d\d:\d\d)$/.exec(instant ?? '')
  if (parts === null) return '0'
  const seconds = Date.parse(`${parts[1]}${parts[3]}`) / 1000
  if (!(seconds >= 0)) return '0'
  const fraction = (parts[2] ?? '').padEnd(9, '0')
  // As digits: a number would round them, and a BigInt is made for nothing.
  const ns = seconds === 0 ? String(Number(fraction)) : `${seconds}${fraction}`
  // From the year 2262 on it does not fit into 64 bits; no honest trigger says that.
  return ns.length < nsMax.length || (ns.length === nsMax.length && ns <= nsMax) ? ns : '0'
}

const nsMax = String(2n ** 63n - 1n)
