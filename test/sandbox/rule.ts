import type { Delivery } from '../../sandbox/world.ts'

/** The counts of one ticket as the convergence rule derives them from a set of deliveries */
export interface RuleTicket {
  readonly variant_id: string
  readonly available: number | null
  readonly sold: number
}

/**
 * The convergence rule of the design (section 4), read as plainly as it can be: over the latest facts, in one go, without
 * a database. An oracle for the sandbox: whatever order the deliveries come in, the result depends on their set alone.
 * `tombstones_date_base` says whether a disconnected location still dates the base.
 */
export function applyRule(
  deliveries: readonly Delivery[],
  { tombstones_date_base }: { tombstones_date_base: boolean },
): Map<string, RuleTicket> {
  const facts = collect(deliveries)
  const tickets = new Map<string, RuleTicket>()
  for (const product of facts.products.values()) {
    if (facts.deletedProducts.has(product.body.id)) continue
    for (const { variant_id } of product.body.present) {
      const variant = facts.variants.get(variant_id)
      if (!variant) continue
      const lines = [...facts.orders.values()]
        .filter((order) => !facts.deletedOrders.has(order.body.id))
        .flatMap((order) => order.body.lines.map((line) => ({ ...line, order: order.body })))
        .filter((line) => line.variant_id === variant_id)
      const sold = lines
        .filter((line) => !line.order.cancelled)
        .reduce((units, line) => units + line.current_quantity, 0)
      const tracked = facts.items.get(variant.body.item_id)?.body.tracked ?? true
      const untracked = !tracked || variant.body.management === null
      const base = baseOf(facts, variant, tombstones_date_base)
      const later = lines.filter((line) => line.order.created_s > base.at_s + 2)
      const available = base.units - later.reduce((units, line) => units + line.quantity, 0)
      tickets.set(variant_id, { variant_id, sold, available: untracked ? null : available })
    }
  }
  return tickets
}

type Facts = ReturnType<typeof collect>

function baseOf(
  facts: Facts,
  variant: Fact<VariantBody>,
  tombstones_date_base: boolean,
): { units: number; at_s: number } {
  const told = [...facts.levels.values()].filter((level) => level.body.item_id === variant.body.item_id)
  const open = told.filter((level) => !level.body.disconnected)
  const newest = (levels: typeof told) =>
    levels.reduce((at, level) => Math.max(at, level.at_s), Number.NEGATIVE_INFINITY)
  const at_s = newest(tombstones_date_base ? told : open)
  // The product's number is as of the body it came in, which may be an older one where there are more than 100 variants
  const nothingSaid = tombstones_date_base ? told.length === 0 : open.length === 0
  if (nothingSaid || variant.at_s > at_s + 5) return { units: variant.body.quantity, at_s: variant.at_s }
  return { units: open.reduce((sum, level) => sum + level.body.available, 0), at_s }
}

interface Fact<T> {
  readonly body: T
  /** Seconds, as the record's own stamp says; else Triggered-At */
  readonly at_s: number
  readonly triggered_at: string
  readonly id: string
}

interface VariantBody {
  item_id: string
  quantity: number
  management: string | null | undefined
}

function collect(deliveries: readonly Delivery[]) {
  const products = new Map<string, Fact<{ id: string; present: { variant_id: string }[] }>>()
  const variants = new Map<string, Fact<VariantBody>>()
  const items = new Map<string, Fact<{ tracked: boolean }>>()
  const levels = new Map<string, Fact<{ item_id: string; available: number; disconnected: boolean }>>()
  const orders = new Map<
    string,
    Fact<{
      id: string
      cancelled: boolean
      created_s: number
      lines: { variant_id: string | null; quantity: number; current_quantity: number }[]
    }>
  >()
  const deletedProducts = new Set<string>()
  const deletedOrders = new Set<string>()

  for (const { topic, headers, body: text } of deliveries) {
    const body = parseBig(text)
    const id = headers['X-Shopify-Webhook-Id']!
    const triggered_at = headers['X-Shopify-Triggered-At']!
    const fact = <T>(value: T, stamp: string | undefined): Fact<T> => ({
      body: value,
      at_s: (stamp ? Date.parse(stamp) : Date.parse(triggered_at)) / 1000,
      triggered_at,
      id,
    })
    if (topic === 'products/delete') deletedProducts.add(body.id)
    else if (topic === 'orders/delete') deletedOrders.add(body.id)
    else if (topic.startsWith('products/')) {
      const present = (body.variant_gids ?? body.variants).map((v: Json) => ({
        variant_id: v.admin_graphql_api_id.split('/').at(-1),
      }))
      keep(products, body.id, fact({ id: body.id, present }, body.updated_at))
      for (const v of body.variants) {
        const value = {
          item_id: v.inventory_item_id,
          quantity: Number(v.inventory_quantity),
          management: v.inventory_management,
        }
        keep(variants, v.id, fact(value, body.updated_at))
      }
    } else if (topic === 'inventory_items/create' || topic === 'inventory_items/update') {
      keep(items, body.id, fact({ tracked: body.tracked }, body.updated_at))
    } else if (topic.startsWith('inventory_levels/')) {
      const value = {
        item_id: body.inventory_item_id,
        available: Number(body.available ?? 0),
        disconnected: topic === 'inventory_levels/disconnect',
      }
      keep(levels, `${body.inventory_item_id}@${body.location_id}`, fact(value, body.updated_at))
    } else if (topic.startsWith('orders/') && topic !== 'orders/edited') {
      const refunded = new Map<string, number>()
      for (const refund of body.refunds) {
        for (const part of refund.refund_line_items) {
          refunded.set(part.line_item_id, (refunded.get(part.line_item_id) ?? 0) + Number(part.quantity))
        }
      }
      const lines = body.line_items.map((line: Json) => ({
        variant_id: line.variant_id,
        quantity: Number(line.quantity),
        current_quantity: Number(
          line.current_quantity ?? Number(line.quantity) - (refunded.get(line.id) ?? 0),
        ),
      }))
      const created_s = Date.parse(body.created_at) / 1000
      keep(
        orders,
        body.id,
        fact({ id: body.id, cancelled: body.cancelled_at !== null, created_s, lines }, body.updated_at),
      )
    }
  }
  return { products, variants, items, levels, orders, deletedProducts, deletedOrders }
}

/** By the record's own stamp, then Triggered-At, then the delivery's id */
function keep<T>(facts: Map<string, Fact<T>>, key: string, fact: Fact<T>): void {
  const known = facts.get(key)
  const newer =
    !known ||
    fact.at_s > known.at_s ||
    (fact.at_s === known.at_s &&
      (fact.triggered_at > known.triggered_at ||
        (fact.triggered_at === known.triggered_at && fact.id > known.id)))
  if (newer) facts.set(key, fact)
}

// biome-ignore lint/suspicious/noExplicitAny: bodies are read as loosely here as they come
type Json = any

/** JSON.parse that keeps the digits of every integer beyond 2^53, as text; ids are text throughout */
export function parseBig(text: string): Json {
  type Reviver = (key: string, value: unknown, context: { source?: string }) => unknown
  const parse = JSON.parse as (text: string, reviver: Reviver) => Json
  return parse(text, (_key, value, { source }) =>
    typeof value === 'number' && source !== undefined && /^\d{9,}$/.test(source) ? source : value,
  )
}
