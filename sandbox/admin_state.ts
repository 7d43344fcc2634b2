import { createHash } from 'node:crypto'
import { GraphQLError } from 'graphql'
import type { EventFields, Id, Item, Level, Location, Order, Product, Variant, Venue } from './records.ts'
import type { News, World } from './world.ts'

/** What a merchant or an app subscribed to; the topic is GraphQL's name for it */
export interface Subscription {
  readonly id: Id
  readonly topic: string
  readonly api_version: string
  uri: string
  name: string | null
  format: 'JSON' | 'XML'
  include_fields: readonly string[]
  namespaces: readonly string[]
  filter: string | null
  readonly created_us: number
  updated_us: number
}

/** A sales channel's list of products */
export interface Publication {
  readonly id: Id
  readonly catalog_id: Id
  readonly title: string
  readonly auto_publish: boolean
}

/** A productSet or productDelete that goes on after its answer */
export interface Operation {
  readonly id: Id
  readonly kind: 'ProductSetOperation' | 'ProductDeleteOperation'
  status: 'CREATED' | 'ACTIVE' | 'COMPLETE'
  product: Product | null
  deleted: Product | null
  errors: readonly UserError[]
}

export interface BulkOperation {
  readonly id: Id
  readonly query: string
  status: 'CREATED' | 'RUNNING' | 'COMPLETED' | 'CANCELING' | 'CANCELED' | 'FAILED'
  readonly created_us: number
  completed_us: number | null
  error_code: 'INTERNAL_SERVER_ERROR' | null
  lines: readonly string[]
  root_count: number
}

export interface UserError {
  readonly field: readonly string[] | null
  readonly message: string
  readonly code?: string
  readonly elementIndex?: number
}

/** A mutation that reached the shop, for those who compare */
export interface LoggedMutation {
  readonly name: string
  readonly at: string
  readonly idempotency_key: string | null
  /** `replayed`: an earlier answer was given again; `refused`: user errors, nothing changed */
  readonly outcome: 'applied' | 'refused' | 'replayed'
  readonly arguments: unknown
}

/** What an app sees of a shop through the Admin API: the world's records, and what only the API knows of. */
export class AdminShop {
  readonly world: World
  readonly publications: readonly Publication[]
  readonly published = new Map<Product, Set<Publication>>()
  readonly subscriptions: Subscription[] = []
  readonly operations: Operation[] = []
  readonly bulk_operations: BulkOperation[] = []
  readonly log: LoggedMutation[] = []
  /** What was answered under an idempotency key, by mutation and key */
  readonly answers = new Map<string, { fingerprint: string; payload: unknown; refused: boolean }>()

  constructor(world: World) {
    this.world = world
    this.publications = ['Online Store', 'Point of Sale'].map((title) => ({
      id: world.newId('Publication'),
      catalog_id: world.newId('AppCatalog'),
      title,
      auto_publish: false,
    }))
    for (const product of world.products) this.published.set(product, new Set(this.publications))
  }

  /** Lets the shop's clock catch up with the machine's, by a millisecond at least so that no two changes are one */
  tick(): void {
    this.world.advance(Math.max(1000, Date.now() * 1000 - this.world.now_us))
  }

  get products(): readonly Product[] {
    return this.world.products.filter(({ deleted }) => !deleted)
  }

  get variants(): Variant[] {
    return this.products.flatMap(({ variants }) => variants)
  }

  get orders(): readonly Order[] {
    return this.world.orders.filter(({ deleted }) => !deleted)
  }

  product(gid: string): Product | null {
    const id = idOf('Product', gid)
    return this.products.find((product) => product.id === id) ?? null
  }

  variant(gid: string): Variant | null {
    const id = idOf('ProductVariant', gid)
    return this.variants.find((variant) => variant.id === id) ?? null
  }

  /** The variant whose stock the item is */
  stocked(gid: string): Variant | null {
    const id = idOf('InventoryItem', gid)
    return this.variants.find(({ item }) => item.id === id) ?? null
  }

  location(gid: string): Location | null {
    const id = idOf('Location', gid)
    return this.world.locations.find((location) => location.id === id) ?? null
  }

  order(gid: string): Order | null {
    const id = idOf('Order', gid)
    return this.orders.find((order) => order.id === id) ?? null
  }

  /** Units of open orders that still lie at each level: on hand, but not available */
  committed(): Map<Level, number> {
    const committed = new Map<Level, number>()
    for (const order of this.orders) {
      if (order.cancelled_us !== null) continue
      for (const line of order.lines) {
        let open = line.quantity - line.removed - line.fulfilled
        for (const { level, units } of line.takings) {
          const part = Math.min(open, units)
          open -= part
          if (part > 0) committed.set(level, (committed.get(level) ?? 0) + part)
        }
      }
    }
    return committed
  }

