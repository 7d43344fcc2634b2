import { t } from 'elysia'

/** What became of a delivery; `failed` is kept with its reason and tried again. */
export const outcomes = ['applied', 'duplicate', 'stale', 'ignored', 'failed'] as const
export type Outcome = (typeof outcomes)[number]

/** One signed webhook request, its signature verified. */
export type Delivery = {
  /** The shop's domain, lower case; empty where the header was missing. */
  shop: string
  /** X-Shopify-Webhook-Id, else the SHA-256 of the body in hexadecimal. */
  deliveryId: string
  topic: string
  /** X-Shopify-Triggered-At in nanoseconds since 1970; "0" where it was missing. Text: it exceeds 2^53. */
  triggeredNs: string
  /** X-Shopify-Event-Id: for correlation only, several deliveries share it. */
  eventId: string | null
  apiVersion: string | null
  /** The bytes as they came: numbers in them exceed what JavaScript can hold. */
  body: Uint8Array
  /** A product's body_html, sanitised; null for every other topic. */
  description: string | null
}

export type DeliveryResult = { outcome: Outcome; reason: string | null }

/** Topics that tell the mirror something; every other one is acknowledged as ignored and counted as `other`. */
export const knownTopics: ReadonlySet<string> = new Set([
  'orders/create',
  'orders/updated',
  'orders/cancelled',
  'orders/paid',
  'orders/fulfilled',
  'orders/partially_fulfilled',
  'orders/delete',
  'orders/edited',
  'refunds/create',
  'products/create',
  'products/update',
  'products/delete',
  'inventory_levels/update',
  'inventory_levels/connect',
  'inventory_levels/disconnect',
  'inventory_items/create',
  'inventory_items/update',
  'inventory_items/delete',
  'app/uninstalled',
  'bulk_operations/finish',
  'customers/data_request',
  'customers/redact',
  'shop/redact',
])

/** The answer to a delivery. */
export const deliveryAnswer = t.Object(
  {
    outcome: t.UnionEnum(outcomes, {
      description:
        '`applied`: news, now in the mirror. `duplicate`: this id was answered before. `stale`: not newer than what is ' +
        'known. `ignored`: nothing for the mirror. `failed`: kept with its reason, tried again by itself.',
    }),
    delivery_id: t.String({
      description: "X-Shopify-Webhook-Id, or the body's SHA-256 where the header was missing",
    }),
  },
  { examples: [{ outcome: 'applied', delivery_id: 'b54557e4-bdd9-4b37-8a5f-bf7d70bcd043' }] },
)

/** Headers of Shopify, for the API's documentation; only the signature is required. */
export const deliveryHeaders = t.Object({
  'x-shopify-hmac-sha256': t.String({
    description: "Base64 of the HMAC-SHA256 of the raw body under the app's secret",
  }),
  'x-shopify-topic': t.Optional(t.String({ description: 'Required on `/webhooks/shopify`' })),
  'x-shopify-webhook-id': t.Optional(
    t.String({ description: 'Id of the delivery, the same in every repetition' }),
  ),
  'x-shopify-shop-domain': t.Optional(t.String({ examples: ['demo.myshopify.com'] })),
  'x-shopify-triggered-at': t.Optional(t.String({ examples: ['2026-11-01T10:00:00.123456789Z'] })),
  'x-shopify-event-id': t.Optional(t.String()),
  'x-shopify-api-version': t.Optional(t.String({ examples: ['2026-10'] })),
})
