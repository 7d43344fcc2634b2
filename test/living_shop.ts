import type { ShopTruth } from '../sandbox/truth.ts'
import type { Delivery as ShopDelivery } from '../sandbox/world.ts'
import type { Delivery } from '../src/intake/model.ts'
import type { Session } from '../src/platform/database.ts'
import { applyAll, delivery } from './deliveries.ts'

// The fake shop beside the mirror, without HTTP between them.

/** A webhook of the fake shop as the intake has it once its signature is verified. */
export function told(
  { topic, headers, body, bodyFor }: ShopDelivery,
  { shop, namespaces = null }: { shop: string; namespaces?: readonly string[] | null },
): Delivery {
  return delivery(topic, (namespaces && bodyFor?.(namespaces)) ?? body, {
    id: headers['X-Shopify-Webhook-Id']!,
    at: headers['X-Shopify-Triggered-At']!,
    shop,
  })
}

/** Applies deliveries in batches. */
export async function applyInBatches(
  sql: Session,
  deliveries: readonly Delivery[],
  size = 64,
): Promise<void> {
  for (let from = 0; from < deliveries.length; from += size) {
    await applyAll(sql, deliveries.slice(from, from + size))
  }
}

/** Living tickets by Shopify's id, as the mirror has them: what is left (below 0 where oversold) and what was sold. */
export async function served(sql: Session): Promise<string[]> {
  const rows = await sql<{ variant: string; available: string | null; sold: string }[]>`
    select t.shopify_variant_id::text as variant, s.available::text, s.sold::text
    from onsale.tickets t
    join onsale.events e on e.id = t.event_id
    join onsale.stock s on s.ticket_id = t.id and s.channel = 'shopify'
    where e.deleted_at is null and not t.is_removed
    order by t.shopify_variant_id::text`
  return rows.map(
    ({ variant, available, sold }) => `${variant}: ${available ?? 'unlimited'} left, ${sold} sold`,
  )
}

/** The same as the shop itself knows it. */
export function wanted(truth: ShopTruth): string[] {
  return truth.events
    .filter((event) => event.status !== 'deleted')
    .flatMap((event) => event.tickets)
    .map((ticket) => `${ticket.variant_id}: ${ticket.available_raw ?? 'unlimited'} left, ${ticket.sold} sold`)
    .sort()
}