  /** Marks what was changed as changed now, and announces it. */
  tell(news: News, { variants = [] as readonly Variant[] } = {}): void {
    const us = this.world.now_us
    for (const product of news.updated ?? []) product.updated_us = us
    for (const variant of variants) variant.updated_us = us
    for (const item of news.items_updated ?? []) item.updated_us = us
    this.world.tell(news)
    // What is not held back leaves at once
    this.world.advance(0)
  }

  /** A level that stocks the item at one more place; the caller announces it */
  stock(item: Item, location: Location, available: number): Level {
    const known = item.levels.find((level) => level.location === location)
    const level = known ?? {
      item,
      location,
      gid: this.world.newId('InventoryLevel'),
      available,
      updated_us: this.world.now_us,
      connected: true,
    }
    level.available = available
    level.connected = true
    if (!known) item.levels.push(level)
    return level
  }
}

/** `gid://shopify/Product/1` -> `1`; refuses what is no id of the kind as Shopify does, above the mutation */
export function idOf(kind: string, gid: string): Id {
  const [, named, id] = /^gid:\/\/shopify\/(\w+)\/(\d+)(?:\?.*)?$/.exec(gid) ?? []
  if (id === undefined || named !== kind) {
    throw new GraphQLError(`Invalid global id '${gid}'`, {
      extensions: { code: 'argumentLiteralsIncompatible' },
    })
  }
  return id
}

export function gidOf(kind: string, id: Id): string {
  return `gid://shopify/${kind}/${id}`
}

/** A metafield as the API shows it, wherever the shop keeps it */
export interface ShownMetafield {
  readonly id: Id
  readonly namespace: string
  readonly key: string
  readonly type: string
  readonly value: string
  readonly created_us: number
  readonly updated_us: number
}

/** What compareDigest says of a value */
export function digestOf(value: string): string {
  return createHash('sha256').update(value).digest('hex')
}

/** `$app:events` belongs to the app that asks */
export function namespaceOf(namespace: string | null | undefined): string {
  const own = 'app--1234567'
  if (!namespace || namespace === '$app') return own
  return namespace.startsWith('$app:') ? `${own}--${namespace.slice(5)}` : namespace
}

/** Sets a metafield of a product. Those of `onsale` are the fields that the shop's bodies and its truth are made of. */
export function setMetafield(
  shop: AdminShop,
  product: Product,
  { namespace, key, type, value }: { namespace: string; key: string; type: string; value: string },
): void {
  if (namespace === 'onsale' && key in product.metafield_ids) {
    setEventField(product.fields, key as keyof EventFields, value)
    return
  }
  const us = shop.world.now_us
  const known = product.other_metafields.find((other) => other.namespace === namespace && other.key === key)
  if (known) Object.assign(known, { type, value, updated_us: us })
  else {
    const id = shop.world.newId('Metafield')
    product.other_metafields.push({ id, namespace, key, type, value, created_us: us, updated_us: us })
  }
}

/** Takes a metafield of a product away; false: it was not there. */
export function deleteMetafield(
  product: Product,
  { namespace, key }: { namespace: string; key: string },
): boolean {
  if (namespace === 'onsale' && key in product.metafield_ids) {
    const had = product.fields[key as keyof EventFields] !== null
    product.fields[key as keyof EventFields] = null
    return had
  }
  const left = product.other_metafields.filter((other) => other.namespace !== namespace || other.key !== key)
  const had = left.length < product.other_metafields.length
  product.other_metafields = left
  return had
}

/** What is wrong with a value of a type, as a sentence; null where it fits */
export function valueFault(type: string, value: string): string | null {
  if (value === '') return 'Value may not be empty.'
  if (type === 'number_integer' && !/^-?\d+$/.test(value)) return 'Value must be an integer.'
  if (type === 'boolean' && !/^(true|false)$/.test(value)) return 'Value must be true or false.'
  if (type === 'date_time' && Number.isNaN(Date.parse(value)))
    return 'Value must be in “YYYY-MM-DDTHH:MM:SS” format.'
  if ((type === 'json' || type.startsWith('list.')) && parsed(value) === undefined)
    return 'Value is invalid JSON.'
  return null
}

/** Takes all metafields away, but for ids that a product is found by */
export function clearMetafields(product: Product): void {
  product.fields = { subtitle: null, starts_at: null, ends_at: null, venue: null, per_user_limit: null }
  product.other_metafields = product.other_metafields.filter(({ type }) => type === 'id')
}

function setEventField(fields: EventFields, key: keyof EventFields, value: string): void {
  if (key === 'subtitle') fields.subtitle = value
  else if (key === 'per_user_limit') fields.per_user_limit = Number(value)
  else if (key === 'venue') fields.venue = parsed(value) as Venue
  // A date_time without an offset is UTC
  else fields[key] = new Date(/[zZ]$|[+-]\d\d:\d\d$/.test(value) ? value : `${value}Z`)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
