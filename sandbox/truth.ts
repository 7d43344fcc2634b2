import {
  currentQuantity,
  inventoryQuantity,
  type Order,
  type Product,
  type ProductStatus,
  type ShopFacts,
  type Variant,
} from './records.ts'

/** What Onsale must serve of a shop once every delivery has reached it */
export interface ShopTruth {
  readonly domain: string
  readonly currency: string
  readonly events: readonly TruthEvent[]
}

export interface TruthEvent {
  readonly product_id: string
  /** Deleted products are in here too: nothing may serve them */
  readonly status: ProductStatus | 'deleted'
  readonly title: string
  readonly subtitle: string | null
  readonly category: string | null
  /** RFC 3339 in UTC with milliseconds, as the wire contract has it */
  readonly starts_at: string | null
  readonly ends_at: string | null
  readonly venue: { readonly name: string; readonly city: string } | null
  readonly per_user_limit: number | null
  /** By position */
  readonly tickets: readonly TruthTicket[]
}

export interface TruthTicket {
  readonly variant_id: string
  readonly name: string
  readonly sku: string | null
  readonly price_cents: number
  readonly compare_at_price_cents: number | null
  readonly position: number
  readonly oversell_allowed: boolean
  /** Null where the ticket is untracked; available + sold else, below-zero availability included */
  readonly capacity: number | null
  readonly sold: number
  /** Null where the ticket is untracked; never below 0, as it is shown */
  readonly available: number | null
  /** The shop's own number: below 0 where more was sold than there is */
  readonly available_raw: number | null
}

/** Derives the truth from the records; `ignore` leaves test orders out of `sold`, as SHOPIFY_TEST_ORDERS=ignore does. */
export function truthOf(
  shop: ShopFacts,
  {
    products,
    orders,
    test_orders,
  }: { products: readonly Product[]; orders: readonly Order[]; test_orders: 'count' | 'ignore' },
): ShopTruth {
  const sold = new Map<Variant, number>()
  for (const order of orders) {
    if (order.deleted || order.cancelled_us !== null || (order.test && test_orders === 'ignore')) continue
    for (const line of order.lines) {
      if (line.variant) sold.set(line.variant, (sold.get(line.variant) ?? 0) + currentQuantity(line))
    }
  }
  return {
    domain: shop.domain,
    currency: shop.currency,
    events: products.map((product) => ({
      product_id: product.id,
      status: product.deleted ? 'deleted' : product.status,
      title: product.title,
      subtitle: product.fields.subtitle,
      category: product.product_type === '' ? null : product.product_type.toLowerCase(),
      starts_at: product.fields.starts_at?.toISOString() ?? null,
      ends_at: product.fields.ends_at?.toISOString() ?? null,
      venue: product.fields.venue && { name: product.fields.venue.name, city: product.fields.venue.city },
      per_user_limit: product.fields.per_user_limit,
      tickets: [...product.variants]
        .sort((a, b) => a.position - b.position)
        .map((variant) => ticketOf(variant, sold.get(variant) ?? 0)),
    })),
  }
}

function ticketOf(variant: Variant, sold: number): TruthTicket {
  const raw = variant.item.tracked ? inventoryQuantity(variant.item) : null
  return {
    variant_id: variant.id,
    name: variant.title === 'Default Title' ? variant.product.title : variant.title,
    sku: variant.sku || null,
    price_cents: variant.price_cents,
    compare_at_price_cents: variant.compare_at_price_cents,
    position: variant.position,
    oversell_allowed: variant.oversell,
    capacity: raw === null ? null : raw + sold,
    sold,
    available: raw === null ? null : Math.max(0, raw),
    available_raw: raw,
  }
}
