// The records a Shopify shop keeps, as far as webhooks show them. Ids are text, because some exceed 2^53.
// Times (`_us`) are whole microseconds since 1970: fine enough to order changes, and exact in a JavaScript number.

export type Id = string

/** What is the same in every body of a shop */
export interface ShopFacts {
  readonly id: Id
  readonly domain: string
  readonly name: string
  readonly currency: string
  /** Digits after the point in the currency's money strings */
  readonly exponent: number
  /** The shop's distance from UTC in minutes, which all stamps of its bodies carry */
  readonly utc_offset_min: number
  /** The API version the bodies are shaped after: 2023-10 lacks `current_quantity` and `variant_gids` */
  readonly api_version: '2026-10' | '2023-10'
}

export interface Location {
  readonly id: Id
  readonly name: string
}

export interface Venue {
  readonly name: string
  readonly address: string
  readonly city: string
  readonly country: string
  readonly latitude: number
  readonly longitude: number
  readonly timezone: string
}

export interface Image {
  readonly id: Id
  readonly src: string
  readonly alt: string
  readonly width: number
  readonly height: number
}

/** The metafields of namespace `onsale`; null where the merchant set none */
export interface EventFields {
  subtitle: string | null
  starts_at: Date | null
  ends_at: Date | null
  venue: Venue | null
  per_user_limit: number | null
}

export type ProductStatus = 'active' | 'draft' | 'archived' | 'unlisted'

/** A metafield outside of `onsale`, as its owner wrote it */
export interface Metafield {
  readonly id: Id
  readonly namespace: string
  readonly key: string
  type: string
  value: string
  readonly created_us: number
  updated_us: number
}

export interface Product {
  readonly id: Id
  title: string
  handle: string
  body_html: string
  vendor: string
  product_type: string
  tags: string[]
  status: ProductStatus
  readonly created_us: number
  updated_us: number
  images: Image[]
  fields: EventFields
  readonly metafield_ids: Readonly<Record<keyof EventFields, Id>>
  other_metafields: Metafield[]
  readonly option_id: Id
  /** What the choice between the variants is called; a product of one nameless variant calls it `Title` */
  option_name: string
  variants: Variant[]
  deleted: boolean
}

export interface Variant {
  readonly id: Id
  readonly product: Product
  readonly item: Item
  title: string
  sku: string
  price_cents: number
  compare_at_price_cents: number | null
  position: number
  oversell: boolean
  readonly created_us: number
  updated_us: number
  /** The quantity before the last change, which products/* bodies also tell */
  old_quantity: number
  removed: boolean
}

export interface Item {
  readonly id: Id
  sku: string
  tracked: boolean
  readonly created_us: number
  updated_us: number
  levels: Level[]
}

export interface Level {
  readonly item: Item
  readonly location: Location
  /** The number before `?` in the level's gid, which is not the location's id */
  readonly gid: Id
  available: number
  updated_us: number
  connected: boolean
}

export interface Address {
  readonly first_name: string
  readonly last_name: string
  readonly address1: string
  readonly city: string
  readonly zip: string
  readonly country: string
  readonly country_code: string
  readonly phone: string
}

export interface Customer {
  readonly id: Id
  readonly address_id: Id
  readonly email: string
  readonly address: Address
  readonly created_us: number
  redacted: boolean
}

export interface Order {
  readonly id: Id
  readonly number: number
  readonly token: string
  readonly checkout_id: Id
  readonly created_us: number
  updated_us: number
  readonly test: boolean
  readonly source_name: 'web' | 'pos' | 'shopify_draft_order'
  /** Whether bodies name the customer: with protected customer data they do not */
  readonly personal: boolean
  readonly customer: Customer | null
  note: string | null
  paid: boolean
  cancelled_us: number | null
  deleted: boolean
  lines: Line[]
  refunds: Refund[]
  fulfillments: Fulfillment[]
}

export interface Line {
  readonly id: Id
  /** Null for what is no product of the shop: a donation, a fee */
  readonly variant: Variant | null
  readonly title: string
  readonly variant_title: string | null
  readonly sku: string
  readonly price_cents: number
  /** Units ordered, edits included; it never falls */
  quantity: number
  /** Units refunded or edited away, with or without restock */
  removed: number
  fulfilled: number
  /** Where the units were taken from, so that a restock knows where to go */
  takings: { level: Level; units: number }[]
}

export type RestockType = 'cancel' | 'return' | 'no_restock' | 'legacy_restock'

export interface Refund {
  readonly id: Id
  readonly created_us: number
  readonly note: string | null
  /** Null where nothing had been paid */
  readonly transaction_id: Id | null
  readonly lines: {
    readonly id: Id
    readonly line: Line
    readonly units: number
    readonly restock_type: RestockType
    readonly location: Location | null
  }[]
}

export interface Fulfillment {
  readonly id: Id
  readonly created_us: number
  readonly location: Location
  readonly lines: { readonly line: Line; readonly units: number }[]
}

/** An order edit, as orders/edited tells it */
export interface OrderEdit {
  readonly id: Id
  readonly order: Order
  readonly committed_us: number
  readonly additions: { readonly line: Line; readonly delta: number }[]
  readonly removals: { readonly line: Line; readonly delta: number }[]
}

/** Units of a line that count as sold */
export function currentQuantity(line: Line): number {
  return line.quantity - line.removed
}

/** What products/* calls `inventory_quantity`: the sum over the item's connected locations */
export function inventoryQuantity(item: Item): number {
  let sum = 0
  for (const level of item.levels) if (level.connected) sum += level.available
  return sum
}

/** The level of an item that is stocked at the location; null where it is not, or no longer */
export function levelAt(item: Item, location: Location): Level | null {
  return item.levels.find((level) => level.connected && level.location === location) ?? null
}
