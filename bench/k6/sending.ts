// Signed webhooks from k6.

import crypto from 'k6/crypto'
import http, { type RefinedResponse } from 'k6/http'
import { env } from './workload.ts'

const tags = { kind: 'webhook' }

/** Sends one delivery as Shopify does. Its answer is timed as `webhook`. */
export function send(
  base: string,
  { topic, webhookId, body }: { topic: string; webhookId: string; body: string },
): RefinedResponse<'none'> {
  return http.post<'none'>(`${base}/webhooks/${topic}`, body, {
    tags,
    headers: {
      'Content-Type': 'application/json',
      'X-Shopify-Topic': topic,
      'X-Shopify-Webhook-Id': webhookId,
      'X-Shopify-Hmac-Sha256': crypto.hmac('sha256', env('SECRET'), body, 'base64'),
    },
  })
}
