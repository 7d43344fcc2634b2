import { createIntakeCalls } from '../src/intake/calls.ts'
import type { Delivery, DeliveryResult, Outcome } from '../src/intake/model.ts'
import { nanosecondsOf } from '../src/intake/routes.ts'
import type { Session } from '../src/platform/database.ts'
import { createMetrics } from '../src/platform/metrics.ts'

/** A body as text, so that ids beyond 2^53 keep their digits; an object is for bodies without such ids. */
export type Body = string | Record<string, unknown>

// One set for all calls: its default metrics take milliseconds to make.
const metrics = createMetrics()

let deliveryCount = 0

/**
 * A delivery as the routes would submit it; what is not said is a fresh id and no Triggered-At. Of two facts of one second the
 * greater id is newer, as text: that is the later call's, however many a process has made.
 */
export function delivery(
  topic: string,
  body: Body,
  { id, at, shop = 'demo.myshopify.com' }: { id?: string; at?: string; shop?: string } = {},
): Delivery {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return {
    shop,
    deliveryId: id ?? `delivery-${String(++deliveryCount).padStart(9, '0')}`,
    topic,
    triggeredNs: nanosecondsOf(at ?? null),
    eventId: null,
    apiVersion: '2026-10',
    body: Buffer.from(text),
    description: null,
  }
}

/** Applies a batch by one call, as one process would. */
export async function apply(sql: Session, ...batch: Delivery[]): Promise<Outcome[]> {
  return (await applyAll(sql, batch)).map((result) => result.outcome)
}

/** As `apply`, with the reasons. */
export function applyAll(sql: Session, batch: readonly Delivery[]): Promise<DeliveryResult[]> {
  return createIntakeCalls(sql, metrics).applyDeliveries(batch)
}

/** A product with one variant unless told otherwise; numbers may be given as text to keep their digits. */
export function product({
  id = 1,
  variants = [variant()],
  ...rest
}: Record<string, unknown> & { id?: number; variants?: unknown[] } = {}) {
  return {
    id,
    title: 'Rock Night',
    body_html: null,
    product_type: 'Concert',
    status: 'active',
    tags: '',
    updated_at: '2026-11-01T10:00:00+01:00',
    variants,
    variant_gids: variants.map((entry) => ({
      admin_graphql_api_id: `gid://shopify/ProductVariant/${(entry as { id: number }).id}`,
    })),
    images: [],
    ...rest,
  }
}

/** A variant of a product's body. */
export function variant({ id = 11, ...rest }: Record<string, unknown> & { id?: number } = {}) {
  return {
    id,
    title: 'General',
    option1: 'General',
    price: '25.00',
    sku: `SKU-${id}`,
    position: 1,
    inventory_policy: 'deny',
    inventory_item_id: id + 1000,
    inventory_quantity: 100,
    ...rest,
  }
}

/** An order with one line of one ticket unless told otherwise. */
export function order({
  id = 500,
  lines = [{ id: 1, variant_id: 11, quantity: 1, current_quantity: 1 }],
  at = '2026-11-01T12:00:00+01:00',
  ...rest
}: Record<string, unknown> & { id?: number; lines?: unknown[]; at?: string } = {}) {
  return {
    id,
    created_at: at,
    updated_at: at,
    cancelled_at: null,
    closed_at: null,
    test: false,
    customer: { id: 7000 + id },
    line_items: lines,
    refunds: [],
    ...rest,
  }
}

/** A level of the item of variant 11 at location 1 unless told otherwise. */
export function level(available: number | null, rest: Record<string, unknown> = {}) {
  return {
    inventory_item_id: 1011,
    location_id: 1,
    available,
    updated_at: '2026-11-01T11:00:00+01:00',
    ...rest,
  }
}

/** The counters of Shopify's channel of one variant's ticket. */
export async function stockOf(admin: Session, variantId: number | string = 11) {
  const [row] = await admin<
    { capacity: number | null; sold: number; available: number | null; base: number; taken: number }[]
  >`
    select
      s.capacity::integer, s.sold::integer, s.available::integer, s.base::integer, s.taken::integer
    from onsale.stock s
    join onsale.tickets t on t.id = s.ticket_id
    where t.shopify_variant_id = ${variantId}::text::bigint and s.channel = 'shopify'`
  return row ?? null
}

/**
 * Everything the mirror knows, by Shopify's ids: what must not depend on order, repetition and batching. Left out:
 * receipt times, our own ids, counts of edits (a stale fact edits nothing), outcome words (they tell what
 * happened), and rows of a variant or an item of which nothing was ever told (they are only locks).
 */
export async function stateOf(admin: Session): Promise<Record<string, unknown[]>> {
  const [row] = await admin<{ state: Record<string, unknown[]> }[]>`
    select json_build_object(
      'events', (
        select json_agg(to_jsonb(e) - '{id,version,created_at,updated_at}'::text[] order by e.shopify_product_id)
        from onsale.events e),
      'tickets', (
        select json_agg(
          to_jsonb(t) - '{id,event_id,version,created_at,updated_at}'::text[]
          || jsonb_build_object('product', e.shopify_product_id) order by t.shopify_variant_id)
        from onsale.tickets t join onsale.events e on e.id = t.event_id),
      'stock', (
        select json_agg(
          to_jsonb(s) - '{event_id,ticket_id}'::text[] || jsonb_build_object('variant', t.shopify_variant_id)
          order by t.shopify_variant_id, s.channel)
        from onsale.stock s join onsale.tickets t on t.id = s.ticket_id),
      'products', (
        select json_agg(to_jsonb(p) - 'event_id' || jsonb_build_object('has_event', p.event_id is not null)
          order by p.product_id)
        from onsale.shopify_products p),
      'variants', (
        select json_agg(to_jsonb(v) - '{event_id,ticket_id}'::text[]
          || jsonb_build_object('has_ticket', v.ticket_id is not null) order by v.variant_id)
        from onsale.shopify_variants v where v.product_id is not null),
      'items', (
        select json_agg(to_jsonb(i) order by i.inventory_item_id)
        from onsale.inventory_items i where i.tracked is not null or i.is_deleted),
      'levels', (
        select json_agg(to_jsonb(l) order by l.inventory_item_id, l.location_id) from onsale.inventory_levels l),
      'orders', (select json_agg(to_jsonb(o) order by o.order_id) from onsale.shopify_orders o),
      'lines', (select json_agg(to_jsonb(l) order by l.order_id, l.line_id) from onsale.shopify_order_lines l),
      'redactions', (
        select json_agg(to_jsonb(r) - 'redacted_at' order by r.kind, r.key) from onsale.redactions r),
      'deliveries', (
        select json_agg(jsonb_build_array(d.shop, d.delivery_id, d.topic) order by d.shop, d.delivery_id)
        from onsale.deliveries d)
    ) as state`
  return row!.state
}
